//! Epoll instance with tokens (epoll(7)): several descriptors behind one.

use std::io;
use std::os::fd::{AsRawFd, RawFd};
use vmm_sys_util::epoll::{ControlOperation, Epoll, EpollEvent, EventSet};

/// Epoll instance, whose own descriptor is readable when a watched descriptor is ready.
pub(crate) struct Poll {
    epoll: Epoll,
}

impl Poll {
    /// Creates an instance that watches no descriptor.
    pub fn new() -> io::Result<Self> {
        Ok(Self { epoll: Epoll::new()? })
    }

    /// Watches `fd` for `events`. Hang-ups are reported even for an empty set.
    pub fn add(&self, fd: RawFd, events: EventSet, token: u64) -> io::Result<()> {
        self.epoll.ctl(ControlOperation::Add, fd, EpollEvent::new(events, token))
    }

    /// Changes the events for which `fd` is watched.
    pub fn change(&self, fd: RawFd, events: EventSet, token: u64) -> io::Result<()> {
        self.epoll.ctl(ControlOperation::Modify, fd, EpollEvent::new(events, token))
    }

    /// Stops watching `fd`.
    pub fn remove(&self, fd: RawFd) {
        // The call fails only if `fd` is not watched.
        let _ = self.epoll.ctl(ControlOperation::Delete, fd, EpollEvent::default());
    }

    /// Waits for at most `timeout_ms` milliseconds (-1: without limit), and returns tokens and events of up
    /// to 16 ready descriptors.
    pub fn ready(&self, timeout_ms: i32) -> impl Iterator<Item = (u64, EventSet)> + use<> {
        let mut events = [EpollEvent::default(); 16];
        let count = self.epoll.wait(timeout_ms, &mut events).unwrap_or(0);
        events.into_iter().take(count).map(|event| (event.data(), event.event_set()))
    }
}

impl AsRawFd for Poll {
    fn as_raw_fd(&self) -> RawFd {
        self.epoll.as_raw_fd()
    }
}
