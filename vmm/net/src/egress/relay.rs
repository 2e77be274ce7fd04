//! Relay of frames between a machine and passt, which drops the guest's frames that the policy forbids.
//!
//! A thread for each direction waits in read(2) and write(2), so a slow reader slows its writer down. Frames to
//! the guest are not looked at.

use super::host_routes::HostRoutes;
use super::packet::Packet;
use super::policy::EgressPolicy;
use oriel_virtio::net::MAX_FRAME;
use std::io::{self, Read, Write};
use std::net::Shutdown;
use std::ops::Range;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;

/// Size of a frame's length in bytes, as in passt(1).
const PREFIX_LEN: usize = 4;

/// Size of the buffer of each direction in bytes: some of the longest frames.
const BUFFER_LEN: usize = 512 << 10;

/// Egress filter of a network interface.
pub struct EgressFilter {
    policy: EgressPolicy,
    routes: HostRoutes,
    /// Latest packet and the decision on it, which the next packets of a connection share.
    latest: Option<(Packet, bool)>,
}

impl EgressFilter {
    /// Makes a filter of a policy and of the host's routes.
    pub fn new(policy: EgressPolicy, routes: HostRoutes) -> Self {
        Self { policy, routes, latest: None }
    }

    /// Relays between the sockets until one of them is closed.
    ///
    /// # Errors
    /// When the second thread cannot be started, or the machine sends what are no frames.
    pub fn run(mut self, machine: OwnedFd, passt: OwnedFd) -> io::Result<()> {
        let (mut machine, mut passt) = (UnixStream::from(machine), UnixStream::from(passt));
        let (mut from_passt, mut to_machine) = (passt.try_clone()?, machine.try_clone()?);
        let inwards = std::thread::Builder::new().name("net-inwards".into()).spawn(move || {
            let ended = copy(&mut from_passt, &mut to_machine);
            // The other thread ends with both sockets.
            let _ = to_machine.shutdown(Shutdown::Both);
            let _ = from_passt.shutdown(Shutdown::Both);
            ended
        })?;
        let ended = match self.filter(&mut machine, &mut passt) {
            // passt, or the other thread, has closed a socket.
            Err(error) if is_closed(&error) => Ok(()),
            ended => ended,
        };
        let _ = passt.shutdown(Shutdown::Both);
        let _ = machine.shutdown(Shutdown::Both);
        let _ = inwards.join();
        ended
    }

    /// Passes the machine's frames on to passt until the machine closes its socket.
    fn filter(&mut self, machine: &mut impl Read, passt: &mut impl Write) -> io::Result<()> {
        let mut buffer = vec![0; BUFFER_LEN];
        let mut end = 0;
        loop {
            let count = match machine.read(buffer.get_mut(end..).unwrap_or_default()) {
                Ok(0) => return Ok(()),
                Ok(count) => count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(error),
            };
            end += count;
            if self.routes.forget_changed() {
                self.latest = None;
            }
            let received = buffer.get(..end).unwrap_or_default();
            let mut start = 0;
            // Frames in a row that are allowed are written at once.
            let mut allowed: Range<usize> = 0..0;
            while let Some(next) = frame_end(received, start)? {
                if self.allows(received.get(start + PREFIX_LEN..next).unwrap_or_default()) {
                    allowed.end = next;
                } else {
                    write(received, &allowed, passt)?;
                    allowed = next..next;
                }
                start = next;
            }
            write(received, &allowed, passt)?;
            buffer.copy_within(start..end, 0);
            end -= start;
        }
    }

    /// Returns whether a frame may pass.
    fn allows(&mut self, frame: &[u8]) -> bool {
        let Some(packet) = Packet::read(frame) else { return false };
        if let Some((latest, allowed)) = self.latest
            && latest == packet
        {
            return allowed;
        }
        let routes = &mut self.routes;
        let allowed = self.policy.allows(packet, |address| routes.route(address));
        self.latest = Some((packet, allowed));
        allowed
    }
}

/// Returns whether an error says that the other end of a socket is closed.
fn is_closed(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::BrokenPipe | io::ErrorKind::ConnectionReset)
}

/// Writes a range of the received bytes, if there is any.
fn write(received: &[u8], range: &Range<usize>, passt: &mut impl Write) -> io::Result<()> {
    passt.write_all(received.get(range.clone()).unwrap_or_default())
}

/// Returns the end of the frame whose length is at `start`; `None` if the frame is not complete.
fn frame_end(received: &[u8], start: usize) -> io::Result<Option<usize>> {
    let Some(prefix) = received.get(start..).and_then(|rest| rest.first_chunk::<PREFIX_LEN>()) else {
        return Ok(None);
    };
    let len = u32::from_be_bytes(*prefix) as usize;
    if !(1..=MAX_FRAME).contains(&len) {
        return Err(io::Error::new(
            io::ErrorKind::InvalidData,
            "the machine announced a frame of an impossible length",
        ));
    }
    let end = start + PREFIX_LEN + len;
    Ok((end <= received.len()).then_some(end))
}

/// Copies bytes until one of the sockets is closed.
fn copy(from: &mut impl Read, to: &mut impl Write) -> io::Result<()> {
    let mut buffer = vec![0; BUFFER_LEN];
    loop {
        match from.read(&mut buffer) {
            Ok(0) => return Ok(()),
            Ok(count) => to.write_all(buffer.get(..count).unwrap_or_default())?,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::packet::tests::frame;
    use super::*;

    /// Sends the frames through a filter, and returns what passt gets.
    fn filtered(rules: &str, stream: &[u8], part: usize) -> Vec<u8> {
        let policy = EgressPolicy { rules: rules.parse().unwrap(), name_servers: Vec::new() };
        let filter = EgressFilter::new(policy, HostRoutes::new(HostRoutes::open_sockets().unwrap()));
        let ((mut machine, theirs), (mut passt, ours)) =
            (UnixStream::pair().unwrap(), UnixStream::pair().unwrap());
        let relay = std::thread::spawn(move || filter.run(theirs.into(), ours.into()));
        passt.write_all(b"to the guest").unwrap();
        let mut to_guest = [0; 12];
        machine.read_exact(&mut to_guest).unwrap();
        assert_eq!(&to_guest, b"to the guest");
        let mut received = Vec::new();
        std::thread::scope(|scope| {
            scope.spawn(|| passt.read_to_end(&mut received).unwrap());
            for part in stream.chunks(part) {
                machine.write_all(part).unwrap();
            }
            machine.shutdown(Shutdown::Write).unwrap();
        });
        relay.join().unwrap().unwrap();
        received
    }

    fn with_length(frame: &[u8]) -> Vec<u8> {
        [&(frame.len() as u32).to_be_bytes()[..], frame].concat()
    }

    #[test]
    fn only_allowed_frames_pass_however_the_stream_is_split() {
        // The route to the loopback is there on every host.
        let arp = with_length(&[&[0xFF; 12][..], &[8, 6], &[7; 28]].concat());
        let no = with_length(&frame("127.0.0.1", 6, &[0, 1, 0, 80]));
        let short = with_length(&[1, 2, 3]);
        let long = with_length(&[&[0xFF; 12][..], &[8, 6], &[9; 60_000]].concat());
        let all = [&arp, &no, &arp, &arp, &short, &long, &no, &no, &long, &arp].map(Vec::as_slice).concat();
        let wanted = [&arp, &arp, &arp, &long, &long, &arp].map(Vec::as_slice).concat();
        for part in [1 << 20, 5000, 333] {
            assert!(filtered("any host", &all, part) == wanted, "in parts of {part} bytes");
        }
    }

    #[test]
    fn an_impossible_length_ends_the_relay() {
        for length in [0, MAX_FRAME as u32 + 1, u32::MAX] {
            assert!(frame_end(&length.to_be_bytes(), 0).is_err());
        }
        assert_eq!(frame_end(&[0, 0, 0, 1], 0).unwrap(), None);
        assert_eq!(frame_end(&[0, 0, 0, 1, 9], 0).unwrap(), Some(5));
        assert_eq!(frame_end(&[0, 0], 0).unwrap(), None);
    }
}
