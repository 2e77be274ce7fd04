//! Reconnection of the backend in the background, with delays that double.

use crate::connector::BackendConnector;
use std::io;
use std::os::fd::{AsRawFd, OwnedFd, RawFd};
use std::sync::Arc;
use std::sync::mpsc::{self, Receiver, Sender};
use std::time::{Duration, Instant};
use vmm_sys_util::eventfd::{EFD_CLOEXEC, EFD_NONBLOCK, EventFd};

/// Delay before the first attempt.
const MIN_DELAY: Duration = Duration::from_millis(100);
/// Maximum delay before an attempt.
const MAX_DELAY: Duration = Duration::from_secs(10);
/// Duration of a link after which the delay is reset.
const STABLE: Duration = Duration::from_secs(30);

/// Timer that calls a [`BackendConnector`] after a delay, on a thread of its own, one call at a time.
pub(super) struct ReconnectTimer {
    connector: Arc<dyn BackendConnector>,
    delay: Duration,
    connected: Option<Instant>,
    sender: Sender<io::Result<OwnedFd>>,
    results: Receiver<io::Result<OwnedFd>>,
    result_event: Arc<EventFd>,
}

impl ReconnectTimer {
    /// Creates a timer without a scheduled call.
    ///
    /// # Errors
    /// When the host is out of descriptors.
    pub fn new(connector: Arc<dyn BackendConnector>) -> io::Result<Self> {
        let (sender, results) = mpsc::channel();
        let result_event = Arc::new(EventFd::new(EFD_NONBLOCK | EFD_CLOEXEC)?);
        Ok(Self { connector, delay: MIN_DELAY, connected: None, sender, results, result_event })
    }

    /// Schedules a connection after the current delay, when the last connection failed or ended.
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

    /// Returns the descriptor that is readable once [`Self::take_result`] has a result.
    pub fn fd(&self) -> RawFd {
        self.result_event.as_raw_fd()
    }

    /// Takes the result of [`Self::schedule`], a connected socket or an error; `None` without a result.
    pub fn take_result(&mut self) -> Option<io::Result<OwnedFd>> {
        let _ = self.result_event.read();
        self.results.try_recv().ok()
    }

    /// Records that the backend is connected.
    pub fn connected(&mut self) {
        self.connected = Some(Instant::now());
    }
}
