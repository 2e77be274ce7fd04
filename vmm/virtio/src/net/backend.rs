//! Interface between a network device and a network of the host.

use super::header::Header;
use super::offloads::Offloads;
use std::io;
use std::os::fd::{AsRawFd, RawFd};
use vmm_sys_util::eventfd::{EFD_CLOEXEC, EFD_NONBLOCK, EventFd};

/// Maximum length of a frame in bytes: Ethernet header, one VLAN tag and the longest IP packet.
pub const MAX_FRAME: usize = 14 + 4 + 65535;

/// Ethernet frame for the guest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Frame<'a> {
    /// Offloads that are left to the receiver of the frame.
    pub header: Header,
    /// Bytes from the destination address on, without the frame check sequence; at most
    /// [`MAX_FRAME`].
    pub bytes: &'a [u8],
}

/// Backend of a network device, which connects it to a network of the host. Called on the event-loop thread;
/// no method blocks.
pub trait Backend: Send {
    /// Returns the maximum transmission unit in bytes, where the backend knows one.
    fn mtu(&self) -> Option<u16>;

    /// Returns the offloads that the backend performs for frames from the guest, and may leave to the guest.
    fn offloads(&self) -> Offloads;

    /// Sets the offloads that the guest performs from now on; never more than [`Self::offloads`].
    fn set_guest_offloads(&mut self, offloads: Offloads);

    /// Returns the file descriptor that is readable when [`Self::ready`] has work; never changes.
    fn fd(&self) -> RawFd;

    /// Sets whether frames for the guest make [`Self::fd`] readable.
    fn want_frames(&mut self, wanted: bool);

    /// Handles events of [`Self::fd`]: continues sending, detects a lost link, reconnects.
    fn ready(&mut self);

    /// Whether the backend is connected to its network (VIRTIO_NET_S_LINK_UP).
    fn link_up(&self) -> bool;

    /// Whether [`Self::send`] may be called; [`Self::ready`] makes a false value true again.
    fn has_room(&self) -> bool;

    /// Sends a frame of the guest, or drops it as networks may. `header` was validated against the frame
    /// and [`Self::offloads`].
    fn send(&mut self, header: &Header, frame: &[u8]);

    /// Returns the next frame for the guest, which stays the next until [`Self::consume`].
    fn peek(&mut self) -> Option<Frame<'_>>;

    /// Removes the frame of [`Self::peek`].
    fn consume(&mut self);
}

/// Backend without a network: its link is always down.
pub struct NullBackend {
    /// Event that is never signalled, for [`Backend::fd`].
    never_signalled: EventFd,
}

impl NullBackend {
    /// Creates a backend without a network.
    ///
    /// # Errors
    /// When the host is out of file descriptors.
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
