//! What the way out promises, against real sockets.

// Says to clippy that the helpers too are tests, where `unwrap` is allowed.
#![cfg(test)]

mod answers;
mod hangups;
mod pool;
mod provider;
mod reach;
mod stage;
mod tls;
