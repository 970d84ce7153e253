//! The only cryptography of Wardroom: sealed values, keyed digests, password hashes, session tokens, second
//! factors and the check that root secrets are worth the name.
//!
//! It knows neither HTTP nor SQL nor where a secret is kept, and it takes randomness and time from
//! [`kernel::World`]. Everything fails closed: what does not verify is an error, never a default.

mod device;
mod digest;
mod notary;
mod one_time;
mod passkey;
mod password;
mod ring;
mod sealed;
mod session;
mod strength;
#[cfg(test)]
mod testing;
mod ticket;
mod totp;

pub use device::DeviceMark;
pub use digest::{IssuedKey, constant_time_eq, virtual_key};
pub use notary::{Notary, Paper};
pub use one_time::{RECOVERY_CODES, recovery_codes};
pub use passkey::{
    KnownPasskey, NewPasskey, PASSKEY_ALGORITHMS, PasskeyAssertion, PasskeyError, PasskeyRegistration,
    PasskeyUse, RelyingParty, base64url,
};
pub use password::{HashAlgorithm, HashSlot, PasswordError, Passwords, Verdict};
pub use ring::{AnchorError, KeyRing, KeyVersion, Previous, RootKeys, Roots, SealingRoot, Standing};
pub use sealed::{OpenError, Place};
pub use session::{AuthMethod, Claims, TokenError};
pub use strength::{WeakSecret, check_master_key, check_root_secret};
pub use ticket::{Ticket, TicketKind};
pub use totp::TotpSeed;
