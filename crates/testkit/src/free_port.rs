//! A port that nobody listens on.

use std::{
    collections::hash_map::RandomState,
    hash::BuildHasher,
    net::{Ipv4Addr, TcpListener},
};

/// Ports below the range that the operating system gives to outgoing connections, so that none of those can
/// take the place between our looking and the server's binding.
const FIRST: u16 = 10_000;
const COUNT: u16 = 22_000;

/// A port of 127.0.0.1 that was free a moment ago.
pub(crate) fn find() -> u16 {
    loop {
        let random = RandomState::new().hash_one(std::process::id());
        let offset = u16::try_from(random % u64::from(COUNT)).expect("the rest is smaller than a u16");
        let port = FIRST + offset;
        if TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok() {
            return port;
        }
    }
}
