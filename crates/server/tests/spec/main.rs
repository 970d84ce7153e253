//! What Wardroom promises, tried on the real binary from outside, with SQLite and with PostgreSQL.

// Says to clippy that everything here is a test, where `unwrap` is allowed.
#![cfg(test)]

mod accounts;
mod chats;
mod gateway;
mod provider_failures;
mod stream;
mod turns;
