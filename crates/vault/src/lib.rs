//! The only cryptography of Wardroom: sealed values, keyed digests, password hashes, session tokens and
//! the check that root secrets are worth the name.
//!
//! It knows neither HTTP nor SQL nor where a secret is kept, and it takes randomness and time from
//! [`kernel::World`]. Everything fails closed: what does not verify is an error, never a default.

mod digest;
mod password;
mod ring;
mod sealed;
mod session;
mod strength;
#[cfg(test)]
mod testing;

pub use digest::{IssuedKey, constant_time_eq, virtual_key};
pub use password::{PasswordError, Passwords};
pub use ring::{CanaryError, KeyRing, KeyVersion, Roots, SealingRoot};
pub use sealed::{OpenError, Place};
pub use session::{AuthMethod, Claims, TokenError};
pub use strength::{WeakSecret, check_master_key, check_root_secret};
