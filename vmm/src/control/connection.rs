//! Connections to the desktop, a thread each.

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

/// Connections at a time; the server needs a few, each viewer one.
const MAX_CONNECTIONS: usize = 64;

/// What connections serve.
pub struct ControlContext {
    /// The machine.
    pub machine: Arc<dyn Machine>,
    /// What becomes of it.
    pub events: Arc<Events>,
    /// What it was made from.
    pub config: MachineConfig,
    /// The process that others know of the desktop.
    pub pid: u32,
    /// What holds of its jail.
    pub jail: Jail,
    /// When.
    pub started: Instant,
    /// Threads that still have last events to send.
    pub(super) watchers: Mutex<Vec<JoinHandle<()>>>,
    /// Requests whose reply is not sent yet: the one that stops the machine wants its own as well.
    pub(super) pending_replies: AtomicUsize,
    /// Fields of requests that this version does not know; they are ignored.
    pub(super) unknown_fields: AtomicU64,
    /// Requests that this version does not know; they are refused.
    pub(super) unknown_requests: AtomicU64,
    connections: AtomicUsize,
}

impl ControlContext {
    /// A desktop that started now.
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

    /// Waits until connected clients have received the last event, for `timeout` at most.
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

/// Accepts connections for as long as the process lives.
///
/// # Errors
/// When no thread can be started.
pub fn serve(listener: UnixListener, peer_auth: PeerAuth, desktop: Arc<ControlContext>) -> io::Result<()> {
    std::thread::Builder::new().name("control".into()).spawn(move || {
        apply_thread_filter(ThreadKind::Connection);
        for stream in listener.incoming() {
            let accepted = stream.and_then(|stream| accept(stream, peer_auth, &desktop));
            if let Err(error) = accepted {
                tracing::warn!(%error, "a connection could not be accepted");
                // Out of descriptors or threads: let some go first.
                std::thread::sleep(Duration::from_millis(100));
            }
        }
    })?;
    Ok(())
}

fn accept(stream: UnixStream, peer_auth: PeerAuth, desktop: &Arc<ControlContext>) -> io::Result<()> {
    if !peer_auth.accepts(&stream)? {
        tracing::warn!("refused a connection from another user");
        return Ok(());
    }
    if desktop.connections.fetch_add(1, Ordering::AcqRel) >= MAX_CONNECTIONS {
        desktop.connections.fetch_sub(1, Ordering::AcqRel);
        let text = "Too many are connected to this desktop; close another window first.";
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

/// One of [`MAX_CONNECTIONS`].
struct ConnectionPermit(Arc<ControlContext>);

impl Drop for ConnectionPermit {
    fn drop(&mut self) {
        self.0.connections.fetch_sub(1, Ordering::AcqRel);
    }
}

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
            tracing::debug!(?ended, "a viewer left");
            Ok(())
        }
    }
}
