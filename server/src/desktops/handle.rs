//! Handle of one desktop, for the gateway and the API: commands to the host, and the mirrored status.

use super::activity::{self, ViewerActivity};
use super::broker_state::BrokerState;
use super::error::BrokerError;
use super::resolve::resolve;
use super::table::Record;
use oriel_host::client::FoundState;
use oriel_host::schedule::Priority;
use oriel_host::{DesktopError, DesktopId, Hold, Sequence, Status, ViewerStream};
use oriel_vmm_api::ViewerMode;
use std::sync::Arc;
use tokio::sync::watch;
use tokio::time::Instant;

/// Command that starts, stops or resets a desktop's machine, by the host's method of the same name.
#[derive(Clone, Copy)]
enum PowerCommand {
    Start,
    Stop,
    ForceOff,
    Restart,
    Reset,
}

/// Handle of one desktop; clones share the desktop's viewers and status.
#[derive(Clone)]
pub struct DesktopHandle {
    shared: Arc<BrokerState>,
    hold: Hold,
    status: watch::Receiver<Status>,
    activity: watch::Sender<ViewerActivity>,
}

impl DesktopHandle {
    /// Makes a handle, and starts a task that sends the desktop's priority to the host when the viewers'
    /// activity changes it.
    pub(super) fn new(shared: Arc<BrokerState>, hold: Hold, status: watch::Receiver<Status>) -> Self {
        let (activity, watcher) = watch::channel(ViewerActivity::default());
        tokio::spawn(follow_activity(Arc::clone(&shared), hold.clone(), watcher));
        Self { shared, hold, status, activity }
    }

    /// Returns the desktop's identifier.
    pub fn id(&self) -> &DesktopId {
        &self.hold.desktop
    }

    /// Returns the desktop's mirrored status.
    pub fn status(&self) -> Status {
        self.status.borrow().clone()
    }

    /// Returns a receiver of the desktop's mirrored status and its changes.
    pub fn watch(&self) -> watch::Receiver<Status> {
        self.status.clone()
    }

    /// Counts a viewer until the returned guard is dropped.
    pub fn viewer_arrives(&self) -> ActiveViewer {
        activity::arrive(&self.activity);
        ActiveViewer { activity: self.activity.clone() }
    }

    /// Records an input of a viewer, which raises the desktop's priority.
    pub fn acted(&self) {
        activity::act(&self.activity);
    }

    /// Returns the desktop's priority, which follows from the activity of its viewers.
    pub fn priority(&self) -> Priority {
        self.activity.borrow().priority(Instant::now())
    }

    /// Opens a viewer's connection to the desktop's machine, as [`oriel_host::HostClient::open_viewer`] does.
    ///
    /// # Errors
    /// See [`oriel_host::HostClient::open_viewer`].
    pub async fn open_viewer(&self, mode: ViewerMode) -> Result<ViewerStream, DesktopError> {
        self.shared.host.open_viewer(&self.hold, mode).await
    }

    /// Starts the desktop with the present settings of its pool and its user, as
    /// [`oriel_host::HostClient::start`] does. Returns when the mirror shows the new state.
    ///
    /// # Errors
    /// The host refuses or fails the command, or the database fails.
    pub async fn start(&self) -> Result<(), BrokerError> {
        self.execute_detached(PowerCommand::Start).await
    }

    /// Requests a shutdown from the guest, as [`oriel_host::HostClient::stop`] does.
    ///
    /// # Errors
    /// See [`DesktopHandle::start`].
    pub async fn stop(&self) -> Result<(), BrokerError> {
        self.execute_detached(PowerCommand::Stop).await
    }

    /// Ends the desktop's machine without a shutdown of the guest, as [`oriel_host::HostClient::force_off`]
    /// does.
    ///
    /// # Errors
    /// See [`DesktopHandle::start`].
    pub async fn force_off(&self) -> Result<(), BrokerError> {
        self.execute_detached(PowerCommand::ForceOff).await
    }

    /// Stops the desktop and starts it again, as [`oriel_host::HostClient::restart`] does.
    ///
    /// # Errors
    /// See [`DesktopHandle::start`].
    pub async fn restart(&self) -> Result<(), BrokerError> {
        self.execute_detached(PowerCommand::Restart).await
    }

    /// Resets the desktop's machine, as [`oriel_host::HostClient::reset`] does.
    ///
    /// # Errors
    /// See [`DesktopHandle::start`].
    pub async fn reset(&self) -> Result<(), BrokerError> {
        self.execute_detached(PowerCommand::Reset).await
    }

    /// Executes a command in a task of its own, so that the command completes even if the caller's future is
    /// dropped: a viewer may disconnect while its desktop starts.
    async fn execute_detached(&self, command: PowerCommand) -> Result<(), BrokerError> {
        let handle = self.clone();
        let executed = tokio::spawn(async move { handle.execute(command).await }).await;
        executed.unwrap_or_else(|error| {
            Err(DesktopError::Internal(format!("The command for the desktop was interrupted: {error}."))
                .into())
        })
    }

    /// Sends a command to the host, and waits until the mirror shows the updates that the command caused.
    async fn execute(&self, command: PowerCommand) -> Result<(), BrokerError> {
        self.ensure().await?;
        let (host, hold) = (&self.shared.host, &self.hold);
        let sequence = match command {
            PowerCommand::Start => host.start(hold).await?,
            PowerCommand::Stop => host.stop(hold).await?,
            PowerCommand::ForceOff => host.force_off(hold).await?,
            PowerCommand::Restart => host.restart(hold).await?,
            PowerCommand::Reset => host.reset(hold).await?,
        };
        self.shared.mirror.shows(sequence).await;
        Ok(())
    }

    /// Sends the host the desktop's specification from the present settings of its pool and its user.
    async fn ensure(&self) -> Result<(), BrokerError> {
        let record = self.shared.table.get(self.hold.desktop.as_str()).await?;
        let record = record.ok_or_else(|| DesktopError::Conflict("This desktop has been removed.".into()))?;
        ensure(&self.shared, &self.hold, &record).await.map(drop)
    }
}

/// Sends a desktop's specification to the host, with the recorded state in case the host has no record.
///
/// # Errors
/// The host refuses or fails, or the database fails.
pub(super) async fn ensure(
    shared: &BrokerState,
    hold: &Hold,
    record: &Record,
) -> Result<Sequence, BrokerError> {
    let settings = shared.settings.get(&record.user_id).await?;
    let found = FoundState {
        state: record.state,
        reason: record.reason.clone(),
        since: record.since,
        pid: record.pid,
    };
    Ok(shared.host.ensure(hold, resolve(record, &settings), Some(found)).await?)
}

/// Sends the host each change of the desktop's priority, until the last handle is dropped.
async fn follow_activity(
    shared: Arc<BrokerState>,
    hold: Hold,
    mut activity: watch::Receiver<ViewerActivity>,
) {
    let mut now = Priority::Unwatched;
    while let Some(priority) = activity::changed(&mut activity, now).await {
        now = priority;
        match shared.host.set_priority(&hold, priority).await {
            // A desktop that never ran is unknown to the host, and has no processes.
            Ok(()) | Err(DesktopError::Unknown(_)) => {}
            Err(error) => tracing::warn!(desktop = %hold.desktop, %error, "a priority was not set"),
        }
    }
}

/// Guard that counts a viewer of a desktop until it is dropped.
pub struct ActiveViewer {
    activity: watch::Sender<ViewerActivity>,
}

impl Drop for ActiveViewer {
    fn drop(&mut self) {
        activity::leave(&self.activity);
    }
}
