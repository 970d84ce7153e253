//! What the wire formats promise.

// Says to clippy that the helpers too are tests, where `unwrap` is allowed.
#![cfg(test)]

mod envelope;
mod meter;
mod rewrite;
mod sse;
