//! Reconnection in the background, with delays that double.

use crate::connector::BackendConnector;
use std::io;
use std::os::fd::{AsRawFd, OwnedFd, RawFd};
use std::sync::Arc;
use std::sync::mpsc::{self, Receiver, Sender};
use std::time::{Duration, Instant};
use vmm_sys_util::eventfd::{EFD_CLOEXEC, EFD_NONBLOCK, EventFd};

const MIN_DELAY: Duration = Duration::from_millis(100);
const MAX_DELAY: Duration = Duration::from_secs(10);
/// A link that held for so long resets the delay.
const STABLE: Duration = Duration::from_secs(30);

/// Calls a [`BackendConnector`] after a delay, on threads of its own, one at a time.
pub(super) struct ReconnectTimer {
    connector: Arc<dyn BackendConnector>,
    delay: Duration,
    connected: Option<Instant>,
    sender: Sender<io::Result<OwnedFd>>,
    results: Receiver<io::Result<OwnedFd>>,
    result_event: Arc<EventFd>,
}

impl ReconnectTimer {
    /// Creates a timer that waits for nothing.
    ///
    /// # Errors
    /// When the host is out of descriptors.
    pub fn new(connector: Arc<dyn BackendConnector>) -> io::Result<Self> {
        let (sender, results) = mpsc::channel();
        let result_event = Arc::new(EventFd::new(EFD_NONBLOCK | EFD_CLOEXEC)?);
        Ok(Self { connector, delay: MIN_DELAY, connected: None, sender, results, result_event })
    }

    /// Schedules a connection after the present delay, because the last one failed or ended.
    pub fn schedule(&mut self) {
        if self.connected.take().is_some_and(|since| since.elapsed() >= STABLE) {
            self.delay = MIN_DELAY;
        }
        let delay = self.delay;
        self.delay = (self.delay * 2).min(MAX_DELAY);
        let (connector, sender, result_event) =
            (self.connector.clone(), self.sender.clone(), self.result_event.clone());
        let spawned = std::thread::Builder::new().name("net-reconnect".into()).spawn(move || {
            std::thread::sleep(delay);
            let _ = sender.send(connector.connect());
            let _ = result_event.write(1);
        });
        if let Err(error) = spawned {
            tracing::error!(%error, "no thread to reconnect the network backend; the link stays down");
        }
    }

    /// Descriptor that is readable once [`Self::take_result`] has a result.
    pub fn fd(&self) -> RawFd {
        self.result_event.as_raw_fd()
    }

    /// Takes the result of [`Self::schedule`]: a connected socket or an error; `None` while there is none.
    pub fn take_result(&mut self) -> Option<io::Result<OwnedFd>> {
        let _ = self.result_event.read();
        self.results.try_recv().ok()
    }

    /// Records that the backend is connected now.
    pub fn connected(&mut self) {
        self.connected = Some(Instant::now());
    }
}
