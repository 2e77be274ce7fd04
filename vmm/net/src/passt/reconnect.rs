//! Making a link in the background, ever more patiently.

use crate::connector::BackendConnector;
use std::io;
use std::os::fd::{AsRawFd, OwnedFd, RawFd};
use std::sync::Arc;
use std::sync::mpsc::{self, Receiver, Sender};
use std::time::{Duration, Instant};
use vmm_sys_util::eventfd::{EFD_CLOEXEC, EFD_NONBLOCK, EventFd};

const FIRST_WAIT: Duration = Duration::from_millis(100);
const LONGEST_WAIT: Duration = Duration::from_secs(10);
/// A link that held for so long was a good one: the next is tried at once.
const GOOD: Duration = Duration::from_secs(30);

/// Asks a [`BackendConnector`] on threads of its own, one at a time.
pub(super) struct ReconnectTimer {
    connector: Arc<dyn BackendConnector>,
    wait: Duration,
    connected: Option<Instant>,
    answer: Sender<io::Result<OwnedFd>>,
    answers: Receiver<io::Result<OwnedFd>>,
    answered: Arc<EventFd>,
}

impl ReconnectTimer {
    pub fn new(connector: Arc<dyn BackendConnector>) -> io::Result<Self> {
        let (answer, answers) = mpsc::channel();
        let answered = Arc::new(EventFd::new(EFD_NONBLOCK | EFD_CLOEXEC)?);
        Ok(Self { connector, wait: FIRST_WAIT, connected: None, answer, answers, answered })
    }

    /// The link that was made is lost, or could not be made: makes a new one after a while.
    pub fn again(&mut self) {
        if self.connected.take().is_some_and(|since| since.elapsed() >= GOOD) {
            self.wait = FIRST_WAIT;
        }
        let wait = self.wait;
        self.wait = (self.wait * 2).min(LONGEST_WAIT);
        let (connector, answer, answered) =
            (self.connector.clone(), self.answer.clone(), self.answered.clone());
        let dialling = std::thread::Builder::new().name("net-dial".into()).spawn(move || {
            std::thread::sleep(wait);
            let _ = answer.send(connector.connect());
            let _ = answered.write(1);
        });
        if let Err(error) = dialling {
            tracing::error!(%error, "no thread to bring the network back with; it stays down");
        }
    }

    /// The descriptor that is readable once [`Self::answer`] has something.
    pub fn fd(&self) -> RawFd {
        self.answered.as_raw_fd()
    }

    /// What came of [`Self::again`].
    pub fn answer(&mut self) -> Option<io::Result<OwnedFd>> {
        let _ = self.answered.read();
        self.answers.try_recv().ok()
    }

    /// There is a link.
    pub fn connected(&mut self) {
        self.connected = Some(Instant::now());
    }
}
