//! Several descriptors behind one.

use std::io;
use std::os::fd::{AsRawFd, RawFd};
use vmm_sys_util::epoll::{ControlOperation, Epoll, EpollEvent, EventSet};

/// An epoll instance; its own descriptor is readable when one of those in it is ready.
pub(crate) struct Poll {
    epoll: Epoll,
}

impl Poll {
    /// Nothing is watched.
    pub fn new() -> io::Result<Self> {
        Ok(Self { epoll: Epoll::new()? })
    }

    /// Watches `fd`. Even an empty set tells of a hang-up.
    pub fn add(&self, fd: RawFd, events: EventSet, token: u64) -> io::Result<()> {
        self.epoll.ctl(ControlOperation::Add, fd, EpollEvent::new(events, token))
    }

    /// Watches it for something else.
    pub fn change(&self, fd: RawFd, events: EventSet, token: u64) -> io::Result<()> {
        self.epoll.ctl(ControlOperation::Modify, fd, EpollEvent::new(events, token))
    }

    /// Watches it no more.
    pub fn remove(&self, fd: RawFd) {
        // Fails if it is not watched.
        let _ = self.epoll.ctl(ControlOperation::Delete, fd, EpollEvent::default());
    }

    /// The tokens and events of up to 16 that are ready; waits for at most `timeout_ms` (-1: for ever).
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
