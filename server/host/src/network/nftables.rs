//! The rules as nft(8) takes them.
//!
//! A chain per TAP interface at the interface's own ingress hook, where every frame that the guest
//! sends comes by before the host routes or bridges it. So the same rules hold for an interface on
//! a bridge, whose frames a chain of the forward hook never sees, and a guest cannot get around them
//! with a frame of another type. Answers to the guest are not looked at.

use super::egress::{Destination, EgressRules, Ports, Protocol, Rule};
use std::fmt::Write;
use std::io;
use std::net::IpAddr;
use std::process::Stdio;
use tokio::io::AsyncWriteExt;
use tokio::process::Command;

/// The one table that this server makes.
const TABLE: &str = "netdev oriel";

/// A TAP interface and what a guest may send by it.
#[derive(Debug, Clone)]
pub struct FilteredInterface<'a> {
    /// The TAP interface's name.
    pub interface: &'a str,
    /// Whose interface it is, as a comment for whoever reads the rules.
    pub label: &'a str,
    /// What may be reached from the interface.
    pub egress: &'a EgressRules,
}

/// The script that replaces all rules of this server at once.
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

/// The script that takes all rules of this server away.
pub fn render_removal() -> String {
    // Adding a table that is there changes nothing; deleting one that is not is an error.
    format!("add table {TABLE}\ndelete table {TABLE}\n")
}

fn chain(script: &mut String, filtered: &FilteredInterface<'_>) {
    let FilteredInterface { interface, label, egress } = filtered;
    let mut line = |text: &str| {
        let _ = writeln!(script, "    {text}");
    };
    line(&format!("chain from-{interface} {{"));
    let mut rule = |text: &str| line(&format!("    {text}"));
    rule(&format!("comment \"{label}\""));
    rule(&format!("type filter hook ingress device \"{interface}\" priority filter; policy drop;"));
    // To find out who is there, and to get an address.
    rule("ether type arp accept");
    rule("ip6 hoplimit 255 icmpv6 type nd-neighbor-advert accept");
    rule(
        "ip6 hoplimit 255 ip6 daddr { fe80::/10, ff02::/16 } icmpv6 type { nd-router-solicit, nd-neighbor-solicit } accept",
    );
    rule("ip daddr 255.255.255.255 udp sport 68 udp dport 67 accept");
    rule("ip6 daddr ff02::1:2 udp sport 546 udp dport 547 accept");
    let to_host = |rule: &&Rule| rule.destination == Destination::Host;
    for allowed in egress.rules().iter().filter(to_host) {
        rule(&rule_line(allowed));
    }
    // What is left is for others: nothing that this host itself would take, by whichever address.
    rule("fib daddr type != unicast drop");
    rule("ip6 daddr fe80::/10 drop");
    for allowed in egress.rules().iter().filter(|rule| !to_host(rule)) {
        rule(&rule_line(allowed));
    }
    line("}");
}

fn rule_line(rule: &Rule) -> String {
    let destination = match rule.destination {
        Destination::Any => "meta protocol { ip, ip6 } ".to_owned(),
        Destination::Host => "fib daddr type local ".to_owned(),
        Destination::Network { address: IpAddr::V4(address), prefix } => {
            format!("ip daddr {address}/{prefix} ")
        }
        Destination::Network { address: IpAddr::V6(address), prefix } => {
            format!("ip6 daddr {address}/{prefix} ")
        }
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
    format!("{destination}{how}accept")
}

/// Has nft apply a script, all of it or nothing.
///
/// # Errors
/// One sentence: nft is missing, or did not take the rules.
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
    fn nothing_allowed_is_nothing_accepted_but_finding_neighbours() {
        let accepted = rendered("none").lines().filter(|line| line.ends_with("accept")).count();
        assert_eq!(accepted, rendered("any").lines().filter(|line| line.ends_with("accept")).count() - 1);
        assert!(!render(&[]).contains("chain"));
    }
}
