//! Pools' networks: at the command line, in the API, and as rules in a network of their own.

use crate::command_line::{ok, refused};
use crate::fixture::House;
use oriel_host::network::{FilteredInterface, render};
use std::io::Write;
use std::net::{SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::os::fd::AsFd;
use std::process::{Command, Stdio};
use std::time::Duration;

#[tokio::test]
async fn what_is_set_is_shown_and_recorded() {
    let house = House::new("").await;
    let state = house.state().root().to_owned();
    ok(
        &state,
        &[
            "pool",
            "set",
            "desk",
            "--network",
            "tap:desk*",
            "--egress",
            "192.0.2.0/24/tcp/443",
            "--egress",
            "host/udp/53",
            "--disk-iops",
            "500",
            "--sound",
            "off",
            "--screens",
            "2",
            "--cpu-limit-percent",
            "50",
            "--require-jail",
        ],
        "",
    );
    let shown = ok(&state, &["pool", "show", "desk"], "");
    for line in [
        "network: tap:desk*",
        "disk-iops: 500",
        "disk-mib-s: none",
        "sound: off",
        "agents: on",
        "screens: 2",
        "cpu-limit-percent: 50",
        "require-jail: on",
        "users: ada, eve, root",
        "  It can reach 192.0.2.0/24 by TCP to port 443.",
        "  It can reach this host by UDP to port 53.",
    ] {
        assert!(shown.lines().any(|shown| shown == line), "{line}: {shown}");
    }
    ok(&state, &["pool", "set", "desk", "--disk-iops", "none"], "");
    assert!(ok(&state, &["pool", "show", "desk"], "").contains("disk-iops: none"));
    for (words, says) in [
        (["--network", "bridge:br0"], "none of passt, isolated and tap:NAME"),
        (["--screens", "5"], "1 to 4 screens"),
        (["--memory", "1048576"], "does not fit this host"),
        (["--disk-mib-s", "0"], "1 to 1000000"),
    ] {
        let error = refused(&state, &[&["pool", "set", "desk"], &words[..]].concat(), "");
        assert!(error.contains(says), "{error}");
    }

    let server = house.open().await;
    let pools = server.user("root").await.get("/api/pools").await.json();
    assert_eq!(pools[0]["egress"][0], "It can reach 192.0.2.0/24 by TCP to port 443.");
    assert_eq!(pools[0]["limits"]["cpu_limit_percent"], 50);
    let ada = server.user("ada").await;
    let desktop = ada.get("/api/desktops").await.json()[0].clone();
    assert_eq!(desktop["network"], "tap:desk*");
    assert_eq!(desktop["egress"], pools[0]["egress"]);
    server.close().await;

    let db = oriel_server::state::open_database(&house.state()).await.unwrap();
    let log = oriel_auth::AuditLog::open(db.clone(), house.state().root()).await.unwrap();
    assert!(log.verify().await.unwrap().is_ok());
    db.close().await;
}

/// Three network namespaces in a row: the guest behind an interface that stands for its TAP, the
/// host that routes, and another machine. They are gone when this is.
struct Wire {
    names: [String; 3],
}

const HOST_IN: &str = "10.1.0.1";
const HOST_OUT: &str = "10.2.0.1";
const HOST_V6: &str = "fd00:1::1";
const OTHER: &str = "10.2.0.2";
const OTHER_V6: &str = "fd00:2::2";

impl Wire {
    /// `None` where it cannot be made, which takes root.
    fn lay() -> Option<Self> {
        let names = ["guest", "host", "other"].map(|name| format!("oriel-{name}-{}", std::process::id()));
        let wire = Self { names };
        let nft = Command::new("nft").arg("--version").stdout(Stdio::null()).status();
        if !nft.is_ok_and(|status| status.success()) || !ip(&format!("netns add {}", wire.names[1])) {
            return None;
        }
        let [guest, host, other] = &wire.names;
        for line in [
            format!("netns add {guest}"),
            format!("netns add {other}"),
            format!("-n {host} link add desk0 type veth peer name eth0 netns {guest}"),
            format!("-n {host} link add out0 type veth peer name eth0 netns {other}"),
            format!("-n {host} addr add {HOST_IN}/24 dev desk0"),
            format!("-n {host} addr add {HOST_V6}/64 dev desk0 nodad"),
            format!("-n {host} addr add {HOST_OUT}/24 dev out0"),
            format!("-n {host} addr add fd00:2::1/64 dev out0 nodad"),
            format!("-n {guest} addr add 10.1.0.2/24 dev eth0"),
            format!("-n {guest} addr add fd00:1::2/64 dev eth0 nodad"),
            format!("-n {other} addr add {OTHER}/24 dev eth0"),
            format!("-n {other} addr add {OTHER_V6}/64 dev eth0 nodad"),
            format!("-n {host} link set desk0 up"),
            format!("-n {host} link set out0 up"),
            format!("-n {host} link set lo up"),
            format!("-n {guest} link set eth0 up"),
            format!("-n {other} link set eth0 up"),
            format!("-n {guest} route add default via {HOST_IN}"),
            format!("-n {guest} -6 route add default via {HOST_V6}"),
            format!("-n {other} route add default via {HOST_OUT}"),
            format!("-n {other} -6 route add default via fd00:2::1"),
        ] {
            assert!(ip(&line), "{line}");
        }
        wire.inside(1, || {
            for switch in ["ipv4/ip_forward", "ipv6/conf/all/forwarding"] {
                std::fs::write(format!("/proc/sys/net/{switch}"), "1").unwrap();
            }
        });
        Some(wire)
    }

    /// Does something in a namespace; sockets made there stay there.
    fn inside<T: Send>(&self, which: usize, work: impl FnOnce() -> T + Send) -> T {
        let path = format!("/run/netns/{}", self.names[which]);
        let namespace = std::fs::File::open(path).unwrap();
        let thread = move || {
            rustix::thread::move_into_link_name_space(
                namespace.as_fd(),
                Some(rustix::thread::LinkNameSpaceType::Network),
            )
            .unwrap();
            work()
        };
        std::thread::scope(|scope| scope.spawn(thread).join().unwrap())
    }

    /// Hands the rules to nft as `oriel network apply` does.
    fn filter(&self, rules: &str) {
        let script = render(&[FilteredInterface {
            interface: "desk0",
            label: "pool office",
            egress: &rules.parse().unwrap(),
            name_servers: &[OTHER.parse().unwrap()],
        }]);
        let mut nft = Command::new("ip")
            .args(["netns", "exec", &self.names[1], "nft", "-f", "-"])
            .stdin(Stdio::piped())
            .spawn()
            .unwrap();
        nft.stdin.take().unwrap().write_all(script.as_bytes()).unwrap();
        assert!(nft.wait().unwrap().success(), "{script}");
    }

    /// Whether the guest gets an answer; who is not let through gets none, however long it waits.
    fn reaches(&self, protocol: &str, address: &str, port: u16) -> bool {
        let target = SocketAddr::new(address.parse().unwrap(), port);
        self.inside(0, || {
            if protocol == "tcp" {
                return TcpStream::connect_timeout(&target, PATIENCE).is_ok();
            }
            let any = if target.is_ipv4() { "0.0.0.0:0" } else { "[::]:0" };
            let socket = UdpSocket::bind(any).unwrap();
            socket.set_read_timeout(Some(PATIENCE)).unwrap();
            socket.send_to(b"?", target).unwrap();
            socket.recv(&mut [0; 1]).is_ok()
        })
    }
}

/// What is let through answers at once, but this machine may be busy.
const PATIENCE: Duration = Duration::from_secs(3);

fn ip(line: &str) -> bool {
    let done = Command::new("ip").args(line.split(' ')).stderr(Stdio::null()).status();
    done.is_ok_and(|status| status.success())
}

impl Drop for Wire {
    fn drop(&mut self) {
        for name in &self.names {
            ip(&format!("netns del {name}"));
        }
    }
}

/// Listeners that answer until the test ends.
fn serve(wire: &Wire, which: usize) -> Vec<TcpListener> {
    let (listeners, udp) = wire.inside(which, || {
        let listeners: Vec<_> = [443, 80].map(|port| TcpListener::bind(("::", port)).unwrap()).into();
        (listeners, UdpSocket::bind(("::", 53)).unwrap())
    });
    std::thread::spawn(move || {
        while let Ok((_, from)) = udp.recv_from(&mut [0; 1]) {
            let _ = udp.send_to(b"!", from);
        }
    });
    // The kernel completes connections by itself.
    listeners
}

#[test]
fn the_rules_hold_in_a_real_network() {
    let Some(wire) = Wire::lay() else {
        eprintln!("not run: it takes root, iproute2 and nftables");
        return;
    };
    let _host = serve(&wire, 1);
    let _other = serve(&wire, 2);
    let everything = [
        ("tcp", HOST_IN, 443),
        ("tcp", HOST_OUT, 443),
        ("tcp", HOST_V6, 443),
        ("udp", HOST_IN, 53),
        ("tcp", OTHER, 443),
        ("tcp", OTHER, 80),
        ("tcp", OTHER_V6, 443),
        ("udp", OTHER, 53),
    ];
    for (protocol, address, port) in everything {
        assert!(wire.reaches(protocol, address, port), "without rules: {protocol} {address} {port}");
    }
    for (rules, reached) in [
        ("any", &[("tcp", OTHER, 443), ("tcp", OTHER, 80), ("tcp", OTHER_V6, 443), ("udp", OTHER, 53)][..]),
        ("10.2.0.0/24/tcp/443 host/udp/53", &[("udp", HOST_IN, 53), ("tcp", OTHER, 443)]),
        ("fd00:2::/64 10.0.0.0/8/udp", &[("tcp", OTHER_V6, 443), ("udp", OTHER, 53)]),
        // The networks here are all private.
        ("internet", &[]),
        ("internet dns", &[("udp", OTHER, 53)]),
        ("none", &[]),
    ] {
        wire.filter(rules);
        // All at once: what is dropped is waited for.
        std::thread::scope(|scope| {
            for target in everything {
                let (wire, (protocol, address, port)) = (&wire, target);
                scope.spawn(move || {
                    let answered = wire.reaches(protocol, address, port);
                    assert_eq!(answered, reached.contains(&target), "{rules}: {protocol} {address} {port}");
                });
            }
        });
    }
}
