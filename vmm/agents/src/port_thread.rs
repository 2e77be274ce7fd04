//! A thread that runs one protocol session over one port of the guest: bytes in, bytes out, and
//! events to whoever started it. What the bytes mean is the session's business.

use crate::port::{HostPort, OpenId, PortError, Waker};
use parking_lot::{Mutex, MutexGuard};
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Instant;

/// Writes to the port before other work has its turn.
const WRITES_PER_TURN: usize = 16;

/// State machine of a protocol that is spoken over a port; performs no input or output itself.
pub(crate) trait PortSession: Send + 'static {
    /// What the session reports.
    type Event;

    /// Largest number of bytes that are read from the port at a time.
    const READ_BYTES: usize;

    /// Whether bytes are read while no program is known to have the port open. QEMU reports an
    /// opening up to a second late, so a session that must not miss the first bytes reads them
    /// early; for others such bytes are an earlier program's, and are discarded.
    const READS_WHILE_CLOSED: bool;

    /// A program in the guest opened the port.
    fn opened(&mut self) {}

    /// The program closed the port, or another program has it now.
    fn closed(&mut self);

    /// Number of bytes that the session has room for; 0 stops reading.
    fn read_budget(&self) -> usize {
        usize::MAX
    }

    /// Takes bytes that arrived from the guest, at most [`Self::read_budget`] of them.
    fn received(&mut self, bytes: &[u8], now: Instant);

    /// Bytes to be written to the guest next; empty if there are none.
    fn pending(&mut self) -> &[u8];

    /// The first `count` of the pending bytes were written.
    fn sent(&mut self, count: usize);

    /// Ends whatever has timed out by `now`.
    fn tick(&mut self, _now: Instant) {}

    /// Time at which [`Self::tick`] is due.
    fn deadline(&self) -> Option<Instant> {
        None
    }

    /// Events since the last call, oldest first.
    fn take_events(&mut self) -> Vec<Self::Event>;
}

struct Shared<S> {
    session: Mutex<S>,
    stopping: AtomicBool,
}

/// Running thread of a [`PortSession`]; ended and joined when dropped.
pub(crate) struct PortThread<S> {
    shared: Arc<Shared<S>>,
    waker: Waker,
    thread: Option<JoinHandle<()>>,
}

impl<S: PortSession> PortThread<S> {
    /// Runs `session` over `port` on a thread called `name`. `on_event` is called on that thread,
    /// without the session's lock.
    ///
    /// # Errors
    /// When the host is out of threads.
    pub fn start(
        name: &'static str,
        port: HostPort,
        session: S,
        on_event: impl FnMut(S::Event) + Send + 'static,
    ) -> io::Result<Self> {
        let shared = Arc::new(Shared { session: Mutex::new(session), stopping: AtomicBool::new(false) });
        let waker = port.waker();
        let of_thread = shared.clone();
        let thread = std::thread::Builder::new().name(name.into()).spawn(move || {
            if let Err(error) = run(&port, &of_thread, on_event) {
                tracing::debug!(%error, name, "the port's thread ended");
            }
        })?;
        Ok(Self { shared, waker, thread: Some(thread) })
    }

    /// Session, locked, to look at.
    pub fn session(&self) -> MutexGuard<'_, S> {
        self.shared.session.lock()
    }

    /// Changes the session with `act`, then wakes the thread to send what follows from that.
    pub fn with(&self, act: impl FnOnce(&mut S)) {
        act(&mut self.session());
        self.waker.wake();
    }
}

impl<S> Drop for PortThread<S> {
    fn drop(&mut self) {
        self.shared.stopping.store(true, Ordering::Release);
        self.waker.wake();
        // An event's callback may hold the last reference.
        if let Some(thread) = self.thread.take()
            && thread.thread().id() != std::thread::current().id()
        {
            let _ = thread.join();
        }
    }
}

fn run<S: PortSession>(
    port: &HostPort,
    shared: &Shared<S>,
    mut on_event: impl FnMut(S::Event),
) -> Result<(), PortError> {
    let mut buffer = vec![0; S::READ_BYTES];
    let mut last: Option<OpenId> = None;
    while !shared.stopping.load(Ordering::Acquire) {
        let mut session = shared.session.lock();
        session.tick(Instant::now());
        let open_id = port.open_id();
        if open_id != last {
            if last.is_some() {
                session.closed();
            }
            if !S::READS_WHILE_CLOSED {
                port.discard_if_closed()?;
            }
            if open_id.is_some() {
                session.opened();
            }
            last = open_id;
        }
        let room = buffer.get_mut(..session.read_budget().min(S::READ_BYTES)).unwrap_or_default();
        let reads = !room.is_empty() && (S::READS_WHILE_CLOSED || open_id.is_some());
        let read = match open_id {
            _ if !reads => 0,
            Some(open_id) if !S::READS_WHILE_CLOSED => zero_if_closed(port.read_from(open_id, room))?,
            _ => port.read(room)?,
        };
        if read > 0 {
            session.received(buffer.get(..read).unwrap_or_default(), Instant::now());
        }
        let blocked = match open_id {
            Some(open_id) => write_pending(port, open_id, &mut *session)?,
            None => false,
        };
        let (events, deadline) = (session.take_events(), session.deadline());
        drop(session);
        let idle = read == 0 && events.is_empty();
        events.into_iter().for_each(&mut on_event);
        if idle {
            port.wait_for(reads, blocked, deadline)?;
        }
    }
    Ok(())
}

/// Writes what the session has to send; whether some of it waits for room in the port.
fn write_pending(
    port: &HostPort,
    open_id: OpenId,
    session: &mut impl PortSession,
) -> Result<bool, PortError> {
    for _ in 0..WRITES_PER_TURN {
        let bytes = session.pending();
        if bytes.is_empty() {
            return Ok(false);
        }
        match port.write(open_id, bytes) {
            Ok(0) => return Ok(true),
            Ok(written) => session.sent(written),
            Err(PortError::Closed) => return Ok(false),
            Err(error) => return Err(error),
        }
    }
    Ok(true)
}

/// A port that was closed meanwhile is no failure: the next turn meets whoever has it then.
fn zero_if_closed(result: Result<usize, PortError>) -> Result<usize, PortError> {
    match result {
        Err(PortError::Closed) => Ok(0),
        result => result,
    }
}
