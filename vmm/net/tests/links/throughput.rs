//! Throughput of a TCP connection by way of passt, without the egress filter and with it. The guest is a network
//! namespace behind a TAP interface, whose frames go to passt.
//!
//! `cargo test --release -p oriel-net --test links throughput -- --ignored --nocapture` prints a JSON line per
//! figure.

use super::tap::{in_own_network, ip};
use oriel_net::{EgressFilter, EgressPolicy, HostRoutes, PasstProgram, Relay, Tap, open_tap};
use oriel_virtio::{RateLimit, RateLimiter};
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::time::Instant;

const SERVER: &str = "198.51.100.1:7000";
const AMOUNT: usize = 64 << 20;
const CHUNK: usize = 256 << 10;
/// What a client asks the server for.
const DOWNLOAD: u8 = 0;
const UPLOAD: u8 = 1;

/// Makes this thread's namespace a host: an uplink, and a server.
fn host() {
    for line in [
        "link set lo up",
        "link add uplink type veth peer name far",
        "link set far up",
        "link set uplink up",
        "address add 192.0.2.2/24 dev uplink",
        "address add 198.51.100.1/32 dev lo",
        "route add default via 192.0.2.1",
    ] {
        ip(line);
    }
    let listener = TcpListener::bind(SERVER).unwrap();
    std::thread::spawn(move || {
        for connection in listener.incoming() {
            let mut connection = connection.unwrap();
            let mut wanted = [0];
            connection.read_exact(&mut wanted).unwrap();
            match wanted {
                [DOWNLOAD] => (0..AMOUNT / CHUNK).for_each(|_| connection.write_all(&[7; CHUNK]).unwrap()),
                _ => {
                    receive(&mut connection);
                    connection.write_all(&[1]).unwrap();
                }
            }
        }
    });
}

fn receive(connection: &mut TcpStream) {
    let mut buffer = vec![0; CHUNK];
    let mut left = AMOUNT;
    while left > 0 {
        left -= connection.read(&mut buffer).unwrap();
    }
}

/// Starts passt in this thread's namespace.
fn passt(socket: &OwnedFd) -> Child {
    let number = socket.as_raw_fd();
    let program = PasstProgram::find().unwrap();
    let mut command = Command::new(program.path());
    command.args(PasstProgram::arguments(number, &[])).stderr(Stdio::null());
    // SAFETY: a system call between fork and exec.
    unsafe {
        command.pre_exec(move || {
            libc::fcntl(number, libc::F_SETFD, 0);
            Ok(())
        })
    };
    command.spawn().unwrap()
}

/// Measures MiB/s to the guest and from it, in this thread's namespace, which becomes the guest's.
fn measure(frames: mpsc::Sender<OwnedFd>) -> [f64; 2] {
    // Debian 12's passt waits for seconds when it fills a large window.
    std::fs::write("/proc/sys/net/ipv4/tcp_rmem", "4096 131072 131072").unwrap();
    ip("tuntap add dev guest0 mode tap vnet_hdr");
    let tap = Tap::new(open_tap("guest0").unwrap()).unwrap();
    let limiter = RateLimiter::new(RateLimit::default());
    let (_relay, socket) = Relay::start(Box::new(tap), limiter, |_| ()).unwrap();
    for line in [
        "link set guest0 mtu 65520 up",
        "address add 192.0.2.2/24 dev guest0",
        "route add default via 192.0.2.1",
    ] {
        ip(line);
    }
    frames.send(socket).unwrap();
    [DOWNLOAD, UPLOAD].map(|wanted| {
        let start = Instant::now();
        let mut connection = TcpStream::connect(SERVER).unwrap();
        connection.write_all(&[wanted]).unwrap();
        if wanted == DOWNLOAD {
            receive(&mut connection);
        } else {
            (0..AMOUNT / CHUNK).for_each(|_| connection.write_all(&[7; CHUNK]).unwrap());
            connection.read_exact(&mut [0]).unwrap();
        }
        (AMOUNT >> 20) as f64 / start.elapsed().as_secs_f64()
    })
}

#[test]
#[ignore = "measures"]
fn throughput_with_and_without_the_egress_filter() {
    in_own_network(|| {
        host();
        for (round, filtered) in [false, true, false, true, false, true].into_iter().enumerate() {
            let (sender, receiver) = mpsc::channel();
            let guest = std::thread::spawn(move || {
                // SAFETY: unshare takes no pointers; only this thread moves.
                assert_eq!(unsafe { libc::unshare(libc::CLONE_NEWNET) }, 0);
                measure(sender)
            });
            let mut to_passt = receiver.recv().unwrap();
            if filtered {
                let policy = EgressPolicy { rules: "host".parse().unwrap(), name_servers: Vec::new() };
                let filter = EgressFilter::new(policy, HostRoutes::new(HostRoutes::open_sockets().unwrap()));
                let (inner, outer) = UnixStream::pair().unwrap();
                let machine = std::mem::replace(&mut to_passt, outer.into());
                std::thread::spawn(move || filter.run(machine, inner.into()));
            }
            let mut passt = passt(&to_passt);
            drop(to_passt);
            let [down, up] = guest.join().unwrap();
            println!(
                "{{\"figure\":\"passt_mib_s\",\"round\":{round},\"egress_filter\":{filtered},\"to_guest\":{down:.0},\"from_guest\":{up:.0}}}"
            );
            let _ = passt.kill();
            let _ = passt.wait();
        }
    });
}
