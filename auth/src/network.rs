//! Networks of IP addresses in CIDR notation (RFC 4632, RFC 4291 section 2.3).

use serde::{Deserialize, Serialize};
use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

/// Network of IP addresses: an address and the length of its prefix in bits. IPv4 addresses that are mapped
/// into IPv6 count as IPv4.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Network {
    address: IpAddr,
    prefix: u8,
}

/// Text that is no network, with the remedy.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("\"{0}\" is no address or network; write it like 192.0.2.7, 192.0.2.0/24 or 2001:db8::/32")]
pub struct NotANetwork(String);

impl Network {
    /// Makes the network of `prefix` bits that contains the address. A prefix that is longer than the address
    /// is cut to its length.
    pub fn of(address: IpAddr, prefix: u8) -> Self {
        match address.to_canonical() {
            IpAddr::V4(v4) => {
                let prefix = prefix.min(32);
                let host = u32::MAX.checked_shr(prefix.into()).unwrap_or(0);
                Self { address: IpAddr::V4((v4.to_bits() & !host).into()), prefix }
            }
            IpAddr::V6(v6) => {
                let prefix = prefix.min(128);
                let host = u128::MAX.checked_shr(prefix.into()).unwrap_or(0);
                Self { address: IpAddr::V6((v6.to_bits() & !host).into()), prefix }
            }
        }
    }

    /// Returns whether the address is in the network.
    pub fn contains(&self, address: IpAddr) -> bool {
        Self::of(address, self.prefix) == *self
    }

    /// Returns the network of one subscriber that contains the address: the address itself for IPv4, and the
    /// /64 for IPv6, whose addresses one computer can all use (RFC 4291, section 2.5.1).
    pub fn subscriber(address: IpAddr) -> Self {
        Self::of(address, if address.to_canonical().is_ipv4() { 32 } else { 64 })
    }

    /// Returns the network of one site that contains the address: the /24 for IPv4, and the /48 for IPv6
    /// (RFC 6177, section 2).
    pub fn site(address: IpAddr) -> Self {
        Self::of(address, if address.to_canonical().is_ipv4() { 24 } else { 48 })
    }
}

impl FromStr for Network {
    type Err = NotANetwork;

    /// Parses `address/prefix` or an address alone. Bits beyond the prefix are an error, since they show that
    /// another prefix was meant.
    fn from_str(text: &str) -> Result<Self, NotANetwork> {
        let error = || NotANetwork(text.to_owned());
        let (address, prefix) = match text.split_once('/') {
            Some((address, prefix)) => (address, Some(prefix.parse::<u8>().map_err(|_| error())?)),
            None => (text, None),
        };
        let address: IpAddr = address.parse().map_err(|_| error())?;
        let longest = if address.is_ipv4() { 32 } else { 128 };
        let prefix = prefix.unwrap_or(longest);
        let network = Self::of(address, prefix);
        if prefix > longest || network.address != address {
            return Err(error());
        }
        Ok(network)
    }
}

impl TryFrom<String> for Network {
    type Error = NotANetwork;

    fn try_from(text: String) -> Result<Self, NotANetwork> {
        text.parse()
    }
}

impl From<Network> for String {
    fn from(network: Network) -> Self {
        network.to_string()
    }
}

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.address, self.prefix)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn network(text: &str) -> Network {
        text.parse().unwrap()
    }

    fn address(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn an_address_is_in_its_networks_and_in_no_others() {
        assert!(network("127.0.0.0/8").contains(address("127.9.9.9")));
        assert!(network("127.0.0.0/8").contains(address("::ffff:127.0.0.1")));
        assert!(!network("127.0.0.0/8").contains(address("128.0.0.1")));
        assert!(network("192.0.2.7").contains(address("192.0.2.7")));
        assert!(!network("192.0.2.7").contains(address("192.0.2.8")));
        assert!(network("2001:db8::/32").contains(address("2001:db8:ffff::1")));
        assert!(!network("2001:db8::/32").contains(address("2001:db9::1")));
        assert!(network("0.0.0.0/0").contains(address("192.0.2.7")));
        assert!(!network("0.0.0.0/0").contains(address("2001:db8::1")));
        assert!(network("::/0").contains(address("2001:db8::1")));
    }

    #[test]
    fn what_is_no_network_is_named() {
        for text in
            ["", "x", "192.0.2.7/24", "192.0.2.0/33", "192.0.2.0/", "2001:db8::1/32", "::/129", "1.2.3"]
        {
            let error = text.parse::<Network>().unwrap_err().to_string();
            assert!(error.starts_with(&format!("\"{text}\" is no address")), "{error}");
        }
    }

    #[test]
    fn subscribers_and_sites_are_as_wide_as_they_are_assigned() {
        assert_eq!(Network::subscriber(address("192.0.2.7")), network("192.0.2.7/32"));
        assert_eq!(Network::site(address("::ffff:192.0.2.7")), network("192.0.2.0/24"));
        assert_eq!(Network::subscriber(address("2001:db8:1:2:3::4")), network("2001:db8:1:2::/64"));
        assert_eq!(Network::site(address("2001:db8:1:2:3::4")).to_string(), "2001:db8:1::/48");
    }
}
