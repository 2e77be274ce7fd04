//! Files out of the guest: what `oriel-send` there writes into its port.
//!
//! The guest's program speaks first, and waits for an answer at every step:
//!
//! | guest | host |
//! |---|---|
//! | `file SIZE LENGTH\n` (decimal), then the name's LENGTH bytes | `go\n`, once somebody wants the file |
//! | the file's SIZE bytes in pieces of 1 MiB, the last one shorter | `go\n` after each piece |
//! | `whole\n`, or `broken\n` if those were not the file's bytes after all | `done\n`, once the file is stored |
//!
//! Instead of any answer the host may say `no SENTENCE\n`; then, and after `done`, the next file may
//! follow. What is no such session is thrown away until the port is closed.
//!
//! Nothing is read out of the port for which there is no room with whoever takes the file: a slow
//! line makes the guest wait, and costs the host no memory.

mod header;
mod session;

use crate::lock;
use crate::port::{HostPort, OpenId, PortError, Waker};
use session::SendSession;
use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;

#[cfg(feature = "test-driver")]
pub use session::SendSession;

/// Bytes read at a time.
const PIECE: usize = 60 * 1024;

/// What a program in the guest does with the file that it sends. One file at a time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FileEvent {
    /// It has one; [`GuestFileReceiver::accept`] or [`GuestFileReceiver::reject`] answers, at any later time.
    Offered {
        /// As the guest has it: hostile.
        name: String,
        /// In bytes.
        size: u64,
    },
    /// The next bytes, no more on the way at a time than the credit.
    Data(Vec<u8>),
    /// Those were all: [`GuestFileReceiver::acknowledge`] says when they are stored.
    Complete,
    /// It does not come (any further).
    Aborted,
}

struct Shared {
    session: Mutex<SendSession>,
    ending: AtomicBool,
}

/// The host's end of the port for files. No call blocks; what comes of it is told as [`FileEvent`].
pub struct GuestFileReceiver {
    shared: Arc<Shared>,
    waker: Waker,
    thread: Option<JoinHandle<()>>,
}

impl GuestFileReceiver {
    /// Speaks with whatever program opens `port`, and tells `on_event` of each file by number, on a thread
    /// of its own. At most `credit` bytes are told of before [`Self::acknowledge`] says that they are stored.
    /// `on_event` may call back.
    ///
    /// # Errors
    /// When the host is out of threads.
    pub fn start(
        port: HostPort,
        credit: u64,
        on_event: impl FnMut(u32, FileEvent) + Send + 'static,
    ) -> io::Result<Self> {
        let session = Mutex::new(SendSession::new(credit));
        let shared = Arc::new(Shared { session, ending: AtomicBool::new(false) });
        let waker = port.waker();
        let running = shared.clone();
        let thread = std::thread::Builder::new().name("guest-files".into()).spawn(move || {
            if let Err(error) = run(&port, &running, on_event) {
                tracing::debug!(%error, "the port for files ended");
            }
        })?;
        Ok(Self { shared, waker, thread: Some(thread) })
    }

    /// Somebody wants the file that is offered.
    pub fn accept(&self, file: u32) {
        self.with(|session| session.accept(file));
    }

    /// So many of its bytes are stored; once it is whole, all of them.
    pub fn acknowledge(&self, file: u32, received: u64) {
        self.with(|session| session.acknowledge(file, received));
    }

    /// Nobody wants it, or any more of it; `reason` is one line.
    pub fn reject(&self, file: u32, reason: &str) {
        self.with(|session| session.reject(file, reason));
    }

    /// How often a program said what makes no sense.
    pub fn refused_messages(&self) -> u64 {
        lock(&self.shared.session).refused_messages()
    }

    fn with(&self, act: impl FnOnce(&mut SendSession)) {
        act(&mut lock(&self.shared.session));
        self.waker.wake();
    }
}

impl Drop for GuestFileReceiver {
    fn drop(&mut self) {
        self.shared.ending.store(true, Ordering::Release);
        self.waker.wake();
        if let Some(thread) = self.thread.take()
            && thread.thread().id() != std::thread::current().id()
        {
            let _ = thread.join();
        }
    }
}

fn run(port: &HostPort, shared: &Shared, mut on_event: impl FnMut(u32, FileEvent)) -> Result<(), PortError> {
    let mut buffer = vec![0; PIECE];
    let mut known: Option<OpenId> = None;
    while !shared.ending.load(Ordering::Acquire) {
        let mut session = lock(&shared.session);
        let open_id = port.open_id();
        if open_id != known {
            session.closed();
            port.discard_if_closed()?;
            known = open_id;
        }
        let wanted = buffer.get_mut(..session.read_budget().min(PIECE)).filter(|room| !room.is_empty());
        let (reads, mut read) = (open_id.is_some() && wanted.is_some(), 0);
        if let (Some(open_id), Some(room)) = (open_id, wanted) {
            read = or_closed(port.read_from(open_id, room))?;
            session.received(buffer.get(..read).unwrap_or_default());
        }
        if let Some(open_id) = open_id
            && !session.pending().is_empty()
        {
            let written = or_closed(port.write(open_id, session.pending()))?;
            session.sent(written);
        }
        let (events, writes) = (session.take_events(), open_id.is_some() && !session.pending().is_empty());
        drop(session);
        let quiet = read == 0 && events.is_empty();
        events.into_iter().for_each(|(file, events)| on_event(file, events));
        if quiet {
            port.wait_for(reads, writes, None)?;
        }
    }
    Ok(())
}

/// The next turn meets whoever has the port then.
fn or_closed(done: Result<usize, PortError>) -> Result<usize, PortError> {
    match done {
        Err(PortError::Closed) => Ok(0),
        done => done,
    }
}

#[cfg(test)]
mod tests;
