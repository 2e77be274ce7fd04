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
//! follow. What is no such conversation is thrown away until the port is closed.
//!
//! Nothing is read out of the port for which there is no room with whoever takes the file: a slow
//! line makes the guest wait, and costs the host no memory.

mod header;
mod session;

use crate::lock;
use crate::port::{Life, PortEnd, PortError, Waker};
use session::Session;
use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;

#[cfg(feature = "test-driver")]
pub use session::Session as Conversation;

/// Bytes read at a time.
const PIECE: usize = 60 * 1024;

/// What a program in the guest does with the file that it sends. One file at a time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum News {
    /// It has one; [`GuestFiles::take`] or [`GuestFiles::refuse`] answers, at any later time.
    Offered {
        /// As the guest has it: hostile.
        name: String,
        /// In bytes.
        size: u64,
    },
    /// The next bytes, no more on the way at a time than the credit.
    Bytes(Vec<u8>),
    /// Those were all: [`GuestFiles::taken`] says when they are stored.
    Whole,
    /// It does not come (any further).
    Gone,
}

struct Shared {
    session: Mutex<Session>,
    ending: AtomicBool,
}

/// The host's end of the port for files. No call blocks; what comes of it is told as [`News`].
pub struct GuestFiles {
    shared: Arc<Shared>,
    waker: Waker,
    thread: Option<JoinHandle<()>>,
}

impl GuestFiles {
    /// Speaks with whatever program opens `port`, and tells `hear` of each file by number, on a thread
    /// of its own. At most `credit` bytes are told of before [`Self::taken`] says that they are stored.
    /// `hear` may call back.
    ///
    /// # Errors
    /// When the host is out of threads.
    pub fn start(
        port: PortEnd,
        credit: u64,
        hear: impl FnMut(u32, News) + Send + 'static,
    ) -> io::Result<Self> {
        let session = Mutex::new(Session::new(credit));
        let shared = Arc::new(Shared { session, ending: AtomicBool::new(false) });
        let waker = port.waker();
        let running = shared.clone();
        let thread = std::thread::Builder::new().name("guest-files".into()).spawn(move || {
            if let Err(error) = run(&port, &running, hear) {
                tracing::debug!(%error, "the port for files ended");
            }
        })?;
        Ok(Self { shared, waker, thread: Some(thread) })
    }

    /// Somebody wants the file that is offered.
    pub fn take(&self, file: u32) {
        self.with(|session| session.take(file));
    }

    /// So many of its bytes are stored; once it is whole, all of them.
    pub fn taken(&self, file: u32, received: u64) {
        self.with(|session| session.taken(file, received));
    }

    /// Nobody wants it, or any more of it; `reason` is one line.
    pub fn refuse(&self, file: u32, reason: &str) {
        self.with(|session| session.refuse(file, reason));
    }

    /// How often a program said what makes no sense.
    pub fn refused_messages(&self) -> u64 {
        lock(&self.shared.session).refused()
    }

    fn with(&self, act: impl FnOnce(&mut Session)) {
        act(&mut lock(&self.shared.session));
        self.waker.wake();
    }
}

impl Drop for GuestFiles {
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

fn run(port: &PortEnd, shared: &Shared, mut hear: impl FnMut(u32, News)) -> Result<(), PortError> {
    let mut buffer = vec![0; PIECE];
    let mut known: Option<Life> = None;
    while !shared.ending.load(Ordering::Acquire) {
        let mut session = lock(&shared.session);
        let life = port.life();
        if life != known {
            session.closed();
            port.forget_if_closed()?;
            known = life;
        }
        let wanted = buffer.get_mut(..session.wanted().min(PIECE)).filter(|room| !room.is_empty());
        let (reads, mut read) = (life.is_some() && wanted.is_some(), 0);
        if let (Some(life), Some(room)) = (life, wanted) {
            read = or_closed(port.read_of(life, room))?;
            session.received(buffer.get(..read).unwrap_or_default());
        }
        if let Some(life) = life
            && !session.pending().is_empty()
        {
            let written = or_closed(port.write(life, session.pending()))?;
            session.sent(written);
        }
        let (news, writes) = (session.take_news(), life.is_some() && !session.pending().is_empty());
        drop(session);
        let quiet = read == 0 && news.is_empty();
        news.into_iter().for_each(|(file, news)| hear(file, news));
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
