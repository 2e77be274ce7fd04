//! One desktop as the gateway and the API use it: orders to its host, and what the host tells of it.

use super::activity::{self, ViewerActivity};
use super::broker::Shared;
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

/// Command that starts, stops or resets a desktop's machine; each variant is the host's method of the same name.
#[derive(Clone, Copy)]
enum PowerCommand {
    Start,
    Stop,
    ForceOff,
    Restart,
    Reset,
}

/// The way to one desktop.
#[derive(Clone)]
pub struct DesktopHandle {
    shared: Arc<Shared>,
    hold: Hold,
    status: watch::Receiver<Status>,
    activity: watch::Sender<ViewerActivity>,
}

impl DesktopHandle {
    /// A handle, and a task that keeps the desktop's priority on its host in step with the activity there.
    pub(super) fn new(shared: Arc<Shared>, hold: Hold, status: watch::Receiver<Status>) -> Self {
        let (activity, watcher) = watch::channel(ViewerActivity::default());
        tokio::spawn(follow_activity(Arc::clone(&shared), hold.clone(), watcher));
        Self { shared, hold, status, activity }
    }

    /// The desktop's identifier.
    pub fn id(&self) -> &DesktopId {
        &self.hold.desktop
    }

    /// The desktop at this moment.
    pub fn status(&self) -> Status {
        self.status.borrow().clone()
    }

    /// The desktop from now on.
    pub fn watch(&self) -> watch::Receiver<Status> {
        self.status.clone()
    }

    /// Counts a viewer as present for as long as the returned value is kept.
    pub fn viewer_arrives(&self) -> ActiveViewer {
        activity::arrive(&self.activity);
        ActiveViewer { activity: self.activity.clone() }
    }

    /// Notes that a viewer typed or pointed.
    pub fn acted(&self) {
        activity::act(&self.activity);
    }

    /// How much the desktop matters to people now.
    pub fn priority(&self) -> Priority {
        self.activity.borrow().priority(Instant::now())
    }

    /// Connects a viewer to the desktop's machine.
    ///
    /// # Errors
    /// The machine does not answer, or refuses the viewer.
    pub async fn open_viewer(&self, mode: ViewerMode) -> Result<ViewerStream, DesktopError> {
        self.shared.host.open_viewer(&self.hold, mode).await
    }

    /// Starts the desktop as its pool and its user's settings are now; no error if it runs already.
    ///
    /// # Errors
    /// The host refuses or fails, or the database does.
    pub async fn start(&self) -> Result<(), BrokerError> {
        self.execute_detached(PowerCommand::Start).await
    }

    /// Asks the guest to shut down.
    ///
    /// # Errors
    /// See [`DesktopHandle::start`].
    pub async fn stop(&self) -> Result<(), BrokerError> {
        self.execute_detached(PowerCommand::Stop).await
    }

    /// Ends the desktop's machine at once.
    ///
    /// # Errors
    /// See [`DesktopHandle::start`].
    pub async fn force_off(&self) -> Result<(), BrokerError> {
        self.execute_detached(PowerCommand::ForceOff).await
    }

    /// Asks the guest to shut down, and starts the desktop again.
    ///
    /// # Errors
    /// See [`DesktopHandle::start`].
    pub async fn restart(&self) -> Result<(), BrokerError> {
        self.execute_detached(PowerCommand::Restart).await
    }

    /// Resets the desktop's machine.
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

    /// Gives the host the desktop as its pool and its user's settings are now.
    async fn ensure(&self) -> Result<(), BrokerError> {
        let record = self.shared.table.get(self.hold.desktop.as_str()).await?;
        let record = record.ok_or_else(|| DesktopError::Conflict("This desktop has been removed.".into()))?;
        ensure(&self.shared, &self.hold, &record).await.map(drop)
    }
}

/// Gives a host a desktop; one that the host has no record of is in the state that was recorded here.
pub(super) async fn ensure(shared: &Shared, hold: &Hold, record: &Record) -> Result<Sequence, BrokerError> {
    let settings = shared.settings.get(&record.user_id).await?;
    let found = FoundState {
        state: record.state,
        reason: record.reason.clone(),
        since: record.since,
        pid: record.pid,
    };
    Ok(shared.host.ensure(hold, resolve(record, &settings), Some(found)).await?)
}

async fn follow_activity(shared: Arc<Shared>, hold: Hold, mut activity: watch::Receiver<ViewerActivity>) {
    let mut now = Priority::Unwatched;
    while let Some(priority) = activity::changed(&mut activity, now).await {
        now = priority;
        match shared.host.set_priority(&hold, priority).await {
            // A desktop that never ran has no processes to weigh.
            Ok(()) | Err(DesktopError::Unknown(_)) => {}
            Err(error) => tracing::warn!(desktop = %hold.desktop, %error, "a priority was not set"),
        }
    }
}

/// A viewer who is present until this is dropped.
pub struct ActiveViewer {
    activity: watch::Sender<ViewerActivity>,
}

impl Drop for ActiveViewer {
    fn drop(&mut self) {
        activity::leave(&self.activity);
    }
}
