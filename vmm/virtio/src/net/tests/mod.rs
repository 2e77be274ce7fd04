//! Network device between a driver on real rings and a test backend.

mod hostile;
mod offload;
mod packets;
mod paths;
mod pressure;

use super::*;
use crate::counters::DeviceCounters;
use crate::device::VirtioDevice;
use crate::queue::test_driver::{InterruptLog, TestDriver, activation, ram};
use crate::rate_limiter::RateLimiter;
use oriel_vmm_api::RateLimit;
use parking_lot::Mutex;
use std::collections::VecDeque;
use std::os::fd::{AsRawFd, RawFd};
use std::sync::Arc;
use vmm_sys_util::eventfd::{EFD_NONBLOCK, EventFd};

const MAC: [u8; 6] = [0x52, 0x54, 0, 1, 2, 3];
const RX: u16 = 0;
const TX: u16 = 1;
const CTRL: u16 = 2;
/// Set of all feature bits.
const ALL_FEATURES: u64 = !0;
const MRG_RXBUF: u64 = 1 << 15;

/// State of the backend's peer, the network end of the link.
struct Peer {
    sent: Vec<(Header, Vec<u8>)>,
    arriving: VecDeque<(Header, Vec<u8>)>,
    up: bool,
    has_room: bool,
    wanted: bool,
    guest: Offloads,
}

#[derive(Clone)]
struct TestBackend {
    peer: Arc<Mutex<Peer>>,
    takes: Offloads,
    bell: Arc<EventFd>,
    peeked: (Header, Vec<u8>),
}

impl TestBackend {
    fn new(takes: Offloads) -> Self {
        let peer = Peer {
            sent: Vec::new(),
            arriving: VecDeque::new(),
            up: true,
            has_room: true,
            wanted: false,
            guest: Offloads::NONE,
        };
        let bell = Arc::new(EventFd::new(EFD_NONBLOCK).unwrap());
        Self { peer: Arc::new(Mutex::new(peer)), takes, bell, peeked: (Header::default(), Vec::new()) }
    }
}

impl Backend for TestBackend {
    fn mtu(&self) -> Option<u16> {
        Some(9000)
    }
    fn offloads(&self) -> Offloads {
        self.takes
    }
    fn set_guest_offloads(&mut self, offloads: Offloads) {
        self.peer.lock().guest = offloads;
    }
    fn fd(&self) -> RawFd {
        self.bell.as_raw_fd()
    }
    fn want_frames(&mut self, wanted: bool) {
        self.peer.lock().wanted = wanted;
    }
    fn ready(&mut self) {}
    fn link_up(&self) -> bool {
        self.peer.lock().up
    }
    fn has_room(&self) -> bool {
        self.peer.lock().has_room
    }
    /// Sends a frame behind `header` as the driver.
    fn send(&mut self, header: &Header, frame: &[u8]) {
        self.peer.lock().sent.push((*header, frame.to_vec()));
    }
    fn peek(&mut self) -> Option<Frame<'_>> {
        self.peeked = self.peer.lock().arriving.front()?.clone();
        Some(Frame { header: self.peeked.0, bytes: &self.peeked.1 })
    }
    fn consume(&mut self) {
        self.peer.lock().arriving.pop_front();
    }
}

/// Device with its driver and test backend.
struct Guest {
    net: Net,
    rx: TestDriver,
    tx: TestDriver,
    ctrl: TestDriver,
    interrupts: Arc<InterruptLog>,
    peer: Arc<Mutex<Peer>>,
    counters: Arc<DeviceCounters>,
}

fn guest(takes: Offloads, features: u64) -> Guest {
    limited_guest(takes, features, RateLimit::default())
}

fn limited_guest(takes: Offloads, features: u64, limit: RateLimit) -> Guest {
    let memory = ram(8);
    let backend = TestBackend::new(takes);
    let peer = backend.peer.clone();
    let counters = Arc::new(DeviceCounters::default());
    let net = Net::new(MAC, Box::new(backend), RateLimiter::new(limit), counters.clone()).unwrap();
    let driver = |mib: u64, size| TestDriver::new(&memory, mib << 20, size);
    let (rx, tx, ctrl) = (driver(1, 256), driver(2, 256), driver(3, 16));
    let mut guest = Guest { net, rx, tx, ctrl, interrupts: Arc::default(), peer, counters };
    guest.activate(features);
    guest
}

impl Guest {
    fn activate(&mut self, features: u64) {
        let features = self.net.features() & features & !crate::queue::RING_FEATURES;
        let memory = self.rx.memory.clone();
        let (activation, interrupts) = activation(&memory, &[&self.rx, &self.tx, &self.ctrl], features);
        self.interrupts = interrupts;
        self.net.activate(activation).unwrap();
        self.settle();
    }

    /// Handles events of the device until none is pending.
    fn settle(&mut self) {
        for _ in 0..10_000 {
            let fds = self.net.event_fds();
            let Some(token) = fds.iter().position(|fd| readable(*fd, 0)) else { return };
            self.net.event(token);
        }
        panic!("the device never comes to rest");
    }

    /// The driver sends a frame behind `header`.
    fn send(&mut self, header: &Header, frame: &[u8]) {
        self.tx.send(&[&header.encode(0), frame], &[]);
    }

    fn sent(&self) -> Vec<(Header, Vec<u8>)> {
        std::mem::take(&mut self.peer.lock().sent)
    }

    fn arrives(&self, header: Header, frame: &[u8]) {
        self.peer.lock().arriving.push_back((header, frame.to_vec()));
    }

    fn status(&self) -> u16 {
        let mut status = [0; 2];
        self.net.read_config(6, &mut status);
        u16::from_le_bytes(status)
    }
}

/// Waits up to `timeout_ms` until `fd` is readable.
fn readable(fd: RawFd, timeout_ms: i32) -> bool {
    let mut poll = libc::pollfd { fd, events: libc::POLLIN, revents: 0 };
    // SAFETY: one valid pollfd.
    unsafe { libc::poll(&raw mut poll, 1, timeout_ms) == 1 }
}

/// Returns a frame of `len` bytes with unique contents.
fn frame(len: usize, seed: u8) -> Vec<u8> {
    (0..len).map(|i| (i as u8).wrapping_mul(31).wrapping_add(seed)).collect()
}
