//! The other end of the cable.

use super::header::Header;
use super::offloads::Offloads;
use std::io;
use std::os::fd::{AsRawFd, RawFd};
use vmm_sys_util::eventfd::{EFD_CLOEXEC, EFD_NONBLOCK, EventFd};

/// A frame on its way to the guest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Frame<'a> {
    /// What is left to do with it.
    pub header: Header,
    /// From the destination's address on, without the frame check sequence; at most
    /// [`super::MAX_FRAME`].
    pub bytes: &'a [u8],
}

/// Carries frames to and from somewhere. Called on the event loop's thread; nothing blocks.
pub trait Backend: Send {
    /// The longest packet that a frame may hold, where one is known.
    fn mtu(&self) -> Option<u16>;

    /// What it takes in frames from the guest, and can give in frames to the guest.
    fn offloads(&self) -> Offloads;

    /// From now on the guest takes these; never more than [`Self::offloads`].
    fn set_guest_offloads(&mut self, offloads: Offloads);

    /// A descriptor, the same for ever, that is readable when [`Self::ready`] has something to do.
    fn fd(&self) -> RawFd;

    /// Whether waiting frames shall make [`Self::fd`] readable.
    fn want_frames(&mut self, wanted: bool);

    /// Does what is due: goes on sending, notices a lost link, finds a new one.
    fn ready(&mut self);

    /// Whether the cable leads anywhere.
    fn link_up(&self) -> bool;

    /// Whether [`Self::send`] may be called. Once it is false, [`Self::ready`] makes it true.
    fn has_room(&self) -> bool;

    /// Takes a frame from the guest, or loses it: networks do. `header` was checked against
    /// [`Self::offloads`] and the frame.
    fn send(&mut self, header: &Header, frame: &[u8]);

    /// The next frame for the guest, the same until [`Self::consume`].
    fn peek(&mut self) -> Option<Frame<'_>>;

    /// The frame of [`Self::peek`] is done with.
    fn consume(&mut self);
}

/// A cable that is out.
pub struct NullBackend {
    /// Never signalled.
    never_signalled: EventFd,
}

impl NullBackend {
    /// # Errors
    /// When the host is out of descriptors.
    pub fn new() -> io::Result<Self> {
        Ok(Self { never_signalled: EventFd::new(EFD_NONBLOCK | EFD_CLOEXEC)? })
    }
}

impl Backend for NullBackend {
    fn mtu(&self) -> Option<u16> {
        None
    }

    fn offloads(&self) -> Offloads {
        Offloads::NONE
    }

    fn set_guest_offloads(&mut self, _offloads: Offloads) {}

    fn fd(&self) -> RawFd {
        self.never_signalled.as_raw_fd()
    }

    fn want_frames(&mut self, _wanted: bool) {}

    fn ready(&mut self) {}

    fn link_up(&self) -> bool {
        false
    }

    fn has_room(&self) -> bool {
        true
    }

    fn send(&mut self, _header: &Header, _frame: &[u8]) {}

    fn peek(&mut self) -> Option<Frame<'_>> {
        None
    }

    fn consume(&mut self) {}
}
