//! A session over a port, on a thread of its own.

use super::session::VdAgentSession;
use super::{AgentEvent, ClipboardType, MonConfig};
use crate::lock;
use crate::port::{HostPort, OpenId, PortError, Waker};
use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Instant;

/// Bytes read at a time; between two reads others have their turn.
const PIECE: usize = 64 * 1024;

struct Shared {
    session: Mutex<VdAgentSession>,
    ending: AtomicBool,
}

/// The desktop agent of one machine. No call blocks; what comes of it is told as [`AgentEvent`].
pub struct SpiceAgent {
    shared: Arc<Shared>,
    waker: Waker,
    thread: Option<JoinHandle<()>>,
}

/// Figures of a [`SpiceAgent`] that only grow.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Counters {
    /// Messages from the guest that were malformed, too long, or made no sense.
    pub refused_messages: u64,
}

impl SpiceAgent {
    /// Speaks with whatever agent opens `port`, and tells `on_event` what comes of it, on a thread of
    /// its own. `on_event` may call back.
    ///
    /// # Errors
    /// When the host is out of threads.
    pub fn start(port: HostPort, on_event: impl FnMut(AgentEvent) + Send + 'static) -> io::Result<Self> {
        let shared =
            Arc::new(Shared { session: Mutex::new(VdAgentSession::new()), ending: AtomicBool::new(false) });
        let waker = port.waker();
        let running = shared.clone();
        let thread = std::thread::Builder::new().name("desktop-agent".into()).spawn(move || {
            if let Err(error) = run(&port, &running, on_event) {
                tracing::debug!(%error, "the desktop agent's port ended");
            }
        })?;
        Ok(Self { shared, waker, thread: Some(thread) })
    }

    /// Whether an agent is there that said what it can.
    pub fn is_connected(&self) -> bool {
        lock(&self.shared.session).is_connected()
    }

    /// The host's side has something in these kinds to paste; nothing any more if there are none.
    /// It is offered to every agent that comes, until the guest copies something itself.
    pub fn grab_clipboard(&self, kinds: &[ClipboardType]) {
        self.with(|session| session.grab_clipboard(kinds));
    }

    /// Asks for what the guest offered; [`AgentEvent::ClipboardData`] answers. One request at a time.
    pub fn request_clipboard(&self, kind: ClipboardType) {
        self.with(|session| session.request_clipboard(kind, Instant::now()));
    }

    /// Answers [`AgentEvent::ClipboardRequest`]; `None` if there is nothing, or more than
    /// [`super::MAX_CLIPBOARD_BYTES`].
    pub fn send_clipboard(&self, kind: ClipboardType, contents: Option<Vec<u8>>) {
        self.with(|session| session.send_clipboard(kind, contents));
    }

    /// Asks the guest's desktop for this layout of its screens, now and from every agent that comes.
    pub fn set_monitors_config(&self, monitors: &[MonConfig]) {
        self.with(|session| session.set_monitors_config(monitors));
    }

    /// Begins a file of `size` bytes; `id` names it from here on and is not to be used again. `name`
    /// is one line without folders and backslashes.
    pub fn start_file(&self, id: u32, name: &str, size: u64) {
        self.with(|session| session.start_file(id, name, size));
    }

    /// The next bytes of a file. They wait here until the guest takes them: bound them by what
    /// [`super::FileXferEvent::Sent`] tells.
    pub fn file_data(&self, id: u32, bytes: &[u8]) {
        self.with(|session| session.file_data(id, bytes));
    }

    /// Nothing more of the file comes, and nothing more is told of it.
    pub fn cancel_file(&self, id: u32) {
        self.with(|session| session.cancel_file(id));
    }

    /// The figures now.
    pub fn counters(&self) -> Counters {
        Counters { refused_messages: lock(&self.shared.session).refused() }
    }

    fn with(&self, act: impl FnOnce(&mut VdAgentSession)) {
        act(&mut lock(&self.shared.session));
        self.waker.wake();
    }
}

impl Drop for SpiceAgent {
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

fn run(port: &HostPort, shared: &Shared, mut on_event: impl FnMut(AgentEvent)) -> Result<(), PortError> {
    let mut buffer = vec![0; PIECE];
    let mut known: Option<OpenId> = None;
    while !shared.ending.load(Ordering::Acquire) {
        let mut session = lock(&shared.session);
        session.tick(Instant::now());
        let open_id = port.open_id();
        if open_id != known {
            if known.is_some() {
                session.closed();
            }
            if open_id.is_some() {
                session.opened();
            }
            known = open_id;
        }
        let read = port.read(&mut buffer)?;
        if read > 0 {
            session.received(buffer.get(..read).unwrap_or_default(), Instant::now());
        }
        let full = match open_id {
            Some(open_id) => send(port, open_id, &mut session)?,
            None => false,
        };
        let (events, deadline) = (session.take_events(), session.deadline());
        drop(session);
        let quiet = read == 0 && events.is_empty();
        events.into_iter().for_each(&mut on_event);
        if quiet {
            port.wait(full, deadline)?;
        }
    }
    Ok(())
}

/// Sends what there is to say; whether some of it waits for room in the port.
fn send(port: &HostPort, open_id: OpenId, session: &mut VdAgentSession) -> Result<bool, PortError> {
    // A turn's worth.
    for _ in 0..16 {
        let bytes = session.pending();
        if bytes.is_empty() {
            return Ok(false);
        }
        match port.write(open_id, bytes) {
            Ok(0) => return Ok(true),
            Ok(written) => session.sent(written),
            // The next turn meets whoever has the port then.
            Err(PortError::Closed) => return Ok(false),
            Err(error) => return Err(error),
        }
    }
    Ok(true)
}
