//! Networks of IP addresses.

use std::{
    fmt,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
};

/// An IP network, or one address as the network of itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Network {
    first: IpAddr,
    prefix: u8,
}

impl Network {
    /// Reads `10.0.0.0/8`, `2001:db8::/32` or an address alone.
    pub fn parse(text: &str) -> Option<Self> {
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

    /// What one subscriber usually holds: the IPv4 /24 or IPv6 /64 around this address.
    pub fn of_subscriber(address: IpAddr) -> Self {
        match address.to_canonical() {
            IpAddr::V4(v4) => {
                let first = Ipv4Addr::from(u32::from(v4) & (u32::MAX << 8));
                Self { first: first.into(), prefix: 24 }
            }
            IpAddr::V6(v6) => {
                let first = Ipv6Addr::from(u128::from(v6) & (u128::MAX << 64));
                Self { first: first.into(), prefix: 64 }
            }
        }
    }

    /// How many leading bits all its addresses share.
    pub const fn prefix(&self) -> u8 {
        self.prefix
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

    /// Whether every address of the other one is in this one. Two spellings of one family are not compared.
    pub fn covers(&self, other: &Self) -> bool {
        self.first.is_ipv4() == other.first.is_ipv4()
            && self.prefix <= other.prefix
            && self.contains(other.first)
    }
}

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.first, self.prefix)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn network(text: &str) -> Network {
        Network::parse(text).unwrap()
    }

    #[test]
    fn a_subscriber_holds_the_network_around_an_address() {
        for (address, expected) in [
            ("192.0.2.77", "192.0.2.0/24"),
            ("::ffff:192.0.2.77", "192.0.2.0/24"),
            ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ] {
            assert_eq!(Network::of_subscriber(address.parse().unwrap()).to_string(), expected);
        }
    }

    #[test]
    fn an_address_is_in_a_network_whose_leading_bits_it_has() {
        for (text, address, expected) in [
            ("127.0.0.1", "127.0.0.1", true),
            ("127.0.0.1", "127.0.0.2", false),
            ("10.0.0.0/8", "11.0.0.0", false),
            ("10.0.0.0/8", "::ffff:10.1.2.3", true),
            ("::ffff:10.0.0.0/104", "10.1.2.3", true),
            ("::ffff:10.0.0.0/104", "11.1.2.3", false),
            ("0.0.0.0/0", "203.0.113.9", true),
            ("0.0.0.0/0", "2001:db8::1", false),
            ("2001:db8::/32", "2001:db8:ffff::1", true),
            ("2001:db8::/32", "2001:db9::1", false),
            ("::/0", "2001:db8::1", true),
        ] {
            assert_eq!(network(text).contains(address.parse().unwrap()), expected, "{address} in {text}");
        }
    }

    #[test]
    fn what_is_no_network_is_not_read() {
        for text in ["", "10.0.0.0/33", "10.0.0/8", "localhost", "::1/129", "10.0.0.0/+8", "10.0.0.0/", "a/8"]
        {
            assert_eq!(Network::parse(text), None, "{text}");
        }
    }

    #[test]
    fn a_network_covers_what_lies_within_it() {
        assert!(network("10.0.0.0/8").covers(&network("10.1.0.0/16")));
        assert!(network("10.0.0.0/8").covers(&network("10.0.0.0/8")));
        assert!(!network("10.1.0.0/16").covers(&network("10.0.0.0/8")));
        assert!(!network("10.0.0.0/8").covers(&network("11.0.0.0/16")));
        assert!(!network("0.0.0.0/0").covers(&network("::/0")));
    }
}
