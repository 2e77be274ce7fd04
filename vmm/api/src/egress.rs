//! Egress rules: what the guest of a network interface may send to.
//!
//! A rule is `DESTINATION[/PROTOCOL[/PORT[-PORT]]]`. The destination is `internet` (all public addresses except
//! the host's), `any` (all addresses except the host's), `host` (the host's addresses), an address, or a
//! network such as `192.0.2.0/24`. The protocol is `tcp`, `udp` or `icmp`. The rule `dns` is for the host's name
//! servers. Packets that no rule allows are dropped.

use crate::public_addresses;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

/// Egress rules in the order in which the administrator gave them; as text separated by spaces, or `none`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct EgressRules(Vec<Rule>);

/// Maximum number of rules; a larger set belongs in a firewall.
const MOST_RULES: usize = 64;

/// Egress rule: a destination that a desktop may send to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rule {
    /// Destination addresses.
    pub destination: Destination,
    /// Protocol with its destination ports; `None` allows every protocol.
    pub protocol: Option<Protocol>,
}

/// Destination addresses of a rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Destination {
    /// All public addresses except this host's.
    Internet,
    /// Name servers of this host, at port 53 by UDP and TCP; the rule has no protocol.
    NameServers,
    /// All addresses except this host's.
    Any,
    /// All addresses of this host.
    Host,
    /// Network, or a single address with the longest prefix.
    Network {
        /// Address of the network; all bits after the prefix are zero.
        address: IpAddr,
        /// Length of the prefix in bits.
        prefix: u8,
    },
}

/// Protocol of a rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Protocol {
    /// TCP to the given ports.
    Tcp(Ports),
    /// UDP to the given ports.
    Udp(Ports),
    /// ICMP and ICMPv6.
    Icmp,
}

/// Transport protocol of a packet, with its destination port.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Transport {
    /// TCP to this port.
    Tcp(u16),
    /// UDP to this port.
    Udp(u16),
    /// ICMP or ICMPv6.
    Icmp,
}

/// Port of name servers (RFC 1035).
const DNS_PORT: u16 = 53;

/// Destination ports of a rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ports {
    /// All ports.
    All,
    /// Ports from the first to the last, both inclusive and at least 1.
    Range(u16, u16),
}

impl EgressRules {
    /// Makes a set of rules.
    ///
    /// # Errors
    /// One sentence: there are more than 64 rules.
    pub fn new(rules: Vec<Rule>) -> Result<Self, String> {
        if rules.len() > MOST_RULES {
            return Err(format!(
                "A pool has at most {MOST_RULES} rules of what its desktops reach; join some of them."
            ));
        }
        Ok(Self(rules))
    }

    /// Returns the rules in the order in which they were given.
    pub fn rules(&self) -> &[Rule] {
        &self.0
    }
}

impl Default for EgressRules {
    /// Allows all public addresses except this host's, and this host's name servers.
    fn default() -> Self {
        let rule = |destination| Rule { destination, protocol: None };
        Self(vec![rule(Destination::Internet), rule(Destination::NameServers)])
    }
}

impl TryFrom<String> for EgressRules {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl From<EgressRules> for String {
    fn from(rules: EgressRules) -> Self {
        rules.to_string()
    }
}

impl fmt::Display for EgressRules {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let rules: Vec<_> = self.0.iter().map(Rule::to_string).collect();
        f.write_str(if rules.is_empty() { "none".into() } else { rules.join(" ") }.as_str())
    }
}

impl FromStr for EgressRules {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text == "none" {
            return Ok(Self(Vec::new()));
        }
        Self::new(text.split_whitespace().map(str::parse).collect::<Result<_, _>>()?)
    }
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.destination {
            Destination::Internet => f.write_str("internet")?,
            Destination::NameServers => f.write_str("dns")?,
            Destination::Any => f.write_str("any")?,
            Destination::Host => f.write_str("host")?,
            Destination::Network { address, prefix } => write!(f, "{address}/{prefix}")?,
        }
        match self.protocol {
            None => Ok(()),
            Some(Protocol::Icmp) => f.write_str("/icmp"),
            Some(Protocol::Tcp(ports)) => write!(f, "/tcp{ports}"),
            Some(Protocol::Udp(ports)) => write!(f, "/udp{ports}"),
        }
    }
}

impl fmt::Display for Ports {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::All => Ok(()),
            Self::Range(first, last) if first == last => write!(f, "/{first}"),
            Self::Range(first, last) => write!(f, "/{first}-{last}"),
        }
    }
}

impl FromStr for Rule {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = |why: &str| {
            format!(
                "The rule \"{text}\" is not understood ({why}); write it like internet, dns, any, host/udp/53 or 192.0.2.0/24/tcp/443."
            )
        };
        let mut parts = text.split('/').peekable();
        let destination = match parts.next().unwrap_or_default() {
            "internet" => Destination::Internet,
            "dns" if parts.peek().is_some() => return Err(wrong("dns has no protocol")),
            "dns" => Destination::NameServers,
            "any" => Destination::Any,
            "host" => Destination::Host,
            address => {
                let address: IpAddr = address.parse().map_err(|_| wrong("it begins with no address"))?;
                let widest = if address.is_ipv4() { 32 } else { 128 };
                let prefix = match parts.peek().map(|part| part.parse::<u8>()) {
                    Some(Ok(prefix)) => {
                        parts.next();
                        prefix
                    }
                    _ => widest,
                };
                if prefix > widest {
                    return Err(wrong("its prefix is too long"));
                }
                network(address, prefix).ok_or_else(|| wrong("it has bits beyond its prefix"))?
            }
        };
        let protocol = match parts.next() {
            None => None,
            Some("icmp") => Some(Protocol::Icmp),
            Some(protocol @ ("tcp" | "udp")) => {
                let ports = match parts.next() {
                    None => Ports::All,
                    Some(ports) => parse_ports(ports).ok_or_else(|| wrong("its ports are none"))?,
                };
                Some(if protocol == "tcp" { Protocol::Tcp(ports) } else { Protocol::Udp(ports) })
            }
            Some(_) => return Err(wrong("the protocols are tcp, udp and icmp")),
        };
        match parts.next() {
            None => Ok(Self { destination, protocol }),
            Some(_) => Err(wrong("something follows it")),
        }
    }
}

/// Returns a network; `None` if the address has bits after the prefix.
fn network(address: IpAddr, prefix: u8) -> Option<Destination> {
    let (bits, widest) = match address {
        IpAddr::V4(v4) => (u128::from(v4.to_bits()), 32),
        IpAddr::V6(v6) => (v6.to_bits(), 128),
    };
    let beyond = u32::from(widest - prefix);
    let mask = if beyond == 128 { u128::MAX } else { (1 << beyond) - 1 };
    (bits & mask == 0).then_some(Destination::Network { address, prefix })
}

/// Parses a port or a range of ports; `None` for zero or a descending range.
fn parse_ports(text: &str) -> Option<Ports> {
    let (first, last) = text.split_once('-').unwrap_or((text, text));
    let (first, last) = (first.parse().ok()?, last.parse().ok()?);
    (first > 0 && first <= last).then_some(Ports::Range(first, last))
}

impl Destination {
    /// Returns whether an address belongs to the destination by its number alone. [`Self::Host`] and
    /// [`Self::NameServers`] depend on the host, and never do.
    pub fn contains(self, address: IpAddr) -> bool {
        match self {
            Self::Any => true,
            Self::Internet => public_addresses::is_public(address),
            Self::Network { address: network, prefix } => {
                public_addresses::contains(network, prefix, address)
            }
            Self::Host | Self::NameServers => false,
        }
    }
}

impl Protocol {
    /// Returns whether packets of `transport` are of this protocol, to one of its ports.
    pub fn allows(self, transport: Transport) -> bool {
        match (self, transport) {
            (Self::Tcp(ports), Transport::Tcp(port)) | (Self::Udp(ports), Transport::Udp(port)) => {
                match ports {
                    Ports::All => true,
                    Ports::Range(first, last) => (first..=last).contains(&port),
                }
            }
            (Self::Icmp, Transport::Icmp) => true,
            _ => false,
        }
    }
}

impl Rule {
    /// Returns whether packets of `transport` are of the rule's protocol, whatever their destination.
    pub fn allows(&self, transport: Transport) -> bool {
        match (self.destination, self.protocol, transport) {
            (Destination::NameServers, _, Transport::Tcp(port) | Transport::Udp(port)) => port == DNS_PORT,
            (Destination::NameServers, _, Transport::Icmp) => false,
            (_, protocol, _) => protocol.is_none_or(|protocol| protocol.allows(transport)),
        }
    }

    /// Describes what the rule allows, such as "192.0.2.0/24 by TCP to port 443".
    pub fn words(&self) -> String {
        let destination = match self.destination {
            Destination::Internet => "every public address but this host's own".to_owned(),
            Destination::NameServers => "this host's name servers by UDP and TCP to port 53".to_owned(),
            Destination::Any => "every address but this host's own".to_owned(),
            Destination::Host => "this host".to_owned(),
            Destination::Network { address, prefix } => {
                let one = prefix == if address.is_ipv4() { 32 } else { 128 };
                if one { address.to_string() } else { format!("{address}/{prefix}") }
            }
        };
        let ports = |ports| match ports {
            Ports::All => String::new(),
            Ports::Range(first, last) if first == last => format!(" to port {first}"),
            Ports::Range(first, last) => format!(" to ports {first} to {last}"),
        };
        match self.protocol {
            None => destination,
            Some(Protocol::Tcp(to)) => format!("{destination} by TCP{}", ports(to)),
            Some(Protocol::Udp(to)) => format!("{destination} by UDP{}", ports(to)),
            Some(Protocol::Icmp) => format!("{destination} by ICMP"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules_are_read_as_they_are_written() {
        for text in [
            "internet",
            "internet/tcp/443",
            "dns",
            "any",
            "any/udp/53",
            "host",
            "host/icmp",
            "192.0.2.0/24",
            "192.0.2.0/24/tcp/443",
            "192.0.2.7/32/tcp/8000-8100",
            "fd00::/8/udp",
            "::/0",
            "0.0.0.0/0/icmp",
        ] {
            assert_eq!(text.parse::<Rule>().unwrap().to_string(), text);
        }
        assert_eq!("192.0.2.7/tcp/443".parse::<Rule>().unwrap().to_string(), "192.0.2.7/32/tcp/443");
        let both: EgressRules = "any/tcp/443 host/udp/53".parse().unwrap();
        assert_eq!(both.rules().len(), 2);
        assert_eq!(both.to_string(), "any/tcp/443 host/udp/53");
        let none: EgressRules = "none".parse().unwrap();
        assert!(none.rules().is_empty());
        assert_eq!(none.to_string(), "none");
    }

    #[test]
    fn what_is_no_rule_is_refused_with_a_sentence() {
        for text in [
            "",
            "everything",
            "192.0.2.0/33",
            "192.0.2.1/24",
            "fd00::/129",
            "any/sctp",
            "any/tcp/0",
            "any/tcp/70000",
            "any/tcp/9-8",
            "any/tcp/80/90",
            "any/icmp/8",
            "any; drop",
            "dns/udp",
            "host/udp/53\"",
        ] {
            let error = text.parse::<Rule>().unwrap_err();
            assert!(error.contains("not understood") && error.contains("write it like"), "{text}: {error}");
        }
        assert!(vec!["any"; 65].join(" ").parse::<EgressRules>().is_err());
    }
}
