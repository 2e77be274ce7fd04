//! Frames that an intruder sends into its own network interface, past whatever the guest would have sent.

use oriel_jail_tests::{Answer, Target, Transport};
use oriel_net::BackendConnector;
use std::io::{self, Read, Write};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::os::unix::net::UnixStream;
use std::time::{Duration, Instant};

/// How long an answer is waited for after the last one came.
const QUIET: Duration = Duration::from_secs(3);

const GUEST_V4: Ipv4Addr = Ipv4Addr::new(198, 51, 100, 2);
const GUEST_V6: Ipv6Addr = Ipv6Addr::new(0x2001, 0xdb8, 1, 0, 0, 0, 0, 2);
const GUEST_MAC: [u8; 6] = [0x52, 0x54, 0, 0x12, 0x34, 0x56];

/// The intruder's end of its network interface.
pub struct Interface {
    link: UnixStream,
    /// Source port of the next target.
    port: u16,
}

impl Interface {
    /// Connects it, as a machine does.
    pub fn connect(connector: &dyn BackendConnector) -> io::Result<Self> {
        Ok(Self { link: connector.connect()?.into(), port: 40000 })
    }

    /// Sends to each target and returns the targets that answered, as bits.
    pub fn reach(&mut self, targets: &[Target]) -> Answer {
        self.tried(targets).map_err(|error| error.raw_os_error().unwrap_or(-1))
    }

    /// Sends to a target again and again until it answers.
    pub fn await_answer(&mut self, target: &Target) -> Answer {
        loop {
            match self.reach(std::slice::from_ref(target)) {
                Ok(0) => {}
                answer => return answer,
            }
        }
    }

    fn tried(&mut self, targets: &[Target]) -> io::Result<i64> {
        let first = self.port;
        self.port += targets.len() as u16;
        for (target, port) in targets.iter().zip(first..) {
            let frame = frame(target, port);
            self.link.write_all(&(frame.len() as u32).to_be_bytes())?;
            self.link.write_all(&frame)?;
        }
        let all = (1i64 << targets.len()) - 1;
        let mut answered = 0;
        let mut until = Instant::now() + QUIET;
        while answered != all && Instant::now() < until {
            self.link.set_read_timeout(Some(Duration::from_millis(100)))?;
            let mut length = [0; 4];
            match self.link.read_exact(&mut length) {
                Ok(()) => {}
                Err(error) if matches!(error.kind(), io::ErrorKind::WouldBlock) => continue,
                Err(error) => return Err(error),
            }
            self.link.set_read_timeout(None)?;
            let mut frame = vec![0; u32::from_be_bytes(length) as usize];
            self.link.read_exact(&mut frame)?;
            if let Some(place) = answer(&frame, first, targets) {
                answered |= 1 << place;
                until = Instant::now() + QUIET;
            }
        }
        Ok(answered)
    }
}

/// A connection's first segment, or a datagram.
fn frame(target: &Target, port: u16) -> Vec<u8> {
    let to = target.address;
    let (protocol, mut payload) = match target.transport {
        Transport::Tcp => (
            6,
            [
                &port.to_be_bytes()[..],
                &to.port().to_be_bytes(),
                &[0, 0, 0, 1, 0, 0, 0, 0, 0x50, 2, 0xFF, 0xFF, 0, 0, 0, 0],
            ]
            .concat(),
        ),
        Transport::Udp => {
            (17, [&port.to_be_bytes()[..], &to.port().to_be_bytes(), &[0, 9, 0, 0, b'?']].concat())
        }
    };
    let length = payload.len() as u16;
    let (source, destination) = match to.ip() {
        IpAddr::V4(to) => (GUEST_V4.octets().to_vec(), to.octets().to_vec()),
        IpAddr::V6(to) => (GUEST_V6.octets().to_vec(), to.octets().to_vec()),
    };
    let sum = checksum(&[&source, &destination, &[0, protocol][..], &length.to_be_bytes(), &payload]);
    let place = if protocol == 6 { 16 } else { 6 };
    payload.splice(place..place + 2, sum.to_be_bytes());
    let (ether_type, mut header) = match to {
        SocketAddr::V4(_) => (
            [8, 0],
            [&[0x45, 0][..], &(20 + length).to_be_bytes(), &[0, 0, 0, 0, 64, protocol, 0, 0]].concat(),
        ),
        SocketAddr::V6(_) => {
            ([0x86, 0xDD], [&[0x60, 0, 0, 0][..], &length.to_be_bytes(), &[protocol, 64]].concat())
        }
    };
    header.extend(source);
    header.extend(destination);
    if to.is_ipv4() {
        let sum = checksum(&[&header]);
        header.splice(10..12, sum.to_be_bytes());
    }
    [&[2, 0, 0, 0, 0, 1][..], &GUEST_MAC, &ether_type, &header, &payload].concat()
}

/// The Internet checksum (RFC 1071) of parts, each but the last of an even length.
fn checksum(parts: &[&[u8]]) -> u16 {
    let words = parts.iter().flat_map(|part| part.chunks(2));
    let word = |pair: &[u8]| u32::from(pair[0]) << 8 | u32::from(pair.get(1).copied().unwrap_or(0));
    let mut sum: u32 = words.map(word).sum();
    while sum > 0xFFFF {
        sum = (sum & 0xFFFF) + (sum >> 16);
    }
    !(sum as u16)
}

/// Which target a frame is an answer of: a connection that is accepted, or a datagram.
fn answer(frame: &[u8], first: u16, targets: &[Target]) -> Option<usize> {
    let (protocol, payload) = match frame.get(12..14)? {
        [8, 0] => (*frame.get(23)?, frame.get(34..)?),
        [0x86, 0xDD] => (*frame.get(20)?, frame.get(54..)?),
        _ => return None,
    };
    let port = u16::from_be_bytes(payload.get(2..4)?.try_into().ok()?);
    let place = usize::from(port.checked_sub(first)?);
    let accepted = match targets.get(place)?.transport {
        // SYN and ACK.
        Transport::Tcp => protocol == 6 && payload.get(13)? & 0x12 == 0x12,
        Transport::Udp => protocol == 17,
    };
    accepted.then_some(place)
}
