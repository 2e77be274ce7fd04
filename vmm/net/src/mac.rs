//! Ethernet addresses.

use std::fmt;
use std::str::FromStr;

/// MAC address of a guest's interface: six bytes in the order of transmission.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct MacAddress(pub [u8; 6]);

/// Reason for which a text is not a MAC address for a guest's interface; one plain sentence.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MacParseError {
    /// The text is not six bytes in hexadecimal with colons.
    #[error(
        "{0:?} is not a MAC address; write six bytes in hexadecimal with colons, as in 52:54:00:12:34:56"
    )]
    Syntax(String),
    /// The address is a multicast address (IEEE 802, bit 0 of the first byte).
    #[error("the MAC address {0} is a multicast address; make the second digit 2, 6, a or e")]
    Multicast(MacAddress),
    /// The address is not locally administered (bit 1 of the first byte), so a card may have it.
    #[error(
        "the MAC address {0} is not locally administered and may belong to a card; make the second digit 2, 6, a or e"
    )]
    Universal(MacAddress),
}

/// Bit of the first byte that marks a multicast address (IEEE 802).
const MULTICAST: u8 = 1;
/// Bit of the first byte that marks a locally administered address (IEEE 802).
const LOCAL: u8 = 2;

impl FromStr for MacAddress {
    type Err = MacParseError;

    fn from_str(text: &str) -> Result<Self, MacParseError> {
        let syntax = || MacParseError::Syntax(text.to_owned());
        let mut bytes = [0; 6];
        let mut parts = text.split(':');
        for byte in &mut bytes {
            let part = parts.next().filter(|part| part.len() == 2).ok_or_else(syntax)?;
            // `from_str_radix` also accepts a sign.
            if !part.bytes().all(|digit| digit.is_ascii_hexdigit()) {
                return Err(syntax());
            }
            *byte = u8::from_str_radix(part, 16).map_err(|_| syntax())?;
        }
        if parts.next().is_some() {
            return Err(syntax());
        }
        let address = Self(bytes);
        let [first, ..] = bytes;
        match (first & MULTICAST, first & LOCAL) {
            (0, 0) => Err(MacParseError::Universal(address)),
            (0, _) => Ok(address),
            _ => Err(MacParseError::Multicast(address)),
        }
    }
}

impl fmt::Display for MacAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [a, b, c, d, e, g] = self.0;
        write!(f, "{a:02x}:{b:02x}:{c:02x}:{d:02x}:{e:02x}:{g:02x}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_read_and_written() {
        let address: MacAddress = "52:54:00:aB:34:56".parse().unwrap();
        assert_eq!(address.0, [0x52, 0x54, 0, 0xAB, 0x34, 0x56]);
        assert_eq!(address.to_string(), "52:54:00:ab:34:56");
    }

    #[test]
    fn addresses_unfit_for_a_guest_are_refused_with_a_reason() {
        for text in [
            "",
            "52:54:00:12:34",
            "52:54:00:12:34:56:78",
            "52-54-00-12-34-56",
            "5:254:00:12:34:56",
            "+2:54:00:12:34:56",
            "52:54:00:12:34:5g",
        ] {
            assert_eq!(text.parse::<MacAddress>(), Err(MacParseError::Syntax(text.to_owned())));
        }
        let error = |text: &str| text.parse::<MacAddress>().unwrap_err().to_string();
        assert!(error("01:00:5e:00:00:01").contains("multicast"));
        assert!(error("ff:ff:ff:ff:ff:ff").contains("multicast"));
        assert!(error("00:1a:2b:3c:4d:5e").contains("locally administered"));
    }
}
