//! Which addresses may be connected to. Pure: no look-up, no socket.
//!
//! Deny by default: an address is closed unless a rule below opens it. The special ranges are those of
//! IANA's IPv4 and IPv6 special-purpose address registries (RFC 6890), read November 2026.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// How far a request may reach.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Reach {
    /// Only addresses that are routable on the public internet.
    Public,
    /// The operator's environment names this base URL: loopback and private networks are allowed too.
    /// Link-local, metadata, multicast and unspecified addresses stay closed.
    Named,
}

impl Reach {
    /// Whether this address may be connected to.
    pub(crate) fn admits(self, address: IpAddr) -> bool {
        match address {
            IpAddr::V4(address) => self.admits_v4(address),
            IpAddr::V6(address) => self.admits_v6(address),
        }
    }

    fn admits_v4(self, address: Ipv4Addr) -> bool {
        if METADATA_V4.contains(&address) {
            return false;
        }
        let is_open = !SPECIAL_V4.iter().any(|&(network, bits)| within_v4(address, network, bits));
        is_open
            || (self == Self::Named && PRIVATE_V4.iter().any(|&(net, bits)| within_v4(address, net, bits)))
    }

    fn admits_v6(self, address: Ipv6Addr) -> bool {
        if METADATA_V6.contains(&address) {
            return false;
        }
        if self == Self::Named {
            if let Some(inner) = embedded_v4(address) {
                return self.admits_v4(inner);
            }
            if address.is_loopback() || within_v6(address, Ipv6Addr::new(0xfc00, 0, 0, 0, 0, 0, 0, 0), 7) {
                return true;
            }
        }
        is_global_v6(address)
    }
}

/// Everything in IPv4 that is not the public internet.
const SPECIAL_V4: [(Ipv4Addr, u32); 15] = [
    (Ipv4Addr::UNSPECIFIED, 8),          // this network; 0.0.0.0 reaches the own machine
    (Ipv4Addr::new(10, 0, 0, 0), 8),     // private
    (Ipv4Addr::new(100, 64, 0, 0), 10),  // shared by carriers, used by overlay networks
    (Ipv4Addr::new(127, 0, 0, 0), 8),    // loopback
    (Ipv4Addr::new(169, 254, 0, 0), 16), // link-local, cloud metadata
    (Ipv4Addr::new(172, 16, 0, 0), 12),  // private
    (Ipv4Addr::new(192, 0, 0, 0), 24),   // protocol assignments
    (Ipv4Addr::new(192, 0, 2, 0), 24),   // documentation
    (Ipv4Addr::new(192, 88, 99, 0), 24), // 6to4 relays, deprecated
    (Ipv4Addr::new(192, 168, 0, 0), 16), // private
    (Ipv4Addr::new(198, 18, 0, 0), 15),  // benchmarking
    (Ipv4Addr::new(198, 51, 100, 0), 24), // documentation
    (Ipv4Addr::new(203, 0, 113, 0), 24), // documentation
    (Ipv4Addr::new(224, 0, 0, 0), 4),    // multicast
    (Ipv4Addr::new(240, 0, 0, 0), 4),    // reserved, broadcast
];

/// What [`Reach::Named`] opens again.
const PRIVATE_V4: [(Ipv4Addr, u32); 5] = [
    (Ipv4Addr::new(10, 0, 0, 0), 8),
    (Ipv4Addr::new(100, 64, 0, 0), 10),
    (Ipv4Addr::new(127, 0, 0, 0), 8),
    (Ipv4Addr::new(172, 16, 0, 0), 12),
    (Ipv4Addr::new(192, 168, 0, 0), 16),
];

/// Services of clouds for their virtual machines: they hand out credentials to whoever asks. Closed always.
const METADATA_V4: [Ipv4Addr; 3] = [
    Ipv4Addr::new(169, 254, 169, 254),
    Ipv4Addr::new(100, 100, 100, 200), // Alibaba, inside the shared range
    Ipv4Addr::new(168, 63, 129, 16),   // Azure's wire server, a public address by number
];

const METADATA_V6: [Ipv6Addr; 3] = [
    Ipv6Addr::new(0xfd00, 0x0ec2, 0, 0, 0, 0, 0, 0x0254), // AWS
    Ipv6Addr::new(0xfd20, 0x00ce, 0, 0, 0, 0, 0, 0x0254), // Google
    Ipv6Addr::new(0xfd7a, 0x115c, 0xa1e0, 0, 0, 0, 0, 0x0053), // Tailscale's resolver
];

/// What is not the public internet inside `2000::/3`, the only block that global unicast is assigned from.
const SPECIAL_V6: [(Ipv6Addr, u32); 5] = [
    (Ipv6Addr::new(0x2001, 0, 0, 0, 0, 0, 0, 0), 23), // protocol assignments: Teredo, ORCHID, benchmarking …
    (Ipv6Addr::new(0x2001, 0x0db8, 0, 0, 0, 0, 0, 0), 32), // documentation
    (Ipv6Addr::new(0x2002, 0, 0, 0, 0, 0, 0, 0), 16), // 6to4: any IPv4 address inside
    (Ipv6Addr::new(0x2620, 0x004f, 0x8000, 0, 0, 0, 0, 0), 48), // AS112, answers for private zones
    (Ipv6Addr::new(0x3fff, 0, 0, 0, 0, 0, 0, 0), 20), // documentation
];

fn is_global_v6(address: Ipv6Addr) -> bool {
    within_v6(address, Ipv6Addr::new(0x2000, 0, 0, 0, 0, 0, 0, 0), 3)
        && !SPECIAL_V6.iter().any(|&(network, bits)| within_v6(address, network, bits))
        && !is_isatap(address)
}

/// The IPv4 address inside an IPv4-mapped (`::ffff:a.b.c.d`) or NAT64 (`64:ff9b::a.b.c.d`) address.
/// The other ways to hide one (compatible, translated, 6to4, Teredo, local NAT64) are closed as a whole.
fn embedded_v4(address: Ipv6Addr) -> Option<Ipv4Addr> {
    if let Some(inner) = address.to_ipv4_mapped() {
        return Some(inner);
    }
    let nat64 = Ipv6Addr::new(0x0064, 0xff9b, 0, 0, 0, 0, 0, 0);
    let [.., a, b, c, d] = address.octets();
    within_v6(address, nat64, 96).then(|| Ipv4Addr::new(a, b, c, d))
}

/// An ISATAP interface id (RFC 5214) names the IPv4 address that a tunnel would deliver to.
fn is_isatap(address: Ipv6Addr) -> bool {
    let [_, _, _, _, high, low, ..] = address.segments();
    low == 0x5efe && matches!(high, 0x0000 | 0x0200)
}

fn within_v4(address: Ipv4Addr, network: Ipv4Addr, bits: u32) -> bool {
    (address.to_bits() ^ network.to_bits()) >> (32 - bits) == 0
}

fn within_v6(address: Ipv6Addr, network: Ipv6Addr, bits: u32) -> bool {
    (address.to_bits() ^ network.to_bits()) >> (128 - bits) == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    fn admits(reach: Reach, address: &str) -> bool {
        reach.admits(address.parse().unwrap())
    }

    #[test]
    fn a_named_destination_may_be_on_this_machine_or_in_a_private_network() {
        for address in [
            "127.0.0.1",
            "10.1.2.3",
            "172.20.0.2",
            "192.168.1.5",
            "100.64.0.7",
            "::1",
            "fd12::1",
            "::ffff:10.0.0.1",
        ] {
            assert!(admits(Reach::Named, address), "{address}");
            assert!(!admits(Reach::Public, address), "{address}");
        }
    }

    #[test]
    fn link_local_metadata_multicast_and_unspecified_addresses_are_closed_even_when_named() {
        for address in [
            "169.254.169.254",
            "169.254.0.23",
            "fe80::1",
            "fe80::a9fe:a9fe",
            "fd00:ec2::254",
            "100.100.100.200",
            "168.63.129.16",
            "224.0.0.1",
            "ff02::1",
            "0.0.0.0",
            "0.1.2.3",
            "::",
            "255.255.255.255",
            "fec0::1",
            "::ffff:169.254.169.254",
            "::ffff:0.0.0.0",
            "64:ff9b::169.254.169.254",
            "64:ff9b:1::10.0.0.1",
            "::127.0.0.1",
            "2002:7f00:1::",
            "2001:0:4136:e378:8000:63bf:5601:5601",
        ] {
            assert!(!admits(Reach::Named, address), "{address}");
            assert!(!admits(Reach::Public, address), "{address}");
        }
    }

    #[test]
    fn the_neighbours_of_a_closed_range_stay_open() {
        for address in
            ["9.255.255.255", "11.0.0.0", "100.128.0.0", "172.32.0.0", "223.255.255.255", "2001:200::1"]
        {
            assert!(admits(Reach::Public, address), "{address}");
        }
    }
}
