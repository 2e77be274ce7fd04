//! The boundary between the control plane and a host: the trait [`HostClient`] and the values that cross it.
//!
//! The control plane calls a host only through this module. Users, pools and entitlements do not cross the
//! boundary; paths, sockets and process numbers of the host do not either, except a process number for
//! display.

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

/// Client of one host: commands to its desktops, and reports of what the host does.
///
/// # Holds and epochs
/// A command names a [`Hold`]: a desktop, the root disk and the epoch in which the disk was claimed. A host
/// compares the hold with the desktop's record before it executes the command:
///
/// - another disk than recorded: [`DesktopError::OtherDisk`];
/// - an older epoch than recorded: [`DesktopError::StaleEpoch`];
/// - a newer epoch: the host records the new epoch durably, then executes the command. From then on it
///   refuses commands of the older epoch. [`HostClient::open_viewer`] accepts a newer epoch unrecorded.
///
/// # Durability
/// A host writes a change of state or specification to the desktop's record and synchronises the record to
/// the disk before it acts on the change, and before the method returns. A command returns when the change is
/// recorded, not when the machine has followed: [`HostClient::start`] returns in state [`State::Starting`],
/// and later states arrive as updates. If the record cannot be written, the command fails with
/// [`DesktopError::Internal`] and nothing changes. Machines outlive the host's process.
///
/// # Idempotence
/// Except [`HostClient::reset`] and [`HostClient::restart`], a command that finds the desktop in the
/// requested state succeeds and changes nothing. A client that lost the reply may therefore repeat it.
///
/// # Sequence numbers
/// The [`Sequence`] that a command returns is the number of the host's last update at that time. It is no
/// less than the number of any update that the command caused before it returned. A reader of
/// [`HostClient::watch`] that has seen this number has seen the effects.
#[async_trait]
pub trait HostClient: Send + Sync {
    /// Reports the host's hardware and software, and its free capacity. The facts may be ten minutes old; the
    /// capacity is measured by the call.
    ///
    /// # Errors
    /// One sentence: the machine program `oriel-vmm` does not run or does not answer.
    async fn facts(&self) -> Result<HostReport, String>;

    /// Creates the desktop on the host, or replaces the specification of a desktop that the host has. A
    /// specification takes effect at the desktop's next start, also if the desktop runs now.
    ///
    /// `found` is the control plane's record of the desktop, used only if the host has none: an earlier
    /// version of Oriel kept no record on the host. If `found` is in a state with a machine, the host adopts
    /// the machine that still runs, or enters the state that follows from its end. A desktop without `found`
    /// is created as [`State::Stopped`].
    ///
    /// When the method returns, the desktop's record is written and synchronised. No disk is made and no
    /// machine is started.
    ///
    /// # Errors
    /// [`DesktopError::StaleEpoch`] or [`DesktopError::OtherDisk`] for a superseded hold;
    /// [`DesktopError::Unavailable`] if the desktop has a record that cannot be used;
    /// [`DesktopError::Internal`] if the folder or the record cannot be written.
    async fn ensure(
        &self,
        hold: &Hold,
        spec: DesktopSpec,
        found: Option<FoundState>,
    ) -> Result<Sequence, DesktopError>;

    /// Starts the desktop's machine. The host admits the desktop, reserves memory, processors and a TAP
    /// interface, and records [`State::Starting`]; then the method returns, and a task makes the root disk if
    /// there is none and starts the machine. If that fails, the desktop enters [`State::Failed`] with the
    /// reason.
    ///
    /// A desktop that starts or runs stays as it is. A desktop in [`State::Stopping`] is started after its
    /// machine has ended; that intention is kept in memory only, and is lost if the host's process ends
    /// first.
    ///
    /// # Errors
    /// [`DesktopError::Unavailable`] if the host lacks memory, processors, a program, an image or a TAP
    /// interface; [`DesktopError::NoRoom`] if the host's disk is too full; [`DesktopError::Unknown`] if the
    /// host does not have the desktop; otherwise as for [`HostClient::ensure`].
    async fn start(&self, hold: &Hold) -> Result<Sequence, DesktopError>;

    /// Requests a shutdown from the guest. The host records [`State::Stopping`], sends the request and
    /// returns. If the machine has not ended within [`crate::HostSettings`]' grace period, the host forces it
    /// off as by [`HostClient::force_off`]. The period begins anew if the host's process restarts meanwhile.
    ///
    /// A start that is still in preparation is cancelled. A pending start after a stop is withdrawn. A
    /// desktop without a machine, or one that stops already, stays as it is.
    ///
    /// # Errors
    /// [`DesktopError::Conflict`] if the machine speaks another version of the control protocol, and can only
    /// be forced off; [`DesktopError::Unknown`] if the host does not have the desktop; otherwise as for
    /// [`HostClient::ensure`].
    async fn stop(&self, hold: &Hold) -> Result<Sequence, DesktopError>;

    /// Ends the machine without a shutdown of the guest. The host records [`State::Stopping`], sends the
    /// command to the machine and returns. If the machine's processes still exist ten seconds later, the host
    /// kills them (SIGKILL). A machine that speaks another version of the control protocol is killed at once.
    ///
    /// A pending start after a stop is withdrawn. A desktop without a machine stays as it is.
    ///
    /// # Errors
    /// [`DesktopError::Unknown`] if the host does not have the desktop; otherwise as for
    /// [`HostClient::ensure`].
    async fn force_off(&self, hold: &Hold) -> Result<Sequence, DesktopError>;

    /// Stops the desktop as by [`HostClient::stop`], and starts it after its machine has ended; starts a
    /// desktop without a machine at once. The intention to start again is kept in memory only, and is lost if
    /// the host's process ends first. The new start uses the specification that is recorded then. A repeated
    /// call while the desktop stops changes nothing; a later one restarts the desktop again.
    ///
    /// # Errors
    /// As for [`HostClient::stop`] and [`HostClient::start`]. If the new start is refused, the desktop enters
    /// [`State::Failed`] with the reason.
    async fn restart(&self, hold: &Hold) -> Result<Sequence, DesktopError>;

    /// Resets the running machine like a hardware reset button: the guest reboots without a shutdown, in the
    /// same process. Nothing is recorded, and the state stays. A repeated call resets again.
    ///
    /// # Errors
    /// [`DesktopError::Conflict`] without a running machine, or if the machine speaks another version of the
    /// control protocol; [`DesktopError::Unavailable`] if the machine refuses or does not answer; otherwise
    /// as for [`HostClient::ensure`].
    async fn reset(&self, hold: &Hold) -> Result<Sequence, DesktopError>;

    /// Deletes a stopped desktop: its folder with the record, the root disk and the logs. When the method
    /// returns, the folder is removed and an update without a status is published. The removal is not
    /// synchronised to the disk. A desktop that the host does not have counts as deleted.
    ///
    /// # Errors
    /// [`DesktopError::Conflict`] while the desktop has a machine; [`DesktopError::Internal`] if a process
    /// still uses the disk or the folder cannot be removed; otherwise as for [`HostClient::ensure`].
    async fn delete(&self, hold: &Hold) -> Result<Sequence, DesktopError>;

    /// Returns the status of every desktop, and a channel of all later updates without a gap between the two.
    ///
    /// A reader that is too slow misses updates. It finds a gap in the sequence numbers, and must call this
    /// method again.
    ///
    /// # Errors
    /// One sentence: the host does not answer.
    async fn watch(&self) -> Result<Updates, String>;

    /// Sets the priority by which the desktop's machine shares contended processors. The priority is kept in
    /// memory, applies to the present machine and to later ones, and is [`Priority::Unwatched`] after the
    /// host's process has restarted. A failure of the kernel to apply the priority is logged by the host and
    /// no error.
    ///
    /// # Errors
    /// [`DesktopError::Unknown`] if the host does not have the desktop; otherwise as for
    /// [`HostClient::ensure`].
    async fn set_priority(&self, hold: &Hold, priority: Priority) -> Result<(), DesktopError>;

    /// Predicts the machine on which the desktop would start now: from the image version below its root disk
    /// if the desktop has one, otherwise from the image of `spec`. Nothing is reserved, and the desktop need
    /// not exist on the host.
    async fn plan(&self, desktop: &DesktopId, spec: &DesktopSpec) -> MachinePlan;

    /// Lists the newest version of every image in the host's store, by name. Damaged images are left out.
    ///
    /// # Errors
    /// One sentence: the store cannot be read.
    async fn images(&self) -> Result<Vec<Version>, String>;

    /// Collects the descriptions of the machines of all reachable desktops. A machine that does not answer
    /// within two seconds is left out of the descriptions.
    async fn metrics(&self) -> HostMetrics;

    /// Reads the last 64 KiB of a desktop's log; empty if the log does not exist.
    ///
    /// # Errors
    /// One sentence: the log cannot be read.
    async fn logs(&self, desktop: &DesktopId, log: DesktopLog) -> Result<Vec<u8>, String>;

    /// Opens a viewer's connection to the desktop's machine. The stream carries the messages of the display
    /// protocol (docs/protocol.md), each after its length in bytes as a little-endian `u32`. The viewer
    /// counts in [`Status::viewers`] until both halves of the stream are dropped.
    ///
    /// # Errors
    /// [`DesktopError::Unavailable`] if the machine does not answer or refuses the viewer;
    /// [`DesktopError::StaleEpoch`], [`DesktopError::OtherDisk`] or [`DesktopError::Unknown`] if the hold
    /// does not fit the record.
    async fn open_viewer(&self, hold: &Hold, mode: ViewerMode) -> Result<ViewerStream, DesktopError>;
}

/// Report of a host: its facts and its free capacity.
#[derive(Debug, Clone)]
pub struct HostReport {
    /// Facts about the host's hardware and software, from `oriel-vmm probe`.
    pub facts: HostFacts,
    /// Capacity of the host for desktops: memory and processors.
    pub capacity: Capacity,
}

/// State of a desktop in the control plane's database, for a host that has no record of the desktop.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FoundState {
    /// State that was recorded last.
    pub state: State,
    /// Reason of the state in one sentence, if there is one.
    pub reason: Option<String>,
    /// Time at which the desktop entered the state, in seconds since 1970 UTC.
    pub since: i64,
    /// Process number of the leader of the machine's process group, if the desktop had a machine.
    pub pid: Option<u32>,
}

/// Prediction of the machine that a desktop would start on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MachinePlan {
    /// Choice of the machine, or one sentence that says why the desktop cannot start.
    pub machine: Result<MachineChoice, String>,
    /// Privilege level at which the image's guest runs; [`RunsAt::Kernel`] if the image is missing.
    pub runs_at: RunsAt,
}

/// Measurements that a host's machines report.
#[derive(Debug, Clone, Default)]
pub struct HostMetrics {
    /// Desktops whose machines have an open control connection, those without a description included.
    pub reachable: Vec<DesktopId>,
    /// Descriptions of the machines that answered in time.
    pub descriptions: Vec<Description>,
}

/// Log of a desktop.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DesktopLog {
    /// Standard output and standard error of the machine's process since its last start.
    Machine,
    /// Output of the guest's serial console.
    SerialConsole,
}

/// Snapshot of a host's desktops, and the stream of later updates.
#[derive(Debug)]
pub struct Updates {
    /// Number of the last update that the snapshot includes; the first update of the stream has the next
    /// number.
    pub sequence: Sequence,
    /// Every desktop of the host with its status, in no order.
    pub snapshot: Vec<(DesktopId, Status)>,
    /// Receiver of the updates after the snapshot in their order; a closed channel means that the host has
    /// ended.
    pub updates: mpsc::Receiver<DesktopUpdate>,
}

/// Read half of a viewer's connection: messages from the machine.
pub type ViewerReader = Box<dyn AsyncRead + Send + Unpin>;

/// Write half of a viewer's connection: messages to the machine.
pub type ViewerWriter = Box<dyn AsyncWrite + Send + Unpin>;

/// Connection of a viewer to a machine, in two halves that share no lock.
pub struct ViewerStream {
    reader: ViewerReader,
    writer: ViewerWriter,
}

impl ViewerStream {
    /// Joins two halves to a connection.
    pub fn new(reader: ViewerReader, writer: ViewerWriter) -> Self {
        Self { reader, writer }
    }

    /// Splits the connection into its halves, which two tasks may use at the same time.
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
