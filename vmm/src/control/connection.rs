//! Accept loop of the control socket, and one thread per connection.
//!
//! Passes control connections to `requests`, and viewer connections to [`oriel_display::Viewer`].

use super::context::ControlContext;
use super::peer_auth::PeerAuth;
use super::{handshake, requests};
use oriel_display::Viewer;
use oriel_display::viewer::Mode;
use oriel_jail::seccomp::{ThreadKind, apply_thread_filter};
use oriel_vmm_api::{Opened, Purpose, ViewerMode};
use std::io;
use std::os::unix::net::{UnixListener, UnixStream};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

/// Largest number of simultaneous connections. The server needs a few, and every viewer one.
const MAX_CONNECTIONS: usize = 64;

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
