//! Name servers of the host (resolv.conf(5)): what the egress rule `dns` stands for.

use std::net::IpAddr;

/// Files with name servers. The others are those of systemd-resolved and NetworkManager, whose own resolvers are
/// on loopback.
const RESOLV_CONF_PATHS: [&str; 3] =
    ["/etc/resolv.conf", "/run/systemd/resolve/resolv.conf", "/run/NetworkManager/no-stub-resolv.conf"];

/// Maximum number of name servers that passt accepts of each address family (`MAXNS`).
const MAX_SERVERS: usize = 3;

/// Returns up to three name servers of the host that are not on the loopback interface.
pub fn name_servers() -> Vec<IpAddr> {
    let servers = RESOLV_CONF_PATHS
        .iter()
        .map(|path| parse(&std::fs::read_to_string(path).unwrap_or_default()))
        .find(|servers| !servers.is_empty());
    servers.unwrap_or_default().into_iter().take(MAX_SERVERS).collect()
}

/// Returns the name servers in a resolv.conf(5) that are not on the loopback interface.
fn parse(text: &str) -> Vec<IpAddr> {
    text.lines()
        .filter_map(|line| line.trim_start().strip_prefix("nameserver"))
        .filter_map(|rest| rest.split_ascii_whitespace().next()?.parse::<IpAddr>().ok())
        .filter(|server| !server.is_loopback() && !server.is_unspecified())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn servers_on_the_host_itself_are_left_out() {
        let text = "# nameserver 9.9.9.9\nsearch a.b\nnameserver 127.0.0.53\n nameserver\t192.0.2.7 # ours\n\
                    nameserver ::1\nnameserver 2001:db8::53\nnameserver fe80::1%eth0\nnameserver\noptions edns0\n";
        assert_eq!(parse(text), ["192.0.2.7".parse::<IpAddr>().unwrap(), "2001:db8::53".parse().unwrap()]);
    }
}
