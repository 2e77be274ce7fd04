//! Files out of the guest: what `oriel-send` there writes into its port.
//!
//! The guest's program writes first, and waits for an answer at every step:
//!
//! | guest | host |
//! |---|---|
//! | `file SIZE LENGTH\n` (decimal), then the name's LENGTH bytes | `go\n`, once a viewer accepts the file |
//! | the file's SIZE bytes in pieces of 1 MiB, the last one shorter | `go\n` after each piece |
//! | `whole\n`, or `broken\n` if those were not the file's bytes after all | `done\n`, once the file is stored |
//!
//! Instead of any answer the host may write `no SENTENCE\n`; then, and after `done`, the next file may
//! follow. Bytes that break this protocol are discarded until the port is closed.
//!
//! Nothing is read out of the port for which the receiver of the file has no room: a slow connection
//! makes the guest wait, and costs the host no memory.

mod event;
mod header;
mod session;

use crate::port::HostPort;
use crate::port_thread::{PortSession, PortThread};
use std::io;
use std::time::Instant;

pub use event::FileEvent;
use session::SendSession as Session;
#[cfg(feature = "test-driver")]
pub use session::SendSession;

/// Host's end of the port by which the guest sends files. No call blocks; results are reported as
/// [`FileEvent`].
pub struct GuestFileReceiver(PortThread<Session>);

impl GuestFileReceiver {
    /// Serves whatever program opens `port`. `on_event` gets each file's number and events on a thread
    /// of its own, and may call back. At most `credit` bytes are reported and not acknowledged.
    ///
    /// # Errors
    /// When the host is out of threads.
    pub fn start(
        port: HostPort,
        credit: u64,
        mut on_event: impl FnMut(u32, FileEvent) + Send + 'static,
    ) -> io::Result<Self> {
        let on_event = move |(file, event)| on_event(file, event);
        Ok(Self(PortThread::start("guest-files", port, Session::new(credit), on_event)?))
    }

    /// Accepts the file that is offered; its data follows.
    pub fn accept(&self, file: u32) {
        self.0.with(|session| session.accept(file));
    }

    /// Acknowledges that the first `stored` bytes of the file are stored; all of them once the file is
    /// complete.
    pub fn acknowledge(&self, file: u32, stored: u64) {
        self.0.with(|session| session.acknowledge(file, stored));
    }

    /// Rejects the file, or what is left of it. `reason` is one line that the guest's program prints.
    pub fn reject(&self, file: u32, reason: &str) {
        self.0.with(|session| session.reject(file, reason));
    }

    /// Number of times that a program in the guest broke the protocol.
    pub fn refused_messages(&self) -> u64 {
        self.0.session().refused_messages()
    }
}

impl PortSession for Session {
    type Event = (u32, FileEvent);

    const READ_BYTES: usize = 60 * 1024;

    const READS_WHILE_CLOSED: bool = false;

    fn closed(&mut self) {
        self.closed();
    }

    fn read_budget(&self) -> usize {
        self.read_budget()
    }

    fn received(&mut self, bytes: &[u8], _now: Instant) {
        self.received(bytes);
    }

    fn pending(&mut self) -> &[u8] {
        Self::pending(self)
    }

    fn sent(&mut self, count: usize) {
        self.sent(count);
    }

    fn take_events(&mut self) -> Vec<(u32, FileEvent)> {
        self.take_events()
    }
}

#[cfg(test)]
mod tests;
