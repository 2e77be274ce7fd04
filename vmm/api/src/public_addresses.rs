//! Public addresses: those of the Internet, as against private, local and translated ones.
//!
//! Sources: the registries of special-purpose addresses of IANA (RFC 6890). Addresses for documentation count as
//! public: nobody has them.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// IPv4 networks that are not public, each with the length of its prefix.
pub const NOT_PUBLIC_V4: [(Ipv4Addr, u8); 11] = [
    (Ipv4Addr::new(0, 0, 0, 0), 8),      // this host (RFC 791)
    (Ipv4Addr::new(10, 0, 0, 0), 8),     // private (RFC 1918)
    (Ipv4Addr::new(100, 64, 0, 0), 10),  // behind a provider's NAT (RFC 6598)
    (Ipv4Addr::new(127, 0, 0, 0), 8),    // loopback (RFC 1122)
    (Ipv4Addr::new(169, 254, 0, 0), 16), // link-local (RFC 3927), the metadata of clouds
    (Ipv4Addr::new(172, 16, 0, 0), 12),  // private
    (Ipv4Addr::new(192, 0, 0, 0), 24),   // protocol assignments (RFC 6890)
    (Ipv4Addr::new(192, 168, 0, 0), 16), // private
    (Ipv4Addr::new(198, 18, 0, 0), 15),  // benchmarks (RFC 2544)
    (Ipv4Addr::new(224, 0, 0, 0), 4),    // multicast (RFC 5771)
    (Ipv4Addr::new(240, 0, 0, 0), 4),    // reserved, and broadcast (RFC 1112)
];

/// IPv6 network of global unicast addresses (RFC 4291), in which all public ones are. Outside it are unique
/// local, link-local and multicast addresses, NAT64 (RFC 6052, RFC 8215), and IPv4-mapped and -compatible ones.
pub const GLOBAL_V6: (Ipv6Addr, u8) = (Ipv6Addr::new(0x2000, 0, 0, 0, 0, 0, 0, 0), 3);

/// Networks in [`GLOBAL_V6`] that are not public, because their addresses contain IPv4 addresses.
pub const NOT_PUBLIC_V6: [(Ipv6Addr, u8); 2] = [
    (Ipv6Addr::new(0x2001, 0, 0, 0, 0, 0, 0, 0), 32), // Teredo (RFC 4380)
    (Ipv6Addr::new(0x2002, 0, 0, 0, 0, 0, 0, 0), 16), // 6to4 (RFC 3056)
];

/// Returns whether an address is public.
pub fn is_public(address: IpAddr) -> bool {
    let outside = |(network, prefix): (IpAddr, u8)| !contains(network, prefix, address);
    match address {
        IpAddr::V4(_) => {
            NOT_PUBLIC_V4.map(|(network, prefix)| (network.into(), prefix)).into_iter().all(outside)
        }
        IpAddr::V6(_) => {
            contains(GLOBAL_V6.0.into(), GLOBAL_V6.1, address)
                && NOT_PUBLIC_V6.map(|(network, prefix)| (network.into(), prefix)).into_iter().all(outside)
        }
    }
}

/// Returns whether an address is in a network, given by an address and the length of its prefix in bits.
pub fn contains(network: IpAddr, prefix: u8, address: IpAddr) -> bool {
    match (network, address) {
        (IpAddr::V4(network), IpAddr::V4(address)) => {
            let beyond = 32u32.saturating_sub(prefix.into());
            (network.to_bits() ^ address.to_bits()).checked_shr(beyond).unwrap_or(0) == 0
        }
        (IpAddr::V6(network), IpAddr::V6(address)) => {
            let beyond = 128u32.saturating_sub(prefix.into());
            (network.to_bits() ^ address.to_bits()).checked_shr(beyond).unwrap_or(0) == 0
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn networks_contain_what_begins_as_they_do() {
        for (network, prefix, inside, outside) in [
            ("10.0.0.0", 8, "10.255.0.1", "11.0.0.0"),
            ("0.0.0.0", 0, "255.255.255.255", "::"),
            ("192.0.2.7", 32, "192.0.2.7", "192.0.2.6"),
            ("::", 0, "ffff::", "1.2.3.4"),
            ("fd00:1::", 32, "fd00:1:ffff::1", "fd00:2::"),
        ] {
            let [network, inside, outside] = [network, inside, outside].map(|text| text.parse().unwrap());
            assert!(contains(network, prefix, inside) && !contains(network, prefix, outside), "{network}");
        }
    }

    #[test]
    fn only_addresses_of_the_internet_are_public() {
        for text in
            ["1.1.1.1", "9.255.255.255", "11.0.0.0", "172.32.0.1", "223.255.255.255", "2606:4700::1111"]
        {
            assert!(is_public(text.parse().unwrap()), "{text}");
        }
        for text in [
            "0.0.0.0",
            "10.1.2.3",
            "100.127.255.255",
            "127.0.0.1",
            "169.254.169.254",
            "172.16.0.1",
            "172.31.255.255",
            "192.0.0.8",
            "192.168.0.1",
            "198.19.0.1",
            "224.0.0.1",
            "240.0.0.1",
            "255.255.255.255",
            "::",
            "::1",
            "::8.8.8.8",
            "::ffff:8.8.8.8",
            "64:ff9b::8.8.8.8",
            "64:ff9b:1::1",
            "100::1",
            "2001::1",
            "2002:808:808::1",
            "fc00::1",
            "fdff::1",
            "fe80::1",
            "fec0::1",
            "ff02::1",
        ] {
            assert!(!is_public(text.parse().unwrap()), "{text}");
        }
    }
}
