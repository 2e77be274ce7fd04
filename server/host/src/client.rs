//! The boundary between the control plane and a host.
//!
//! Every order carries a [`Hold`] and is idempotent: giving it twice is giving it once. An order that returns has been
//! recorded; the returned [`Sequence`] is that of the last update it caused, so that a mirror knows when it has caught up.

use crate::admission::{Capacity, MachineChoice};
use crate::error::DesktopError;
use crate::hold::{DesktopId, Hold};
use crate::images::{RunsAt, Version};
use crate::schedule::Priority;
use crate::spec::DesktopSpec;
use crate::status::{DesktopUpdate, Sequence, State, Status};
use async_trait::async_trait;
use oriel_vmm_api::{Description, HostFacts, ViewerMode};
use std::pin::Pin;
use std::task::{Context, Poll};
use tokio::io::{self, AsyncRead, AsyncWrite, ReadBuf};
use tokio::sync::mpsc;

/// One host, as the control plane uses it.
#[async_trait]
pub trait HostClient: Send + Sync {
    /// What the host can do, and how much of it is left.
    ///
    /// # Errors
    /// One sentence: the host's machine program does not answer.
    async fn facts(&self) -> Result<HostReport, String>;

    /// Makes the desktop known to the host, or gives it another specification, which holds from its next start on.
    ///
    /// `found` is what the control plane recorded of a desktop that the host has no record of: one that an earlier version
    /// ran, whose machine may still be up and is then adopted.
    ///
    /// # Errors
    /// A stale epoch, another disk, or the record cannot be written.
    async fn ensure(
        &self,
        hold: &Hold,
        spec: DesktopSpec,
        found: Option<FoundState>,
    ) -> Result<Sequence, DesktopError>;

    /// Starts the desktop. A desktop that stops is started once it has stopped.
    ///
    /// # Errors
    /// The desktop does not fit the host now, or see [`HostClient::ensure`].
    async fn start(&self, hold: &Hold) -> Result<Sequence, DesktopError>;

    /// Asks the guest to shut down, and forces it off when it does not within the configured time.
    ///
    /// # Errors
    /// See [`HostClient::ensure`]; [`DesktopError::Conflict`] for a machine that can only be forced off.
    async fn stop(&self, hold: &Hold) -> Result<Sequence, DesktopError>;

    /// Ends the machine at once.
    ///
    /// # Errors
    /// See [`HostClient::ensure`].
    async fn force_off(&self, hold: &Hold) -> Result<Sequence, DesktopError>;

    /// Asks the guest to shut down, and starts the desktop again.
    ///
    /// # Errors
    /// See [`HostClient::start`].
    async fn restart(&self, hold: &Hold) -> Result<Sequence, DesktopError>;

    /// Resets the running machine, as the button on the case does.
    ///
    /// # Errors
    /// [`DesktopError::Conflict`] without a running machine, or see [`HostClient::ensure`].
    async fn reset(&self, hold: &Hold) -> Result<Sequence, DesktopError>;

    /// Deletes a stopped desktop with its disk. A desktop that is not there is deleted already.
    ///
    /// # Errors
    /// [`DesktopError::Conflict`] while there is a machine, or see [`HostClient::ensure`].
    async fn delete(&self, hold: &Hold) -> Result<Sequence, DesktopError>;

    /// All desktops as they are now, and every update from then on. A watcher that reads too slowly misses updates, which
    /// it sees by a gap in their numbers; it then asks for a new watch.
    ///
    /// # Errors
    /// One sentence: the host does not answer.
    async fn watch(&self) -> Result<Updates, String>;

    /// Gives the desktop's machine a share of contested processors.
    ///
    /// # Errors
    /// See [`HostClient::ensure`].
    async fn set_priority(&self, hold: &Hold, priority: Priority) -> Result<(), DesktopError>;

    /// What the desktop would run on if it were started now, from its root disk where it has one.
    async fn plan(&self, desktop: &DesktopId, spec: &DesktopSpec) -> MachinePlan;

    /// The newest version of every image in the host's store, by name.
    ///
    /// # Errors
    /// One sentence: the store cannot be read.
    async fn images(&self) -> Result<Vec<Version>, String>;

    /// What the machines of all reachable desktops say of themselves.
    async fn metrics(&self) -> HostMetrics;

    /// The end of one of the desktop's logs, at most 64 KiB; empty where there is none.
    ///
    /// # Errors
    /// One sentence: the log cannot be read.
    async fn logs(&self, desktop: &DesktopId, log: DesktopLog) -> Result<Vec<u8>, String>;

    /// Connects a viewer to the desktop's machine. The stream carries the messages of `display/PROTOCOL.md`, each behind its
    /// length as a little-endian `u32`. The viewer is counted until both halves of the stream are dropped.
    ///
    /// # Errors
    /// The machine does not answer or refuses the viewer, or see [`HostClient::ensure`].
    async fn open_viewer(&self, hold: &Hold, mode: ViewerMode) -> Result<ViewerStream, DesktopError>;
}

/// A host's facts and what is left of it.
#[derive(Debug, Clone)]
pub struct HostReport {
    /// The facts that the machine program found.
    pub facts: HostFacts,
    /// Memory and processors.
    pub capacity: Capacity,
}

/// What the control plane recorded of a desktop that its host has no record of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FoundState {
    /// The state that was recorded last.
    pub state: State,
    /// The state's reason; one sentence.
    pub reason: Option<String>,
    /// When the state was entered, in seconds since 1970 UTC.
    pub since: i64,
    /// The leader of the machine's process group.
    pub pid: Option<u32>,
}

/// What a desktop would run on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MachinePlan {
    /// The machine; or why there is none, in one sentence.
    pub machine: Result<MachineChoice, String>,
    /// Where the image's guest spends its life.
    pub runs_at: RunsAt,
}

/// What machines say of themselves.
#[derive(Debug, Clone, Default)]
pub struct HostMetrics {
    /// All reachable desktops, those included whose machine did not answer in time.
    pub reachable: Vec<DesktopId>,
    /// The machines that answered.
    pub descriptions: Vec<Description>,
}

/// A log of a desktop.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DesktopLog {
    /// What the machine's process printed since its start.
    Machine,
    /// The guest's serial console.
    SerialConsole,
}

/// A host's desktops at one moment, and the updates that follow.
#[derive(Debug)]
pub struct Updates {
    /// The number of the last update that the snapshot contains.
    pub sequence: Sequence,
    /// Every desktop that the host knows.
    pub snapshot: Vec<(DesktopId, Status)>,
    /// The updates after it in order; the end of the channel is the end of the host.
    pub updates: mpsc::Receiver<DesktopUpdate>,
}

/// The half of a viewer's connection that reads what the machine sends.
pub type ViewerReader = Box<dyn AsyncRead + Send + Unpin>;

/// The half of a viewer's connection that writes to the machine.
pub type ViewerWriter = Box<dyn AsyncWrite + Send + Unpin>;

/// A viewer's connection to a machine. Its halves part without a lock between them.
pub struct ViewerStream {
    reader: ViewerReader,
    writer: ViewerWriter,
}

impl ViewerStream {
    /// A connection of two halves.
    pub fn new(reader: ViewerReader, writer: ViewerWriter) -> Self {
        Self { reader, writer }
    }

    /// The two halves, which may be used by different tasks.
    pub fn into_split(self) -> (ViewerReader, ViewerWriter) {
        (self.reader, self.writer)
    }
}

impl AsyncRead for ViewerStream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.reader).poll_read(cx, buf)
    }
}

impl AsyncWrite for ViewerStream {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.writer).poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.writer).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.writer).poll_shutdown(cx)
    }
}
