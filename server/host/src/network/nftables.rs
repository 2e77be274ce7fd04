//! Egress rules as a script for nft(8).
//!
//! Each TAP interface has a chain at its own ingress hook, which every frame of the guest passes before the
//! host routes or bridges it. So the rules also hold on a bridge, whose frames the forward hook never sees,
//! and for frames of other types. Frames to the guest are not filtered.

use oriel_vmm_api::egress::{Destination, EgressRules, Ports, Protocol, Rule};
use oriel_vmm_api::public_addresses::{GLOBAL_V6, NOT_PUBLIC_V4, NOT_PUBLIC_V6};
use std::fmt::Write;
use std::io;
use std::net::IpAddr;
use std::process::Stdio;
use tokio::io::AsyncWriteExt;
use tokio::process::Command;

/// Table of nftables that this server owns.
const TABLE: &str = "netdev oriel";

/// Maximum length of a comment in bytes (`NFTNL_UDATA_COMMENT_MAXLEN` without the final zero).
const LONGEST_COMMENT: usize = 127;

/// TAP interface with the egress rules of its guest.
#[derive(Debug, Clone)]
pub struct FilteredInterface<'a> {
    /// Name of the TAP interface.
    pub interface: &'a str,
    /// Owner of the interface, as a comment in the script.
    pub label: &'a str,
    /// Egress rules of the guest.
    pub egress: &'a EgressRules,
    /// Name servers of this host, for the rule `dns`.
    pub name_servers: &'a [IpAddr],
}

/// Renders the script that replaces all rules of this server atomically.
pub fn render(all: &[FilteredInterface<'_>]) -> String {
    let mut script = render_removal();
    // Writing to a String cannot fail.
    let _ = writeln!(script, "table {TABLE} {{");
    for filtered in all {
        chain(&mut script, filtered);
    }
    script.push_str("}\n");
    script
}

/// Renders the script that removes all rules of this server.
pub fn render_removal() -> String {
    // The deletion of a missing table is an error; the addition of an existing one changes nothing.
    format!("add table {TABLE}\ndelete table {TABLE}\n")
}

/// Appends the chain of an interface to the script.
fn chain(script: &mut String, filtered: &FilteredInterface<'_>) {
    let FilteredInterface { interface, label, egress, name_servers } = filtered;
    let interface = plain(interface);
    let mut line = |text: &str| {
        let _ = writeln!(script, "    {text}");
    };
    line(&format!("chain from-{interface} {{"));
    let mut rule = |text: &str| line(&format!("    {text}"));
    rule(&format!("comment {}", quoted(label)));
    rule(&format!("type filter hook ingress device \"{interface}\" priority filter; policy drop;"));
    // ARP, neighbour discovery and DHCP.
    rule("ether type arp accept");
    rule("ip6 hoplimit 255 icmpv6 type nd-neighbor-advert accept");
    rule(
        "ip6 hoplimit 255 ip6 daddr { fe80::/10, ff02::/16 } icmpv6 type { nd-router-solicit, nd-neighbor-solicit } accept",
    );
    rule("ip daddr 255.255.255.255 udp sport 68 udp dport 67 accept");
    rule("ip6 daddr ff02::1:2 udp sport 546 udp dport 547 accept");
    // This host may be a name server.
    let to_host = |rule: &&Rule| matches!(rule.destination, Destination::Host | Destination::NameServers);
    for allowed in egress.rules().iter().filter(to_host) {
        rule_lines(allowed, name_servers).iter().for_each(|line| rule(line));
    }
    // The rules after these are for other hosts, so what this host would receive itself is dropped first.
    rule("fib daddr type != unicast drop");
    rule("ip6 daddr fe80::/10 drop");
    for allowed in egress.rules().iter().filter(|rule| !to_host(rule)) {
        rule_lines(allowed, name_servers).iter().for_each(|line| rule(line));
    }
    line("}");
}

/// Quotes a text as a comment.
fn quoted(text: &str) -> String {
    let text: String = text.chars().take(LONGEST_COMMENT).collect();
    format!("\"{}\"", plain(&text))
}

/// Replaces what could end a comment, a name or a line by `?`, since nft has no escapes. With a `?` in a
/// name nft refuses the script as a whole.
fn plain(text: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, ' ' | '-' | '_' | '.' | ':' | '#');
    text.chars().map(|c| if is_plain(c) { c } else { '?' }).collect()
}

/// Renders a rule as accepting lines of nft.
fn rule_lines(rule: &Rule, name_servers: &[IpAddr]) -> Vec<String> {
    let to = |address: IpAddr, prefix: u8| match address {
        IpAddr::V4(address) => format!("ip daddr {address}/{prefix} "),
        IpAddr::V6(address) => format!("ip6 daddr {address}/{prefix} "),
    };
    let destinations = match rule.destination {
        Destination::Internet => public_destinations().into(),
        Destination::NameServers => name_servers
            .iter()
            .map(|server| {
                to(*server, if server.is_ipv4() { 32 } else { 128 })
                    + "meta l4proto { tcp, udp } th dport 53 "
            })
            .collect(),
        Destination::Any => vec!["meta protocol { ip, ip6 } ".to_owned()],
        Destination::Host => vec!["fib daddr type local ".to_owned()],
        Destination::Network { address, prefix } => vec![to(address, prefix)],
    };
    let ports = |protocol: &str, ports| match ports {
        Ports::All => format!("meta l4proto {protocol}"),
        Ports::Range(first, last) if first == last => format!("{protocol} dport {first}"),
        Ports::Range(first, last) => format!("{protocol} dport {first}-{last}"),
    };
    let how = match rule.protocol {
        None => String::new(),
        Some(Protocol::Tcp(to)) => ports("tcp", to) + " ",
        Some(Protocol::Udp(to)) => ports("udp", to) + " ",
        Some(Protocol::Icmp) => "meta l4proto { icmp, ipv6-icmp } ".to_owned(),
    };
    destinations.into_iter().map(|destination| format!("{destination}{how}accept")).collect()
}

/// Returns the matches of nft for all public addresses: IPv4, and IPv6.
fn public_destinations() -> [String; 2] {
    fn set<T: ToString>(networks: &[(T, u8)]) -> String {
        let networks = networks.iter().map(|(network, prefix)| format!("{}/{prefix}", network.to_string()));
        networks.collect::<Vec<_>>().join(", ")
    }
    let (global, prefix) = GLOBAL_V6;
    [
        format!("ip daddr != {{ {} }} ", set(&NOT_PUBLIC_V4)),
        format!("ip6 daddr {global}/{prefix} ip6 daddr != {{ {} }} ", set(&NOT_PUBLIC_V6)),
    ]
}

/// Runs nft with a script, which nft applies as a whole or not at all.
///
/// # Errors
/// One sentence: nft is not installed, or it refused the rules.
pub async fn apply(script: &str) -> Result<(), String> {
    let lost = |error: io::Error| match error.kind() {
        io::ErrorKind::NotFound => {
            "nft is not installed; install it with: apt-get install nftables".to_owned()
        }
        _ => format!("nft cannot be run ({error})."),
    };
    let mut child = Command::new("nft")
        .args(["-f", "-"])
        .env("PATH", "/usr/sbin:/sbin:/usr/bin:/bin")
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .map_err(lost)?;
    if let Some(mut stdin) = child.stdin.take() {
        stdin.write_all(script.as_bytes()).await.map_err(lost)?;
    }
    let output = child.wait_with_output().await.map_err(lost)?;
    if output.status.success() {
        return Ok(());
    }
    let complaint = String::from_utf8_lossy(&output.stderr);
    let first = complaint.lines().next().unwrap_or("it did not say why");
    Err(format!(
        "nft did not take the rules ({first}); run this as root, and check that the interfaces exist."
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rendered(egress: &str) -> String {
        render(&[FilteredInterface {
            interface: "desk0",
            label: "pool office",
            egress: &egress.parse().unwrap(),
            name_servers: &["10.0.0.53".parse().unwrap(), "fd00::53".parse().unwrap()],
        }])
    }

    #[test]
    fn the_host_is_asked_about_before_anything_wider_is_allowed() {
        let script = rendered("any/tcp/443 10.0.0.0/8 fd00::/8/udp/1-5 host/udp/53 any/icmp");
        let at = |text: &str| script.find(text).unwrap_or_else(|| panic!("{text} is not in {script}"));
        let host_drops = at("fib daddr type != unicast drop");
        assert!(at("fib daddr type local udp dport 53 accept") < host_drops);
        for wider in [
            "meta protocol { ip, ip6 } tcp dport 443 accept",
            "ip daddr 10.0.0.0/8 accept",
            "ip6 daddr fd00::/8 udp dport 1-5 accept",
            "meta protocol { ip, ip6 } meta l4proto { icmp, ipv6-icmp } accept",
        ] {
            assert!(host_drops < at(wider), "{wider}");
        }
        assert!(at("device \"desk0\"") < host_drops && script.contains("policy drop"));
    }

    #[test]
    fn the_internet_and_the_name_servers_are_what_they_are_before_passt() {
        let script = rendered("internet/tcp/443 dns");
        let at = |text: &str| script.find(text).unwrap_or_else(|| panic!("{text} is not in {script}"));
        let host_drops = at("fib daddr type != unicast drop");
        assert!(at("ip daddr 10.0.0.53/32 meta l4proto { tcp, udp } th dport 53 accept") < host_drops);
        assert!(at("ip6 daddr fd00::53/128 meta l4proto { tcp, udp } th dport 53 accept") < host_drops);
        assert!(at("ip daddr != { 0.0.0.0/8, 10.0.0.0/8, ") > host_drops);
        assert!(
            at("ip6 daddr 2000::/3 ip6 daddr != { 2001::/32, 2002::/16 } tcp dport 443 accept") > host_drops
        );
    }

    #[test]
    fn nothing_allowed_is_nothing_accepted_but_finding_neighbours() {
        let accepted = rendered("none").lines().filter(|line| line.ends_with("accept")).count();
        assert_eq!(accepted, rendered("any").lines().filter(|line| line.ends_with("accept")).count() - 1);
        assert!(!render(&[]).contains("chain"));
    }

    #[test]
    fn no_label_ends_its_comment() {
        let script = render(&[FilteredInterface {
            interface: "desk0",
            label: "pool x\"\n}\nadd table inet evil {\n#",
            egress: &EgressRules::default(),
            name_servers: &[],
        }]);
        let comments: Vec<_> = script.lines().filter(|line| line.contains("comment")).collect();
        assert_eq!(comments, ["        comment \"pool x????add table inet evil ??#\""]);
        assert!(!script.lines().any(|line| line.trim_start().starts_with("add table inet")), "{script}");
    }
}
