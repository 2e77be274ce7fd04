//! TAP interfaces of the host's kernel, with and without offloads.

use super::until;
use oriel_net::{Tap, TapError, open_tap};
use oriel_virtio::net::{Backend, Header, Offloads};
use std::net::UdpSocket;
use std::process::Command;

const HOST: [u8; 4] = [198, 18, 7, 1];
const GUEST: [u8; 4] = [198, 18, 7, 2];
const MAC: [u8; 6] = [0x52, 0x54, 0, 0x65, 0x43, 0x21];

pub fn ip(arguments: &str) {
    let status = Command::new("ip").args(arguments.split(' ')).status().unwrap();
    assert!(status.success(), "ip {arguments}");
}

/// Runs `test` on a thread in a network namespace of its own; skipped without root.
pub fn in_own_network(test: fn()) {
    // SAFETY: geteuid takes no arguments.
    if unsafe { libc::geteuid() } != 0 {
        return eprintln!("TAP interfaces are tried by root only");
    }
    let inside = std::thread::spawn(move || {
        // SAFETY: unshare takes no pointers; only this thread moves.
        assert_eq!(unsafe { libc::unshare(libc::CLONE_NEWNET) }, 0);
        test();
    });
    inside.join().unwrap();
}

/// Returns the host's Ethernet address by ARP. The request is repeated, since the host may drop packets
/// before it has detected the carrier.
fn resolve_host(tap: &mut Tap) -> [u8; 6] {
    let arp = [&[0, 1, 8, 0, 6, 4, 0, 1][..], &MAC, &GUEST, &[0; 6], &HOST].concat();
    let request = [&[0xFF; 6][..], &MAC, &[8, 6], &arp].concat();
    until("answer to ARP", tap, |tap| {
        while let Some(frame) = tap.peek() {
            let bytes = frame.bytes;
            let answer = bytes.get(12..14) == Some(&[8, 6])
                && bytes.get(20..22) == Some(&[0, 2])
                && bytes.get(28..32) == Some(&HOST);
            let host = bytes.get(22..28).filter(|_| answer).map(|host| host.try_into().unwrap());
            tap.consume();
            if host.is_some() {
                return host;
            }
        }
        tap.send(&Header::default(), &request);
        None
    })
}

/// Returns a UDP frame to the host's port with a partial checksum, the sum of the pseudo-header.
fn unfinished(host: [u8; 6], port: u16, data: &[u8]) -> (Header, Vec<u8>) {
    let len = 8 + data.len() as u16;
    let mut ip =
        [&[0x45, 0][..], &(20 + len).to_be_bytes(), &[0, 0, 0, 0, 64, 17, 0, 0], &GUEST, &HOST].concat();
    let sum = |bytes: &[u8]| {
        let sum =
            bytes.chunks(2).fold(0u32, |sum, pair| sum + u32::from(u16::from_be_bytes([pair[0], pair[1]])));
        ((sum & 0xFFFF) + (sum >> 16)) as u16
    };
    let checksum = !sum(&ip);
    ip[10..12].copy_from_slice(&checksum.to_be_bytes());
    let pseudo = sum(&[&GUEST[..], &HOST, &[0, 17], &len.to_be_bytes()].concat());
    let udp = [4321u16.to_be_bytes(), port.to_be_bytes(), len.to_be_bytes(), pseudo.to_be_bytes()].concat();
    let header = Header { flags: 1, csum_start: 34, csum_offset: 6, ..Header::default() };
    (header, [&host[..], &MAC, &[8, 0], &ip, &udp, data].concat())
}

#[test]
fn frames_pass_to_and_from_the_hosts_kernel() {
    in_own_network(|| {
        ip("tuntap add dev oriel0 mode tap vnet_hdr");
        ip("address add 198.18.7.1/24 dev oriel0");
        ip("link set oriel0 mtu 4000 up");
        let mut tap = Tap::new(open_tap("oriel0").unwrap()).unwrap();
        assert_eq!((tap.mtu(), tap.link_up()), (Some(4000), true));
        assert!(matches!(open_tap("oriel0"), Err(TapError::Busy(_))));
        let host = resolve_host(&mut tap);

        // Out: the kernel finishes what the guest left.
        let socket = UdpSocket::bind("198.18.7.1:0").unwrap();
        socket.set_read_timeout(Some(super::TIMEOUT)).unwrap();
        let port = socket.local_addr().unwrap().port();
        let (header, bytes) = unfinished(host, port, b"from the guest");
        tap.send(&header, &bytes);
        let mut received = [0; 64];
        let (len, from) = socket.recv_from(&mut received).unwrap();
        assert_eq!(
            (&received[..len], from.to_string().as_str()),
            (&b"from the guest"[..], "198.18.7.2:4321")
        );

        // In: it leaves to the guest what the guest takes.
        for offloads in [Offloads::ALL, Offloads::NONE] {
            tap.set_guest_offloads(offloads);
            socket.send_to(b"from the host", from).unwrap();
            let unfinished = until("datagram", &mut tap, |tap| {
                while let Some(frame) = tap.peek() {
                    let wanted = frame.bytes.ends_with(b"from the host");
                    let unfinished = frame.header.needs_checksum();
                    tap.consume();
                    if wanted {
                        return Some(unfinished);
                    }
                }
                None
            });
            assert_eq!(unfinished, offloads.checksum);
        }

        ip("link delete oriel0");
        until("loss of the link", &mut tap, |tap| (!tap.link_up()).then_some(()));
        assert!(tap.peek().is_none());
        assert!(!super::readable(tap.fd(), 0), "a dead interface does not keep the event loop busy");
    });
}

#[test]
fn interfaces_of_another_kind_are_refused_with_a_reason() {
    in_own_network(|| {
        let error = |name: &str| open_tap(name).unwrap_err().to_string();
        assert!(matches!(open_tap("oriel0"), Err(TapError::Absent(_))), "it must not be made by opening it");
        ip("tuntap add dev oriel1 mode tun");
        assert!(error("oriel1").contains("not a TAP interface"), "{}", error("oriel1"));
        assert!(error("lo").contains("not a TAP interface"), "{}", error("lo"));
    });
}
