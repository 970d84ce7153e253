//! The audit log: which requests it keeps how much of, the line in its file, and the proof that nobody changed
//! either the file or the records.
//!
//! The records themselves are written by `store`, in the transaction of what they tell about. Here they are followed:
//! each gets its line, its place in the chain is signed now and then, and all of it can be verified and exported.
//! This crate knows no routes and decides nothing about who may do what.

mod chain;
mod checkpoint;
mod export;
mod file;
mod follow;
mod head;
mod keep;
mod line;
mod parts;
mod prover;
mod record;
pub mod redact;
mod status;
#[cfg(test)]
mod testing;
mod trail;
pub mod verify;
mod writer;

pub use chain::hex;
pub use checkpoint::file_in as checkpoint_file;
pub use export::{Export, Format, Span};
pub use keep::{Keeping, level};
pub use prover::{ProofError, Prover};
pub use record::{Actor, Record, Request};
pub use status::{Condition, Sink, Verified};
pub use trail::{Answered, Trail, TrailError, TrailParts};
pub use writer::Outlet;
