//! Backend of a desktop's network interface, and sentences about what the desktop reaches.

use crate::images::RunsAt;
use oriel_vmm_api::egress::{Destination, EgressRules};
use std::fmt;
use std::str::FromStr;

/// Maximum length of an interface's name in bytes (`IFNAMSIZ` without the final zero).
const LONGEST_NAME: usize = 15;

/// Backend of the desktops' network interfaces, as text `passt`, `isolated` or `tap:NAME`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum NetworkSetting {
    /// The program passt, which uses connections of the host's own, behind an egress filter.
    #[default]
    Passt,
    /// No backend: the interface has no link.
    Isolated,
    /// TAP interfaces that the administrator made: the one of this name or, if the name ends with a star, a
    /// free one of those with the prefix.
    Tap(String),
}

impl fmt::Display for NetworkSetting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Passt => f.write_str("passt"),
            Self::Isolated => f.write_str("isolated"),
            Self::Tap(name) => write!(f, "tap:{name}"),
        }
    }
}

impl FromStr for NetworkSetting {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "passt" => Ok(Self::Passt),
            "isolated" => Ok(Self::Isolated),
            _ => match text.strip_prefix("tap:") {
                Some(name) if is_name(name.strip_suffix('*').unwrap_or(name)) => {
                    Ok(Self::Tap(name.to_owned()))
                }
                Some(name) => Err(format!(
                    "\"{name}\" names no network interface; write it like tap:desk0, or tap:desk* for one of several."
                )),
                None => Err(format!("The network \"{text}\" is none of passt, isolated and tap:NAME.")),
            },
        }
    }
}

/// Returns whether a text is a valid interface name without characters that need quotes in a script.
pub(super) fn is_name(name: &str) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    (1..=LONGEST_NAME).contains(&name.len())
        && name.chars().all(plain)
        && name.starts_with(|c: char| c.is_ascii_alphanumeric())
}

/// Describes what a desktop can reach, one sentence for each fact, for users.
pub fn sentences(network: &NetworkSetting, egress: &EgressRules, runs_at: RunsAt) -> Vec<String> {
    if runs_at == RunsAt::User {
        return vec!["It has no network: its image runs without an operating system.".into()];
    }
    match network {
        NetworkSetting::Isolated => vec!["It reaches nothing: its network interface has no link.".into()],
        NetworkSetting::Passt => {
            let mut said = egress_sentences(egress);
            said.push("Its connections are made by this host (passt), with this host's address.".into());
            said
        }
        NetworkSetting::Tap(_) => {
            let mut said = egress_sentences(egress);
            said.push(
                "It can ask for an address (DHCP) and find its neighbours (ARP, neighbour discovery).".into(),
            );
            said.push("This holds once an administrator has run `oriel network apply` as root.".into());
            said
        }
    }
}

/// Describes what egress rules allow.
fn egress_sentences(egress: &EgressRules) -> Vec<String> {
    let rules = egress.rules();
    let to_host = |destination| matches!(destination, Destination::Host);
    let public = |destination| !matches!(destination, Destination::Any | Destination::Network { .. });
    let mut said: Vec<_> = rules.iter().map(|rule| format!("It can reach {}.", rule.words())).collect();
    if rules.is_empty() {
        said.push("It can reach nothing.".into());
    } else if !rules.iter().any(|rule| to_host(rule.destination)) {
        said.push(match rules.iter().any(|rule| rule.destination == Destination::NameServers) {
            true => "It cannot reach this host otherwise.".into(),
            false => "It cannot reach this host.".into(),
        });
    } else if !rules.iter().any(|rule| to_host(rule.destination) && rule.protocol.is_none()) {
        said.push("It can reach nothing else of this host.".into());
    }
    if !rules.is_empty() && rules.iter().all(|rule| public(rule.destination)) {
        said.push(
            "It cannot reach private or link-local networks, nor the metadata service of a cloud.".into(),
        );
    }
    said
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_are_read_as_they_are_written() {
        for text in ["passt", "isolated", "tap:desk0", "tap:desk-*"] {
            assert_eq!(text.parse::<NetworkSetting>().unwrap().to_string(), text);
        }
        for text in
            ["", "tap:", "tap:*", "tap:a b", "tap:a\"b", "tap:../x", "tap:abcdefghijklmnop", "bridge:br0"]
        {
            assert!(text.parse::<NetworkSetting>().is_err(), "{text}");
        }
    }

    #[test]
    fn what_can_be_reached_is_said_plainly() {
        let tap = NetworkSetting::Tap("desk0".into());
        let say = |reach: &str| sentences(&tap, &reach.parse().unwrap(), RunsAt::Kernel);
        let said = say("192.0.2.0/24/tcp/443 host/udp/53");
        assert_eq!(said[0], "It can reach 192.0.2.0/24 by TCP to port 443.");
        assert_eq!(said[1], "It can reach this host by UDP to port 53.");
        assert_eq!(said[2], "It can reach nothing else of this host.");
        assert_eq!(
            say("any")[..2],
            ["It can reach every address but this host's own.", "It cannot reach this host."]
        );
        assert_eq!(say("none")[0], "It can reach nothing.");
        assert!(!say("any host").iter().any(|text| text.contains("nothing else") || text.contains("cannot")));
        let passt = sentences(&NetworkSetting::Passt, &EgressRules::default(), RunsAt::Kernel);
        assert_eq!(
            passt,
            [
                "It can reach every public address but this host's own.",
                "It can reach this host's name servers by UDP and TCP to port 53.",
                "It cannot reach this host otherwise.",
                "It cannot reach private or link-local networks, nor the metadata service of a cloud.",
                "Its connections are made by this host (passt), with this host's address.",
            ]
        );
        let bare = sentences(&tap, &EgressRules::default(), RunsAt::User);
        assert!(bare[0].contains("no network"), "{bare:?}");
    }
}
