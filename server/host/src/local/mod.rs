//! [`LocalHost`]: the host that runs in the control plane's process and manages the desktops of this
//! computer.
//!
//! It passes each command to the desktop's actor in `desktop`, and answers reports from the state that the
//! actors share.

mod viewer;

pub use crate::context::HostSettings;

use crate::admission::{Capacity, choose};
use crate::client::{
    DesktopLog, FoundState, HostClient, HostMetrics, HostReport, MachinePlan, Updates, ViewerStream,
};
use crate::context::HostContext;
use crate::desktop::{Actor, CommandRequest, DesktopCommand, Record, describe, open_viewer};
use crate::error::DesktopError;
use crate::folder::{HostDir, is_no_space, sync_folder};
use crate::hold::{DesktopId, Hold};
use crate::images::{DesktopImage, ImageStore, RunsAt, Version};
use crate::schedule::{Cgroups, Priority};
use crate::spec::DesktopSpec;
use crate::status::{Sequence, State, Status};
use async_trait::async_trait;
use futures_util::future::join_all;
use oriel_vmm_api::{Description, ViewerMode};
use parking_lot::Mutex;
use std::collections::HashMap;
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{mpsc, oneshot};

/// Time within which a machine must answer a request for its description.
const LONGEST_LOOK: Duration = Duration::from_secs(2);
/// Capacity of the channel of commands to an actor.
const COMMANDS: usize = 16;
/// Maximum number of bytes that are read from the end of a log.
const LONGEST_LOG: u64 = 64 * 1024;

/// Host for the desktops of this computer.
pub struct LocalHost {
    context: Arc<HostContext>,
    handles: Mutex<HashMap<DesktopId, DesktopHandle>>,
    /// Desktops whose records cannot be used, each with the reason in one sentence.
    unusable: HashMap<DesktopId, String>,
    /// Lock around the creation and deletion of a desktop, so that a desktop has one actor.
    making: tokio::sync::Mutex<()>,
}

/// Sender of commands to a desktop's actor, and the desktop's recorded hold.
#[derive(Clone)]
struct DesktopHandle {
    commands: mpsc::Sender<CommandRequest>,
    hold: Arc<Mutex<Hold>>,
}

impl LocalHost {
    /// Opens a host: starts an actor for each recorded desktop, and adopts the machines that still run. A
    /// desktop whose record cannot be used is [`State::Failed`] and refuses commands. `vmm` is the path of
    /// the program `oriel-vmm`.
    ///
    /// It must be called on a tokio runtime, on which the actors then run.
    ///
    /// # Errors
    /// One sentence: the folder of the desktops cannot be read. Desktops would otherwise count as unknown, and
    /// their records be replaced.
    pub async fn open(
        settings: HostSettings,
        dir: HostDir,
        images: ImageStore,
        vmm: PathBuf,
        cgroups: Result<Cgroups, String>,
    ) -> Result<Self, String> {
        let context = Arc::new(HostContext::new(settings, dir.clone(), images, vmm, cgroups));
        let desktops = dir.desktops();
        let found = tokio::task::spawn_blocking(move || read_records(&dir)).await;
        let found = found.map_err(io::Error::other).and_then(|found| found).map_err(|error| {
            format!("The folder {} cannot be read ({error}); check the disk.", desktops.display())
        })?;
        let mut unusable = HashMap::new();
        let mut handles = HashMap::new();
        for (id, record) in found {
            match record {
                Ok(record) => {
                    handles.insert(id, spawn(&context, record));
                }
                Err(text) => {
                    tracing::error!(desktop = %id, text, "a desktop's record cannot be used");
                    let status = Status::recorded(State::Failed, Some(text.clone()), crate::unix_now());
                    context.updates.insert(&id, status);
                    unusable.insert(id, text);
                }
            }
        }
        Ok(Self { context, handles: Mutex::new(handles), unusable, making: tokio::sync::Mutex::default() })
    }

    /// Returns the handle of a desktop.
    ///
    /// # Errors
    /// [`DesktopError::Unavailable`] for an unusable record, [`DesktopError::Unknown`] for an unknown
    /// desktop.
    fn handle(&self, desktop: &DesktopId) -> Result<DesktopHandle, DesktopError> {
        if let Some(text) = self.unusable.get(desktop) {
            return Err(DesktopError::Unavailable(text.clone()));
        }
        let handle = self.handles.lock().get(desktop).cloned();
        // The actor of a deleted desktop has ended.
        let handle = handle.filter(|handle| !handle.commands.is_closed());
        handle.ok_or_else(|| DesktopError::Unknown(desktop.clone()))
    }

    /// Starts the actor of an unknown desktop, and returns whether the desktop is new. The record in the
    /// desktop's folder, which may have been put back from a backup, comes before what the control plane gives.
    async fn make_known(
        &self,
        hold: &Hold,
        spec: &DesktopSpec,
        found: Option<FoundState>,
    ) -> Result<bool, DesktopError> {
        let _making = self.making.lock().await;
        if self.handle(&hold.desktop).is_ok() {
            return Ok(false);
        }
        let (host, id) = (self.context.dir.clone(), hold.desktop.clone());
        let recorded = tokio::task::spawn_blocking(move || {
            let recorded = read_record(&host, &id).map_err(DesktopError::Unavailable)?;
            if recorded.is_none() {
                let dir = host.desktop(&id);
                dir.make().and_then(|()| sync_folder(&host.desktops())).map_err(|error| {
                    let path = dir.root().display();
                    if is_no_space(&error) {
                        return DesktopError::NoRoom(format!(
                            "There is no room for the folder {path}; make room on the disk and try again."
                        ));
                    }
                    DesktopError::Internal(format!("The folder {path} cannot be made: {error}."))
                })?;
            }
            Ok(recorded)
        });
        let recorded = recorded.await.map_err(|error| DesktopError::Internal(error.to_string()))??;
        let new = recorded.is_none();
        let record = match recorded {
            Some(record) => record,
            None => {
                let mut record = Record::new(hold.clone(), spec.clone(), found);
                record.write(&self.context.dir.desktop(&hold.desktop)).await?;
                record
            }
        };
        self.handles.lock().insert(hold.desktop.clone(), spawn(&self.context, record));
        Ok(new)
    }

    /// Sends a command to the desktop's actor, and waits for the reply.
    async fn command(&self, hold: &Hold, command: DesktopCommand) -> Result<Sequence, DesktopError> {
        let handle = self.handle(&hold.desktop)?;
        let ended = || {
            DesktopError::Internal(
                "The desktop was deleted, or its task failed; reload the page and try again.".into(),
            )
        };
        let (reply, answer) = oneshot::channel();
        let request = CommandRequest { hold: hold.clone(), command, reply };
        handle.commands.send(request).await.map_err(|_| ended())?;
        answer.await.map_err(|_| ended())?
    }
}

/// Starts the actor of a recorded desktop.
fn spawn(context: &Arc<HostContext>, record: Record) -> DesktopHandle {
    let (commands, requests) = mpsc::channel(COMMANDS);
    let hold = Arc::new(Mutex::new(record.hold.clone()));
    Actor::spawn(Arc::clone(context), record, Arc::clone(&hold), requests);
    DesktopHandle { commands, hold }
}

/// Reads the records of all desktops' folders; a record that cannot be used is one sentence.
///
/// # Errors
/// The folder of the desktops cannot be read.
fn read_records(dir: &HostDir) -> io::Result<Vec<(DesktopId, Result<Record, String>)>> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(dir.desktops())? {
        let Ok(id) = DesktopId::new(entry?.file_name().to_string_lossy()) else { continue };
        if let Some(record) = read_record(dir, &id).transpose() {
            found.push((id, record));
        }
    }
    Ok(found)
}

/// Reads the record of a desktop; `None` if the desktop has none.
///
/// # Errors
/// One sentence: the record cannot be used, or belongs to another desktop.
fn read_record(dir: &HostDir, id: &DesktopId) -> Result<Option<Record>, String> {
    match Record::read(&dir.desktop(id)) {
        Ok(Some(record)) if record.hold.desktop != *id => Err(format!(
            "The folder of the desktop {id} holds the record of {}; put each folder back where it was.",
            record.hold.desktop
        )),
        Ok(record) => Ok(record),
        Err(error) => Err(error.to_string()),
    }
}

#[async_trait]
impl HostClient for LocalHost {
    async fn facts(&self) -> Result<HostReport, String> {
        let facts = self.context.probe.facts().await?;
        Ok(HostReport { facts, capacity: Capacity::of_this_host(&self.context.settings.reserve) })
    }

    async fn ensure(
        &self,
        hold: &Hold,
        spec: DesktopSpec,
        found: Option<FoundState>,
    ) -> Result<Sequence, DesktopError> {
        match self.handle(&hold.desktop) {
            Err(DesktopError::Unknown(_)) => {
                if self.make_known(hold, &spec, found).await? {
                    return Ok(self.context.updates.sequence());
                }
            }
            // Without the lock: one desktop that does not answer holds up no other.
            Ok(_) => {}
            Err(error) => return Err(error),
        }
        self.command(hold, DesktopCommand::Ensure(Box::new(spec))).await
    }

    async fn start(&self, hold: &Hold) -> Result<Sequence, DesktopError> {
        self.command(hold, DesktopCommand::Start).await
    }

    async fn stop(&self, hold: &Hold) -> Result<Sequence, DesktopError> {
        self.command(hold, DesktopCommand::Stop).await
    }

    async fn force_off(&self, hold: &Hold) -> Result<Sequence, DesktopError> {
        self.command(hold, DesktopCommand::ForceOff).await
    }

    async fn restart(&self, hold: &Hold) -> Result<Sequence, DesktopError> {
        self.command(hold, DesktopCommand::Restart).await
    }

    async fn reset(&self, hold: &Hold) -> Result<Sequence, DesktopError> {
        self.command(hold, DesktopCommand::Reset).await
    }

    async fn delete(&self, hold: &Hold) -> Result<Sequence, DesktopError> {
        let handle = self.handle(&hold.desktop).ok();
        let sequence = match self.command(hold, DesktopCommand::Delete).await {
            Err(DesktopError::Unknown(_)) => return Ok(self.context.updates.sequence()),
            deleted => deleted?,
        };
        // Not the handle of a desktop that was created again meanwhile.
        let mut handles = self.handles.lock();
        if let (Some(handle), Some(current)) = (handle, handles.get(&hold.desktop))
            && current.commands.same_channel(&handle.commands)
        {
            handles.remove(&hold.desktop);
        }
        Ok(sequence)
    }

    async fn watch(&self) -> Result<Updates, String> {
        Ok(self.context.updates.watch())
    }

    async fn set_priority(&self, hold: &Hold, priority: Priority) -> Result<(), DesktopError> {
        self.command(hold, DesktopCommand::SetPriority(priority)).await.map(drop)
    }

    async fn plan(&self, desktop: &DesktopId, spec: &DesktopSpec) -> MachinePlan {
        let context = &self.context;
        let image = DesktopImage::of(&context.images, &context.dir.desktop(desktop), &spec.image)
            .map(|base| base.image)
            .map_err(|error| error.to_string());
        let runs_at = image.as_ref().map_or(RunsAt::Kernel, |image| image.runs_at);
        let machine = async {
            let facts = context.probe.facts().await?;
            let image = image?;
            choose(spec.machine, image.runs_at, image.kernel.is_some(), &facts)
        };
        MachinePlan { machine: machine.await, runs_at }
    }

    async fn images(&self) -> Result<Vec<Version>, String> {
        let images = &self.context.images;
        let names = images.names().map_err(|error| error.to_string())?;
        // A damaged image is reported when a desktop starts from it.
        Ok(names.iter().filter_map(|name| images.newest(name).ok()).collect())
    }

    async fn metrics(&self) -> HostMetrics {
        let reachable = self.context.updates.reachable();
        let asked = reachable.iter().map(|id| {
            let socket = self.context.dir.desktop(id).socket();
            async move {
                let description = tokio::time::timeout(LONGEST_LOOK, describe(&socket)).await.ok()??;
                // A compromised machine may say that it is another desktop's.
                Some(Description { id: id.to_string(), ..description })
            }
        });
        let descriptions = join_all(asked).await.into_iter().flatten().collect();
        HostMetrics { reachable, descriptions }
    }

    async fn logs(&self, desktop: &DesktopId, log: DesktopLog) -> Result<Vec<u8>, String> {
        let dir = self.context.dir.desktop(desktop);
        let path = match log {
            DesktopLog::Machine => dir.vmm_log(),
            DesktopLog::SerialConsole => dir.serial_log(),
        };
        let read = {
            let path = path.clone();
            tokio::task::spawn_blocking(move || read_log(&path)).await
        };
        let read = read.map_err(io::Error::other).and_then(|read| read);
        read.map_err(|error| format!("The log {} cannot be read ({error}).", path.display()))
    }

    async fn open_viewer(&self, hold: &Hold, mode: ViewerMode) -> Result<ViewerStream, DesktopError> {
        let handle = self.handle(&hold.desktop)?;
        {
            let recorded = handle.hold.lock();
            if hold.disk != recorded.disk {
                return Err(DesktopError::OtherDisk(hold.desktop.clone()));
            }
            if hold.epoch < recorded.epoch {
                return Err(DesktopError::StaleEpoch { given: hold.epoch, recorded: recorded.epoch });
            }
        }
        let socket = self.context.dir.desktop(&hold.desktop).socket();
        let opened = open_viewer(&socket, mode).await.map_err(|error| {
            DesktopError::Unavailable(format!("The desktop's machine accepts no viewer: {error}."))
        })?;
        Ok(viewer::counted(Arc::clone(&self.context), &hold.desktop, opened))
    }
}

/// Reads the last [`LONGEST_LOG`] bytes of a log, which its writer rotates between `path` and `path.1`.
fn read_log(path: &Path) -> io::Result<Vec<u8>> {
    let mut previous = path.as_os_str().to_owned();
    previous.push(".1");
    let end = read_end(path, LONGEST_LOG)?;
    let mut log = read_end(Path::new(&previous), LONGEST_LOG.saturating_sub(end.len() as u64))?;
    log.extend_from_slice(&end);
    Ok(log)
}

/// Reads the last `longest` bytes of a file; empty if there is no file.
fn read_end(path: &Path, longest: u64) -> io::Result<Vec<u8>> {
    let mut file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(error),
    };
    let length = file.metadata()?.len();
    file.seek(SeekFrom::Start(length.saturating_sub(longest)))?;
    let mut end = Vec::new();
    file.take(longest).read_to_end(&mut end)?;
    Ok(end)
}
