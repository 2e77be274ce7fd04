//! virtio-net: frames both ways with every header and every set of offloads, over a backend whose link
//! goes down, is full, or has frames for the guest.

use crate::Guest;
use crate::script::Reader;
use oriel_virtio::net::{Backend, Frame, HEADER_LEN, Header, MAX_FRAME, Offloads};
use oriel_virtio::{DeviceCounters, Net, RateLimit, RateLimiter};
use std::collections::VecDeque;
use std::io;
use std::os::fd::{AsRawFd, RawFd};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use vmm_sys_util::eventfd::{EFD_NONBLOCK, EventFd};

const MAC: [u8; 6] = [0x52, 0x54, 0, 1, 2, 3];
/// Maximum number of the peer's frames that wait for the guest.
const MOST_WAITING: usize = 16;

/// Runs the target with one input.
pub fn run(script: &[u8]) {
    let Some((mode, script)) = script.split_first() else { return };
    let offloads = if mode & 1 == 1 { Offloads::ALL } else { Offloads::NONE };
    let Ok(backend) = TestBackend::new(offloads) else { return };
    let peer = backend.peer.clone();
    // Some scripts exceed the limit; the target does not wait until the limiter has tokens again.
    let limit = if mode & 2 == 2 { Some(100_000) } else { None };
    let limiter = RateLimiter::new(RateLimit { bytes: limit, operations: None });
    let Ok(mut net) = Net::new(MAC, Box::new(backend), limiter, Arc::new(DeviceCounters::default())) else {
        return;
    };
    Guest::new(&mut net).perform(&mut net, script, |bytes| change_peer(&mut lock(&peer), bytes));
}

/// State of the backend's peer, the network end of the link.
struct Peer {
    arriving: VecDeque<(Header, Vec<u8>)>,
    up: bool,
    room: bool,
}

/// Changes the link's state or queues a frame for the guest, as `bytes` of the script choose.
fn change_peer(peer: &mut Peer, bytes: &[u8]) {
    let mut bytes = Reader(bytes);
    match bytes.u8() % 8 {
        0 => peer.up = !peer.up,
        1 => peer.room = !peer.room,
        kind => {
            let header = if kind < 5 {
                Header::VALID
            } else {
                let mut header = [0; HEADER_LEN];
                header.fill_with(|| bytes.u8());
                Header::parse(&header)
            };
            let len = usize::from(bytes.u16());
            let frame = bytes.0.iter().copied().cycle().take(len.min(MAX_FRAME)).collect();
            if peer.arriving.len() < MOST_WAITING {
                peer.arriving.push_back((header, frame));
            }
        }
    }
}

/// Network backend that checks the frames which the device sends, and takes the peer's from a script.
struct TestBackend {
    peer: Arc<Mutex<Peer>>,
    takes: Offloads,
    bell: EventFd,
    peeked: Option<(Header, Vec<u8>)>,
}

impl TestBackend {
    fn new(takes: Offloads) -> io::Result<Self> {
        let peer = Peer { arriving: VecDeque::new(), up: true, room: true };
        Ok(Self { peer: Arc::new(Mutex::new(peer)), takes, bell: EventFd::new(EFD_NONBLOCK)?, peeked: None })
    }
}

fn lock(peer: &Mutex<Peer>) -> MutexGuard<'_, Peer> {
    peer.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Backend for TestBackend {
    fn mtu(&self) -> Option<u16> {
        Some(9000)
    }

    fn offloads(&self) -> Offloads {
        self.takes
    }

    fn set_guest_offloads(&mut self, offloads: Offloads) {
        let within = |asked: bool, had: bool| assert!(had || !asked, "more than there is");
        within(offloads.tso4, self.takes.tso4);
        within(offloads.tso6, self.takes.tso6);
    }

    fn fd(&self) -> RawFd {
        self.bell.as_raw_fd()
    }

    fn want_frames(&mut self, _wanted: bool) {}

    fn ready(&mut self) {}

    fn link_up(&self) -> bool {
        lock(&self.peer).up
    }

    fn has_room(&self) -> bool {
        lock(&self.peer).room
    }

    /// Asserts that the header is within the frame and the offloads, since a network trusts it.
    fn send(&mut self, header: &Header, frame: &[u8]) {
        assert!(frame.len() <= MAX_FRAME, "a frame of {} bytes", frame.len());
        if header.needs_checksum() {
            assert!(self.takes.checksum, "an unfinished checksum");
            let end = usize::from(header.csum_start) + usize::from(header.csum_offset) + 2;
            assert!(end <= frame.len(), "a checksum outside of its frame");
        }
        if header.gso_type != 0 {
            assert!(self.takes.tso4 || self.takes.tso6, "segments to be cut");
            assert!(usize::from(header.hdr_len) <= frame.len() && header.gso_size > 0, "{header:?}");
        }
    }

    fn peek(&mut self) -> Option<Frame<'_>> {
        self.peeked = lock(&self.peer).arriving.front().cloned();
        self.peeked.as_ref().map(|(header, bytes)| Frame { header: *header, bytes })
    }

    fn consume(&mut self) {
        lock(&self.peer).arriving.pop_front();
    }
}
