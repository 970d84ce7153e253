//! Networks of peers that may speak on somebody's behalf.

use std::net::IpAddr;

use serde_json::json;

use crate::{
    Entry, Grammar,
    report::Shown,
    setting::{Setting, Wrong},
};

/// An IP network, or one address as the network of itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Network {
    first: IpAddr,
    prefix: u8,
}

/// The peers whose forwarded headers count.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Networks {
    /// All of them. Anybody who can connect can then claim any address.
    Everybody,
    /// These.
    These(Vec<Network>),
}

impl Network {
    fn parse(text: &str) -> Option<Self> {
        let (address, prefix) = match text.split_once('/') {
            Some((address, prefix)) => (address, Some(prefix)),
            None => (text, None),
        };
        let first: IpAddr = address.parse().ok()?;
        let longest = if first.is_ipv4() { 32 } else { 128 };
        let prefix = match prefix {
            Some(text) if text.bytes().all(|b| b.is_ascii_digit()) => text.parse().ok()?,
            Some(_) => return None,
            None => longest,
        };
        (prefix <= longest).then_some(Self { first, prefix })
    }

    /// Whether the address is in this network. An IPv4 address in IPv6 dress counts as what it is.
    pub fn contains(&self, address: IpAddr) -> bool {
        match (self.first.to_canonical(), address.to_canonical()) {
            (IpAddr::V4(first), IpAddr::V4(other)) => {
                // A network written in IPv6 dress has a prefix counted in 128 bits.
                let prefix = if self.first.is_ipv6() { self.prefix.saturating_sub(96) } else { self.prefix };
                let differing = u32::from(first) ^ u32::from(other);
                differing.checked_shr(32 - u32::from(prefix)).unwrap_or(0) == 0
            }
            (IpAddr::V6(first), IpAddr::V6(other)) => {
                let differing = u128::from(first) ^ u128::from(other);
                differing.checked_shr(128 - u32::from(self.prefix)).unwrap_or(0) == 0
            }
            _ => false,
        }
    }
}

impl Networks {
    /// Whether every address is one of these, however that is written.
    pub fn is_everybody(&self) -> bool {
        match self {
            Self::Everybody => true,
            Self::These(networks) => networks.iter().any(|network| network.prefix == 0),
        }
    }

    /// Whether the peer's forwarded headers count.
    pub fn contains(&self, peer: IpAddr) -> bool {
        match self {
            Self::Everybody => true,
            Self::These(networks) => networks.iter().any(|network| network.contains(peer)),
        }
    }
}

impl Setting for Networks {
    const GRAMMAR: Grammar = Grammar::Networks;

    fn read(text: &str, _: &Entry) -> Result<Self, Wrong> {
        if text == "*" {
            return Ok(Self::Everybody);
        }
        let mut networks = Vec::new();
        for (index, part) in text.split(',').map(str::trim).enumerate() {
            let network = Network::parse(part)
                .ok_or_else(|| Wrong::because(format!("entry {} is neither of them", index + 1)))?;
            networks.push(network);
        }
        Ok(Self::These(networks))
    }

    fn show(&self) -> Shown<'_> {
        let text = match self {
            Self::Everybody => "*".to_owned(),
            Self::These(networks) => {
                let parts: Vec<String> =
                    networks.iter().map(|n| format!("{}/{}", n.first, n.prefix)).collect();
                parts.join(",")
            }
        };
        Shown::Plain(json!(text))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn networks(text: &str) -> Result<Networks, Wrong> {
        Networks::read(text, &Entry::new("FORWARDED_ALLOW_IPS"))
    }

    #[test]
    fn a_peer_is_trusted_exactly_when_one_network_holds_it() {
        for (text, peer, expected) in [
            ("127.0.0.1", "127.0.0.1", true),
            ("127.0.0.1", "127.0.0.2", false),
            ("127.0.0.0/8,::1", "127.9.9.9", true),
            ("127.0.0.0/8,::1", "::1", true),
            ("127.0.0.0/8,::1", "::2", false),
            ("10.0.0.0/8", "11.0.0.0", false),
            ("10.0.0.0/8", "::ffff:10.1.2.3", true),
            ("::ffff:10.0.0.0/104", "10.1.2.3", true),
            ("::ffff:10.0.0.0/104", "11.1.2.3", false),
            ("0.0.0.0/0", "203.0.113.9", true),
            ("0.0.0.0/0", "2001:db8::1", false),
            ("2001:db8::/32", "2001:db8:ffff::1", true),
            ("2001:db8::/32", "2001:db9::1", false),
            ("::/0", "2001:db8::1", true),
            ("*", "203.0.113.9", true),
        ] {
            assert_eq!(networks(text).unwrap().contains(peer.parse().unwrap()), expected, "{peer} in {text}");
        }
    }

    #[test]
    fn what_is_no_network_is_named_by_its_place() {
        for text in
            ["10.0.0.0/33", "10.0.0/8", "localhost", "10.0.0.1,", "::1/129", "10.0.0.0/+8", "*,10.0.0.1"]
        {
            let why = networks(text).unwrap_err().0.unwrap();
            assert!(why.starts_with("entry "), "{text}: {why}");
        }
    }
}
