//! Backend that transfers frames to and from a TAP interface. The host's kernel accepts and returns partial
//! checksums and long segments, as far as the guest supports them.

use super::OpenTap;
use super::ioctl::{self, TUN_F_CSUM, TUN_F_TSO4, TUN_F_TSO6};
use crate::poll::Poll;
use oriel_virtio::net::{Backend, Frame, HEADER_LEN, Header, MAX_FRAME, Offloads};
use std::fs::File;
use std::io::{self, IoSlice, Read, Write};
use std::os::fd::{AsFd, AsRawFd, RawFd};
use vmm_sys_util::epoll::EventSet;

/// Event token of the interface.
const TAP: u64 = 0;

/// Backend over a TAP interface of the host.
pub struct Tap {
    file: File,
    poll: Poll,
    wants_frames: bool,
    /// Whether the interface was deleted.
    deleted: bool,
    mtu: Option<u16>,
    /// Buffer for header and frame that were read and not consumed; `len` bytes of both, 0 for none.
    frame: Vec<u8>,
    len: usize,
}

impl Tap {
    /// Takes over an interface from [`super::open_tap`].
    ///
    /// # Errors
    /// When the descriptor is not a TAP interface with virtio headers.
    pub fn new(OpenTap { fd, mtu }: OpenTap) -> io::Result<Self> {
        ioctl::set_header_len(fd.as_fd(), HEADER_LEN)?;
        ioctl::set_offloads(fd.as_fd(), 0)?;
        let file = File::from(fd);
        let poll = Poll::new()?;
        poll.add(file.as_raw_fd(), EventSet::empty(), TAP)?;
        Ok(Self {
            file,
            poll,
            wants_frames: false,
            deleted: false,
            mtu,
            frame: vec![0; HEADER_LEN + MAX_FRAME],
            len: 0,
        })
    }
}

impl Backend for Tap {
    fn mtu(&self) -> Option<u16> {
        self.mtu
    }

    fn offloads(&self) -> Offloads {
        Offloads::ALL
    }

    fn set_guest_offloads(&mut self, offloads: Offloads) {
        let bit = |on: bool, flag| if on { flag } else { 0 };
        let flags = bit(offloads.checksum, TUN_F_CSUM)
            | bit(offloads.tso4, TUN_F_TSO4)
            | bit(offloads.tso6, TUN_F_TSO6);
        if let Err(error) = ioctl::set_offloads(self.file.as_fd(), flags) {
            oriel_vmm_api::log_limited!(warn, %error, "the TAP interface does not take the guest's offloads");
        }
    }

    fn fd(&self) -> RawFd {
        self.poll.as_raw_fd()
    }

    fn want_frames(&mut self, wanted: bool) {
        if self.wants_frames != wanted && !self.deleted {
            self.wants_frames = wanted;
            let mut events = EventSet::empty();
            events.set(EventSet::IN, wanted);
            if let Err(error) = self.poll.change(self.file.as_raw_fd(), events, TAP) {
                tracing::warn!(%error, "the TAP interface cannot be watched");
            }
        }
    }

    fn ready(&mut self) {
        let failed = EventSet::ERROR | EventSet::HANG_UP;
        if !self.deleted && self.poll.ready(0).any(|(_, events)| events.intersects(failed)) {
            self.deleted = true;
            self.poll.remove(self.file.as_raw_fd());
            tracing::warn!(
                "the TAP interface was deleted; the desktop's link stays down until it starts anew"
            );
        }
    }

    fn link_up(&self) -> bool {
        !self.deleted
    }

    fn has_room(&self) -> bool {
        true
    }

    fn send(&mut self, header: &Header, frame: &[u8]) {
        // An interface that is down, or whose queue is full, drops frames.
        let _ = self.file.write_vectored(&[IoSlice::new(&header.encode(0)), IoSlice::new(frame)]);
    }

    fn peek(&mut self) -> Option<Frame<'_>> {
        if self.len == 0 {
            // A read returns header and frame together, or nothing.
            self.len = self.file.read(&mut self.frame).ok().filter(|len| *len > HEADER_LEN)?;
        }
        let (header, bytes) = self.frame.get(..self.len)?.split_first_chunk()?;
        Some(Frame { header: Header::parse(header), bytes })
    }

    fn consume(&mut self) {
        self.len = 0;
    }
}
