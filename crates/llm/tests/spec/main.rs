//! What the wire formats promise.

// Says to clippy that the helpers too are tests, where `unwrap` is allowed.
#![cfg(test)]

mod answer;
mod delta;
mod envelope;
mod estimate;
mod golden;
mod meter;
mod models;
mod prices;
mod rewrite;
mod sse;
