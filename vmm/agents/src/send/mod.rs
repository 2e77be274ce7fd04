//! Files out of the guest: the host side of `oriel-send`, a program in the guest that writes into its port.
//!
//! The guest's program sends first, and waits for an answer at every step:
//!
//! | guest | host |
//! |---|---|
//! | `file SIZE LENGTH\n` (decimal), then LENGTH bytes of the name | `go\n`, once a viewer accepts the file |
//! | SIZE bytes of the file in pieces of 1 MiB, the last one shorter | `go\n` after each piece |
//! | `whole\n`, or `broken\n` if the file changed meanwhile | `done\n`, once the file is stored |
//!
//! Instead of any answer the host may send `no SENTENCE\n`. After that, and after `done`, the next file may
//! follow. Bytes that break this protocol are discarded until the port is closed.
//!
//! Bytes are read from the port only as the receiver of the file has room: a slow connection delays the
//! guest, and uses no memory of the host.

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

/// Host's end of the port through which the guest sends files. No call blocks; results are [`FileEvent`]s.
pub struct GuestFileReceiver(PortThread<Session>);

impl GuestFileReceiver {
    /// Serves the programs that open `port`, on a new thread. `on_event` gets the number and the events of
    /// each file on that thread, and may call methods of this value. At most `credit` bytes are reported and
    /// not acknowledged.
    ///
    /// # Errors
    /// When the thread cannot be created.
    pub fn start(
        port: HostPort,
        credit: u64,
        mut on_event: impl FnMut(u32, FileEvent) + Send + 'static,
    ) -> io::Result<Self> {
        let on_event = move |(file, event)| on_event(file, event);
        Ok(Self(PortThread::start("guest-files", port, Session::new(credit), on_event)?))
    }

    /// Accepts the offered file with number `file`; its data follows.
    pub fn accept(&self, file: u32) {
        self.0.with(|session| session.accept(file));
    }

    /// Acknowledges that the first `stored` bytes of the file are stored. The acknowledgement of the whole
    /// file after [`FileEvent::Complete`] ends the transfer.
    pub fn acknowledge(&self, file: u32, stored: u64) {
        self.0.with(|session| session.acknowledge(file, stored));
    }

    /// Rejects the file, or the rest of the file. `reason` is one line that the guest's program prints.
    pub fn reject(&self, file: u32, reason: &str) {
        self.0.with(|session| session.reject(file, reason));
    }

    /// Number of violations of the protocol by programs in the guest.
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
