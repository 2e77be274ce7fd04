//! Decision on a packet: what a pool's egress rules and the host's own addresses say of its destination.

use super::packet::Packet;
use oriel_vmm_api::egress::{Destination, EgressRules, Transport};
use serde::{Deserialize, Serialize};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Egress rules with the addresses that they name indirectly.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EgressPolicy {
    /// Egress rules of the guest.
    pub rules: EgressRules,
    /// Name servers that the guest was told of, for the rule `dns`.
    pub name_servers: Vec<IpAddr>,
}

/// Way to a destination from the host.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Route {
    /// The host itself has the address.
    Local,
    /// Another host has the address.
    Unicast,
    /// There is no way, or a way that is not to one host.
    None,
}

impl EgressPolicy {
    /// Returns whether a packet may pass. `route` tells the host's way to an address.
    pub(super) fn allows(&self, packet: Packet, mut route: impl FnMut(IpAddr) -> Route) -> bool {
        let (destination, transport) = match packet {
            Packet::Link => return true,
            Packet::Ip { destination, transport } => (destination, transport),
        };
        if is_never_sent(destination) {
            return false;
        }
        if self.name_servers.contains(&destination) && self.has_rule(Destination::NameServers, transport) {
            return true;
        }
        match route(destination) {
            Route::None => false,
            Route::Local => self.has_rule(Destination::Host, transport),
            // A translator would send it to the IPv4 address.
            Route::Unicast
                if translated(destination).is_some_and(|v4| route(v4.into()) != Route::Unicast) =>
            {
                false
            }
            Route::Unicast => {
                let matches = |rule: &&oriel_vmm_api::egress::Rule| {
                    rule.destination.contains(destination) && rule.allows(transport)
                };
                self.rules.rules().iter().find(matches).is_some()
            }
        }
    }

    /// Returns whether a rule for this destination allows the protocol.
    fn has_rule(&self, destination: Destination, transport: Transport) -> bool {
        self.rules.rules().iter().any(|rule| rule.destination == destination && rule.allows(transport))
    }
}

/// Returns whether no rule can allow an address. By an unspecified or loopback address, a socket reaches the
/// host itself; by an IPv4-mapped or -compatible one, the IPv4 address in it, which has a form of its own.
fn is_never_sent(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => v4.octets()[0] == 0 || v4.is_loopback() || v4.is_multicast() || v4.is_broadcast(),
        IpAddr::V6(v6) => {
            let holds_v4 = v6.to_ipv4().is_some(); // unspecified and loopback as well
            holds_v4 || v6.is_multicast() || v6.is_unicast_link_local()
        }
    }
}

/// Returns the IPv4 address of a NAT64 address with the well-known prefix (RFC 6052).
fn translated(address: IpAddr) -> Option<Ipv4Addr> {
    const PREFIX: Ipv6Addr = Ipv6Addr::new(0x64, 0xff9b, 0, 0, 0, 0, 0, 0);
    let IpAddr::V6(v6) = address else { return None };
    let bits = v6.to_bits();
    (bits >> 32 == PREFIX.to_bits() >> 32).then(|| Ipv4Addr::from_bits(bits as u32))
}

#[cfg(test)]
mod tests {
    use super::*;

    const OWN: [&str; 3] = ["198.51.100.2", "2001:db8:1::2", "10.0.0.5"];

    fn allows(rules: &str, destination: &str, transport: Transport) -> bool {
        let name_servers = vec!["10.53.53.53".parse().unwrap(), "10.0.0.5".parse().unwrap()];
        let policy = EgressPolicy { rules: rules.parse().unwrap(), name_servers };
        let destination = destination.parse().unwrap();
        policy.allows(Packet::Ip { destination, transport }, |address| {
            let own = OWN.iter().any(|own| own.parse() == Ok(address));
            if own { Route::Local } else { Route::Unicast }
        })
    }

    const WEB: Transport = Transport::Tcp(443);

    #[test]
    fn the_default_is_the_internet_and_the_name_servers() {
        let rules = EgressRules::default().to_string();
        for destination in ["203.0.113.9", "2606:4700::1"] {
            for transport in [WEB, Transport::Udp(9), Transport::Icmp] {
                assert!(allows(&rules, destination, transport), "{destination} {transport:?}");
            }
        }
        for transport in [Transport::Udp(53), Transport::Tcp(53)] {
            assert!(allows(&rules, "10.53.53.53", transport), "{transport:?}");
            assert!(allows(&rules, "10.0.0.5", transport), "the host may be its own name server");
        }
        for destination in
            ["10.53.53.53", "10.0.0.5", "198.51.100.2", "2001:db8:1::2", "169.254.169.254", "fd00::1"]
        {
            for transport in [WEB, Transport::Udp(54), Transport::Icmp] {
                assert!(!allows(&rules, destination, transport), "{destination} {transport:?}");
            }
        }
    }

    #[test]
    fn no_rule_leads_to_the_host_by_another_name() {
        for destination in [
            "0.0.0.0",
            "0.1.2.3",
            "127.0.0.1",
            "127.9.9.9",
            "224.0.0.1",
            "255.255.255.255",
            "::",
            "::1",
            "::ffff:127.0.0.1",
            "::ffff:203.0.113.9",
            "::203.0.113.9",
            "fe80::1",
            "ff02::1",
            "64:ff9b::198.51.100.2",
        ] {
            for rules in ["any", "0.0.0.0/0 ::/0", "internet"] {
                assert!(!allows(rules, destination, WEB), "{destination} by {rules}");
            }
            assert!(!allows("host", destination, WEB), "{destination} by host");
        }
    }

    #[test]
    fn what_is_named_is_reached() {
        assert!(allows("10.9.0.0/16/tcp/443", "10.9.9.9", WEB));
        assert!(!allows("10.9.0.0/16/tcp/80", "10.9.9.9", WEB));
        assert!(!allows("10.9.0.0/16", "10.0.0.5", WEB), "the host is not in a network");
        assert!(allows("any", "192.168.1.1", WEB) && !allows("any", "198.51.100.2", WEB));
        assert!(allows("host/tcp/443", "198.51.100.2", WEB) && !allows("host/tcp/80", "198.51.100.2", WEB));
        assert!(!allows("host", "203.0.113.9", WEB));
        assert!(allows("169.254.169.254/32/tcp/443", "169.254.169.254", WEB));
        assert!(allows("64:ff9b::/96", "64:ff9b::203.0.113.9", WEB));
        assert!(
            !allows("none", "203.0.113.9", WEB) && !allows("internet", "10.53.53.53", Transport::Udp(53))
        );
    }
}
