//! Networks of peers that may speak on somebody's behalf.

use std::net::IpAddr;

use kernel::Network;
use serde_json::json;

use crate::{
    Entry, Grammar,
    report::Shown,
    setting::{Setting, Wrong},
};

/// The peers whose forwarded headers count.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Networks {
    /// All of them. Anybody who can connect can then claim any address.
    Everybody,
    /// These.
    These(Vec<Network>),
}

impl Networks {
    /// Whether every address is one of these, however that is written.
    pub fn is_everybody(&self) -> bool {
        match self {
            Self::Everybody => true,
            Self::These(networks) => networks.iter().any(|network| network.prefix() == 0),
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
                let parts: Vec<String> = networks.iter().map(ToString::to_string).collect();
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
            ("127.0.0.1", "127.0.0.2", false),
            ("127.0.0.0/8,::1", "127.9.9.9", true),
            ("127.0.0.0/8,::1", "::1", true),
            ("127.0.0.0/8,::1", "::2", false),
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
