//! Thread that runs a protocol session over a port of the guest: bytes in, bytes out, and events to the
//! owner. The protocol itself is in the [`PortSession`].

use crate::port::{HostPort, OpenId, PortError, Waker};
use parking_lot::{Mutex, MutexGuard};
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Instant;

/// Maximum number of writes to the port in one turn of the loop.
const WRITES_PER_TURN: usize = 16;

/// State machine of a protocol over a port; performs no input or output itself.
pub(crate) trait PortSession: Send + 'static {
    /// Event that the session reports to its owner.
    type Event;

    /// Maximum number of bytes per read from the port.
    const READ_BYTES: usize;

    /// Whether bytes are read before the port is reported open. QEMU reports an opening up to a second late,
    /// so a session that needs the first bytes reads early. Other sessions discard such bytes, which an
    /// earlier program wrote.
    const READS_WHILE_CLOSED: bool;

    /// Starts serving a program in the guest, which has opened the port.
    fn opened(&mut self) {}

    /// Resets the session after the program closed the port or another program opened the port.
    fn closed(&mut self);

    /// Number of bytes that the session can take now; 0 stops reading.
    fn read_budget(&self) -> usize {
        usize::MAX
    }

    /// Processes bytes from the guest, at most [`Self::read_budget`] of them.
    fn received(&mut self, bytes: &[u8], now: Instant);

    /// Bytes to write to the guest next; empty if there are none.
    fn pending(&mut self) -> &[u8];

    /// Removes the first `count` pending bytes, which were written.
    fn sent(&mut self, count: usize);

    /// Ends requests that have timed out by `now`.
    fn tick(&mut self, _now: Instant) {}

    /// Time at which [`Self::tick`] is due; `None` without a pending request.
    fn deadline(&self) -> Option<Instant> {
        None
    }

    /// Takes the events since the last call, oldest first.
    fn take_events(&mut self) -> Vec<Self::Event>;
}

/// State that the thread and its owner share.
struct Shared<S> {
    session: Mutex<S>,
    stopping: AtomicBool,
}

/// Thread that runs a [`PortSession`]; dropping the value ends and joins the thread.
pub(crate) struct PortThread<S> {
    shared: Arc<Shared<S>>,
    waker: Waker,
    thread: Option<JoinHandle<()>>,
}

impl<S: PortSession> PortThread<S> {
    /// Runs `session` over `port` on a new thread called `name`. `on_event` is called on that thread, without
    /// the session's lock.
    ///
    /// # Errors
    /// When the thread cannot be created.
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

    /// Locks the session for reading its state.
    pub fn session(&self) -> MutexGuard<'_, S> {
        self.shared.session.lock()
    }

    /// Calls `act` with the session, then wakes the thread, which sends the resulting messages.
    pub fn with(&self, act: impl FnOnce(&mut S)) {
        act(&mut self.session());
        self.waker.wake();
    }
}

impl<S> Drop for PortThread<S> {
    fn drop(&mut self) {
        self.shared.stopping.store(true, Ordering::Release);
        self.waker.wake();
        // A callback on the thread itself may drop the last reference; a thread cannot join itself.
        if let Some(thread) = self.thread.take()
            && thread.thread().id() != std::thread::current().id()
        {
            let _ = thread.join();
        }
    }
}

/// Runs the session until the owner stops the thread or the port fails.
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

/// Writes the session's pending bytes. Returns whether bytes are left that wait for room in the port.
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

/// Converts [`PortError::Closed`] to 0 bytes: the next turn of the loop handles the change of programs.
fn zero_if_closed(result: Result<usize, PortError>) -> Result<usize, PortError> {
    match result {
        Err(PortError::Closed) => Ok(0),
        result => result,
    }
}
