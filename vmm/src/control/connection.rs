//! Accept loop of the control socket, and one thread per connection.
//!
//! Passes control connections to `requests`, and viewer connections to [`oriel_display::Viewer`].

use super::peer_auth::PeerAuth;
use super::{handshake, requests};
use crate::events::Events;
use crate::machine::Machine;
use oriel_display::Viewer;
use oriel_display::viewer::Mode;
use oriel_jail::seccomp::{ThreadKind, apply_thread_filter};
use oriel_vmm_api::{Jail, MachineConfig, Opened, Purpose, ViewerMode};
use parking_lot::Mutex;
use std::io;
use std::os::unix::net::{UnixListener, UnixStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// Largest number of simultaneous connections. The server needs a few, and every viewer one.
const MAX_CONNECTIONS: usize = 64;

/// Shared state of all connections: the machine, its events, and facts for [`Description`].
///
/// [`Description`]: oriel_vmm_api::Description
pub struct ControlContext {
    /// Machine that executes the requests.
    pub machine: Arc<dyn Machine>,
    /// State and events of the machine.
    pub events: Arc<Events>,
    /// Configuration of the machine.
    pub config: MachineConfig,
    /// Process number of the supervisor.
    pub pid: u32,
    /// Report on the jail of the machine's process.
    pub jail: Jail,
    /// Time of the start, for the uptime.
    pub started: Instant,
    /// Threads that send events to connections.
    pub(super) watchers: Mutex<Vec<JoinHandle<()>>>,
    /// Number of requests without a sent reply. The process exits after the reply to the stop request.
    pub(super) pending_replies: AtomicUsize,
    /// Count of unknown fields in requests, which are ignored.
    pub(super) unknown_fields: AtomicU64,
    /// Count of unknown requests, which are refused.
    pub(super) unknown_requests: AtomicU64,
    /// Number of open connections.
    connections: AtomicUsize,
}

impl ControlContext {
    /// Creates the context of a machine that starts now.
    pub fn new(
        machine: Arc<dyn Machine>,
        events: Arc<Events>,
        config: MachineConfig,
        pid: u32,
        jail: Jail,
    ) -> Arc<Self> {
        Arc::new(Self {
            machine,
            events,
            config,
            pid,
            jail,
            started: Instant::now(),
            watchers: Mutex::default(),
            pending_replies: AtomicUsize::new(0),
            unknown_fields: AtomicU64::new(0),
            unknown_requests: AtomicU64::new(0),
            connections: AtomicUsize::new(0),
        })
    }

    /// Waits until all replies and events are sent and all viewers are gone, at most for `timeout`.
    pub fn drain(&self, timeout: Duration) {
        let deadline = Instant::now() + timeout;
        let watchers = std::mem::take(&mut *self.watchers.lock());
        let all_drained = || {
            self.pending_replies.load(Ordering::Acquire) == 0
                && self.machine.monitors().viewers() == 0
                && watchers.iter().all(JoinHandle::is_finished)
        };
        while Instant::now() < deadline && !all_drained() {
            std::thread::sleep(Duration::from_millis(5));
        }
    }
}

/// Starts the thread that accepts connections on `listener` until the process ends.
///
/// # Errors
/// When the thread cannot be started.
pub fn serve(listener: UnixListener, peer_auth: PeerAuth, desktop: Arc<ControlContext>) -> io::Result<()> {
    std::thread::Builder::new().name("control".into()).spawn(move || {
        apply_thread_filter(ThreadKind::Connection);
        for stream in listener.incoming() {
            let accepted = stream.and_then(|stream| accept(stream, peer_auth, &desktop));
            if let Err(error) = accepted {
                tracing::warn!(%error, "a connection could not be accepted");
                // Descriptors or threads are exhausted: wait until other connections have ended.
                std::thread::sleep(Duration::from_millis(100));
            }
        }
    })?;
    Ok(())
}

/// Checks the peer and the number of connections, and starts the thread of the connection.
fn accept(stream: UnixStream, peer_auth: PeerAuth, desktop: &Arc<ControlContext>) -> io::Result<()> {
    if !peer_auth.accepts(&stream)? {
        tracing::warn!("refused a connection from another user");
        return Ok(());
    }
    if desktop.connections.fetch_add(1, Ordering::AcqRel) >= MAX_CONNECTIONS {
        desktop.connections.fetch_sub(1, Ordering::AcqRel);
        let text = "Too many viewers are connected to this desktop; close another window first.";
        return handshake::answer_with(&stream, &Opened::Refused { text: text.to_owned() });
    }
    let permit = ConnectionPermit(desktop.clone());
    std::thread::Builder::new().name("connection".into()).spawn(move || {
        if let Err(error) = serve_connection(stream, &permit.0) {
            tracing::debug!(%error, "a connection ended");
        }
    })?;
    Ok(())
}

/// Permit of one of [`MAX_CONNECTIONS`] connections; dropping it releases the permit.
struct ConnectionPermit(Arc<ControlContext>);

impl Drop for ConnectionPermit {
    fn drop(&mut self) {
        self.0.connections.fetch_sub(1, Ordering::AcqRel);
    }
}

/// Performs the handshake, and serves the connection by its purpose until it ends.
fn serve_connection(stream: UnixStream, desktop: &Arc<ControlContext>) -> io::Result<()> {
    let Some(handshake) = handshake::perform(&stream)? else { return Ok(()) };
    desktop.unknown_fields.fetch_add(handshake.unknown_fields, Ordering::Relaxed);
    match handshake.purpose {
        Purpose::Control => requests::serve(&stream, desktop),
        Purpose::Viewer { mode } => {
            let mode = match mode {
                ViewerMode::Interact => Mode::Interact,
                ViewerMode::Watch => Mode::Watch,
            };
            let machine = &desktop.machine;
            let redirection = machine.agents().redirection().clone();
            let ended = Viewer::serve(stream, machine.monitors().clone(), machine.input(), redirection, mode);
            let ended = ended.map_err(io::Error::other)?;
            tracing::debug!(?ended, "a viewer disconnected");
            Ok(())
        }
    }
}
