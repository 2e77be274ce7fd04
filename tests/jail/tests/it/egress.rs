//! What is reached by way of passt: an intruder in a machine's place sends its own frames to an address
//! of every kind. The host is a network namespace, and everything beyond it is another.

use crate::support::{Intruder, Starter, as_everyone, wait_until};
use oriel_jail_tests::{Attempt, IntruderPlan, Target, Transport};
use serde_json::{Value, json};
use std::ffi::CString;
use std::fs::File;
use std::net::{IpAddr, SocketAddr, TcpListener, UdpSocket};
use std::os::fd::AsFd;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};

/// The host's own addresses, which are public.
const OWN: [&str; 2] = ["198.51.100.2", "2001:db8:1::2"];
/// Addresses that everybody may reach.
const PUBLIC: [&str; 2] = ["203.0.113.9", "2001:db8:9::9"];
/// Address that becomes the host's own while a desktop runs.
const LATER: &str = "203.0.113.77";
/// Name server of the host, in its private network.
const RESOLVER: &str = "10.53.53.53";
/// Addresses of networks that are not public.
const PRIVATE: [&str; 14] = [
    RESOLVER,
    "10.9.9.9",
    "172.16.9.9",
    "192.168.9.9",
    "100.64.9.9",
    "169.254.169.254",
    "192.0.0.9",
    "198.18.9.9",
    "240.0.0.9",
    "fd00:9::9",
    "fec0::9",
    "64:ff9b::a09:909",
    "64:ff9b:1::a09:909",
    "2002:a09:909::9",
];
/// Addresses by which a socket reaches the host itself, or an IPv4 address in the form of an IPv6 one.
const FORMS: [&str; 9] = [
    "127.0.0.1",
    "0.0.0.0",
    "::1",
    "::",
    "::ffff:127.0.0.1",
    "::ffff:0.0.0.0",
    "::ffff:10.9.9.9",
    "::ffff:198.51.100.2",
    "::198.51.100.2",
];

/// Two network namespaces: the host's, and everything beyond it.
struct Topology {
    host: String,
    beyond: String,
    resolv_conf: PathBuf,
}

impl Topology {
    /// `None` where it cannot be made, which takes root.
    fn lay() -> Option<Self> {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let number = format!("{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        let (host, beyond) = (format!("oriel-host-{number}"), format!("oriel-beyond-{number}"));
        if !Path::new("/usr/bin/passt").exists() || !ip(&format!("netns add {host}")) {
            return None;
        }
        let resolv_conf = std::env::temp_dir().join(format!("oriel-resolv-{number}"));
        std::fs::write(&resolv_conf, format!("nameserver {RESOLVER}\n")).unwrap();
        let topology = Self { host, beyond, resolv_conf };
        let (host, beyond) = (&topology.host, &topology.beyond);
        let mut lines = vec![
            format!("netns add {beyond}"),
            format!("-n {host} link add up0 type veth peer name down0 netns {beyond}"),
            format!("-n {host} addr add {}/24 dev up0", OWN[0]),
            format!("-n {host} addr add {}/64 dev up0 nodad", OWN[1]),
            format!("-n {beyond} addr add 198.51.100.1/24 dev down0"),
            format!("-n {beyond} addr add 2001:db8:1::1/64 dev down0 nodad"),
            format!("-n {host} link set lo up"),
            format!("-n {host} link set up0 up"),
            format!("-n {beyond} link set lo up"),
            format!("-n {beyond} link set down0 up"),
            format!("-n {host} route add default via 198.51.100.1"),
            format!("-n {host} -6 route add default via 2001:db8:1::1"),
        ];
        for address in PUBLIC.iter().chain(&PRIVATE).chain([&LATER]) {
            let (length, nodad) = if address.contains(':') { (128, " nodad") } else { (32, "") };
            lines.push(format!("-n {beyond} addr add {address}/{length} dev lo{nodad}"));
        }
        for line in lines {
            assert!(ip(&line), "ip {line}");
        }
        Some(topology)
    }

    /// Listens in a namespace, for connections and datagrams, until the test ends.
    fn serve(&self, namespace: &str) -> TcpListener {
        let (listener, socket) = inside(namespace, || {
            (TcpListener::bind("[::]:53").unwrap(), UdpSocket::bind("[::]:53").unwrap())
        });
        std::thread::spawn(move || {
            while let Ok((_, from)) = socket.recv_from(&mut [0; 1]) {
                let _ = socket.send_to(b"!", from);
            }
        });
        // The kernel completes connections by itself.
        listener
    }

    /// Has the command run on the host, with the host's name server.
    fn enter(&self, command: &mut Command) {
        let namespace = File::open(format!("/run/netns/{}", self.host)).unwrap();
        let resolv_conf = CString::new(self.resolv_conf.as_os_str().as_bytes()).unwrap();
        let system = |result: libc::c_int| match result {
            0 => Ok(()),
            _ => Err(std::io::Error::last_os_error()),
        };
        let enter = move || {
            use std::os::fd::AsRawFd;
            let (none, no_data) = (std::ptr::null(), std::ptr::null());
            // SAFETY: system calls on strings that outlive them.
            unsafe {
                system(libc::setns(namespace.as_raw_fd(), libc::CLONE_NEWNET))?;
                system(libc::unshare(libc::CLONE_NEWNS))?;
                system(libc::mount(none, c"/".as_ptr(), none, libc::MS_REC | libc::MS_PRIVATE, no_data))?;
                let target = c"/etc/resolv.conf".as_ptr();
                system(libc::mount(resolv_conf.as_ptr(), target, none, libc::MS_BIND, no_data))
            }
        };
        // SAFETY: only system calls between fork and exec.
        unsafe { command.pre_exec(enter) };
    }

    /// Starts an intruder on the host, whose network interface has this backend.
    fn intruder(&self, starter: Starter, link: Value, attempts: Vec<Attempt>) -> Intruder {
        let plan = IntruderPlan { without: vec![oriel_jail_tests::Without::Seccomp], attempts };
        Intruder::start_with(starter, &plan, &[link], |command| self.enter(command))
    }

    /// Returns the targets that answer an intruder.
    fn reached(&self, starter: Starter, link: Value, targets: &[Target]) -> Vec<Target> {
        let mut intruder = self.intruder(starter, link, vec![Attempt::Reach(targets.to_vec())]);
        let report = intruder.exit_report();
        let answers = intruder.answers();
        let [Ok(bits)] = answers[..] else { panic!("{answers:?}; {}", report.text) };
        let answered = targets.iter().enumerate().filter(|(place, _)| bits >> place & 1 == 1);
        answered.map(|(_, target)| *target).collect()
    }
}

impl Drop for Topology {
    fn drop(&mut self) {
        ip(&format!("netns del {}", self.host));
        ip(&format!("netns del {}", self.beyond));
        let _ = std::fs::remove_file(&self.resolv_conf);
    }
}

fn ip(line: &str) -> bool {
    let done = Command::new("ip").args(line.split_whitespace()).stderr(Stdio::null()).status();
    done.is_ok_and(|status| status.success())
}

/// Does something in a namespace; sockets made there stay there.
fn inside<T: Send>(namespace: &str, work: impl FnOnce() -> T + Send) -> T {
    let namespace = File::open(format!("/run/netns/{namespace}")).unwrap();
    let thread = move || {
        let network = Some(rustix::thread::LinkNameSpaceType::Network);
        rustix::thread::move_into_link_name_space(namespace.as_fd(), network).unwrap();
        work()
    };
    std::thread::scope(|scope| scope.spawn(thread).join().unwrap())
}

fn target(transport: Transport, address: &str) -> Target {
    let address: IpAddr = address.parse().unwrap();
    Target { transport, address: SocketAddr::new(address, 53) }
}

/// An address of every kind, by connection and by datagram.
fn everything() -> Vec<Target> {
    let all = || PUBLIC.iter().chain(&OWN).chain(&PRIVATE).chain(&FORMS);
    let tcp = all().map(|address| target(Transport::Tcp, address));
    tcp.chain(all().map(|address| target(Transport::Udp, address))).collect()
}

#[test]
fn by_default_only_public_addresses_and_the_name_server_are_reached() {
    as_everyone(|starter| {
        let Some(topology) = Topology::lay() else {
            return eprintln!("skipped: it takes root, ip and passt");
        };
        let _served = [topology.serve(&topology.host), topology.serve(&topology.beyond)];
        let reached = topology.reached(starter, json!({"to": "passt"}), &everything());
        let both = |address| [Transport::Tcp, Transport::Udp].map(|transport| target(transport, address));
        let wanted: Vec<Target> = [PUBLIC[0], PUBLIC[1], RESOLVER].into_iter().flat_map(both).collect();
        let text = |targets: &[Target]| -> Vec<String> {
            targets.iter().map(|target| format!("{:?} {}", target.transport, target.address)).collect()
        };
        let kept: Vec<Target> = everything().into_iter().filter(|target| wanted.contains(target)).collect();
        assert_eq!(text(&reached), text(&kept), "{starter:?}");
    });
}

#[test]
fn an_address_that_the_host_gets_later_is_no_longer_reached() {
    as_everyone(|starter| {
        let Some(topology) = Topology::lay() else {
            return eprintln!("skipped: it takes root, ip and passt");
        };
        let _served = [topology.serve(&topology.host), topology.serve(&topology.beyond)];
        let later = [Transport::Tcp, Transport::Udp].map(|transport| target(transport, LATER));
        // The third target is served once the host has the address.
        let told = Target { address: SocketAddr::new(PUBLIC[0].parse().unwrap(), 9), ..later[0] };
        let attempts = vec![
            Attempt::Reach(later.to_vec()),
            Attempt::AwaitAnswer(told),
            Attempt::Reach([&later[..], &[told]].concat()),
        ];
        let mut intruder = topology.intruder(starter, json!({"to": "passt"}), attempts);
        wait_until("the address is tried", || !intruder.answers().is_empty());
        assert!(ip(&format!("-n {} addr add {LATER}/32 dev lo", topology.host)));
        let _told = inside(&topology.beyond, || TcpListener::bind((PUBLIC[0], 9)).unwrap());
        let report = intruder.exit_report();
        let answers = intruder.answers();
        assert_eq!(answers, [Ok(0b11), Ok(1), Ok(0b100)], "{}", report.text);
    });
}
