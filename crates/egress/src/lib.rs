//! The only way out of the process: HTTP to model providers.
//!
//! One guarded connector resolves a name, checks every address of the answer and connects to exactly an
//! address that was checked; there is no second look-up and no other socket. Redirects are never
//! followed, proxies of the environment are never used.
//!
//! It knows addresses, connections and bytes. It refuses to know models, keys, prices and JSON.

mod address;
mod body;
mod client;
mod destination;
mod dial;
mod error;
mod lane;
mod name;
mod network;

pub use address::Reach;
pub use body::collect;
pub use client::{Egress, EgressConfig};
pub use destination::Destination;
pub use error::EgressError;
pub use lane::enter_lane;
pub use network::{Answer, Network, Socket, System};

/// The body of a provider's answer, read frame by frame. Dropping it closes the connection.
pub use hyper::body::Incoming;

/// Makes AWS-LC the process's TLS cryptography. Call it first thing in `main`; a second call does nothing.
///
/// [`Egress`] names its provider itself. This is for every other crate that asks rustls for "the default",
/// which panics when none is installed.
pub fn install_tls() {
    // The error says that a provider was installed already, which is what is wanted.
    drop(rustls::crypto::aws_lc_rs::default_provider().install_default());
}
