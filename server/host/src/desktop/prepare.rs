//! Bringing a machine up: the disk, the configuration, the process, the connection.

use super::control::{ControlLink, Events};
use super::machine_config::machine_config;
use super::process;
use crate::admission::Admitted;
use crate::context::HostContext;
use crate::folder::DesktopDir;
use crate::hold::DesktopId;
use crate::images::{DesktopImage, generation_id};
use crate::spec::DesktopSpec;
use oriel_vmm_api::{Description, ExitReport, MachineConfig};
use std::fs;
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::sync::Arc;
use std::time::Duration;
use tokio::process::Child;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

/// A machine that does not open its socket within this time is not coming.
const LONGEST_START: Duration = Duration::from_secs(60);
/// How often a new machine's socket is tried.
const TRY_EVERY: Duration = Duration::from_millis(25);
/// A socket's path has at most so many bytes (unix(7), less the final zero).
const LONGEST_SOCKET_PATH: usize = 107;

/// A machine that answers.
pub(crate) struct RunningMachine {
    pub link: ControlLink,
    pub events: Events,
    pub description: Description,
}

/// Why no machine came up.
pub(crate) enum PrepareError {
    /// Someone stopped the desktop meanwhile.
    Cancelled,
    /// One sentence.
    Failed(String),
}

impl From<String> for PrepareError {
    fn from(text: String) -> Self {
        Self::Failed(text)
    }
}

/// A step of a start.
pub(crate) enum Step {
    /// What is being done; one sentence.
    Progress(&'static str),
    /// The machine's process runs; it leads its process group.
    Started(u32),
}

/// Brings the machine of a desktop up, and tells of each step. What fails leaves nothing half made.
pub(crate) async fn prepare(
    context: Arc<HostContext>,
    id: DesktopId,
    spec: DesktopSpec,
    admitted: Admitted,
    steps: mpsc::Sender<Step>,
    cancelled: CancellationToken,
) -> Result<RunningMachine, PrepareError> {
    let dir = context.dir.desktop(&id);
    if dir.socket().as_os_str().len() > LONGEST_SOCKET_PATH {
        return Err(PrepareError::Failed(format!(
            "The path {} is too long for a socket; move the state folder to a shorter one.",
            dir.socket().display()
        )));
    }
    let base = DesktopImage::make(&context.images, &context.disks, &dir, &spec.image).await?;
    let written = generation_id(&dir).and_then(|generation| {
        write_config(&dir, &machine_config(&id, &spec, &dir, &base, &admitted, generation))
    });
    written.map_err(|error| {
        format!("The desktop's folder {} cannot be written ({error}); check the disk.", dir.root().display())
    })?;
    if cancelled.is_cancelled() {
        return Err(PrepareError::Cancelled);
    }
    // The actor that listens to the steps outlives this task.
    let _ = steps.send(Step::Progress("Starting the machine.")).await;
    let entrance = context.cgroup(&id, &spec, admitted.choice.accel)?;
    let child =
        process::spawn(context.probe.vmm(), &dir, entrance).await.map_err(|error| match error.kind() {
            io::ErrorKind::WouldBlock => {
                "The desktop's earlier machine has not ended yet; try again in a moment.".to_owned()
            }
            _ => format!(
                "The machine program {} cannot be run ({error}); set `vmm` in the configuration.",
                context.probe.vmm().display()
            ),
        })?;
    let pid = child.id();
    if let Some(pid) = pid {
        let _ = steps.send(Step::Started(pid)).await;
    }
    let up = await_socket(&dir, child, &cancelled).await;
    if let (Err(_), Some(pid)) = (&up, pid)
        && process::is_alive(&dir).await
    {
        process::kill_group(pid);
    }
    up
}

fn write_config(dir: &DesktopDir, config: &MachineConfig) -> io::Result<()> {
    // What an earlier machine left behind would be taken for the new one's.
    for stale in [dir.socket(), dir.exit_report()] {
        match fs::remove_file(stale) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
    }
    let text = serde_json::to_vec_pretty(config)?;
    let file =
        fs::File::options().write(true).create(true).truncate(true).mode(0o600).open(dir.machine_config())?;
    io::Write::write_all(&mut &file, &text)
}

async fn await_socket(
    dir: &DesktopDir,
    mut child: Child,
    cancelled: &CancellationToken,
) -> Result<RunningMachine, PrepareError> {
    let connect = async {
        loop {
            if let Ok((link, events, description)) = ControlLink::connect(&dir.socket()).await {
                return RunningMachine { link, events, description };
            }
            tokio::time::sleep(TRY_EVERY).await;
        }
    };
    let outcome = tokio::select! {
        up = tokio::time::timeout(LONGEST_START, connect) => match up {
            Ok(up) => Ok(up),
            Err(_) => Err(PrepareError::Failed(format!(
                "The desktop's machine did not answer for a minute; see {}.", dir.vmm_log().display()
            ))),
        },
        status = child.wait() => Err(PrepareError::Failed(match read_exit_report(dir) {
            Some(report) => report.text,
            None => format!(
                "The desktop's machine ended at once ({}); see {}.",
                status.map_or_else(|error| error.to_string(), |status| status.to_string()),
                dir.vmm_log().display()
            ),
        })),
        () = cancelled.cancelled() => Err(PrepareError::Cancelled),
    };
    // The process is found by its lock and its socket; this task only takes away its remains.
    tokio::spawn(async move { child.wait().await });
    outcome
}

/// The exit report that the machine's process left behind, if it did.
pub(super) fn read_exit_report(dir: &DesktopDir) -> Option<ExitReport> {
    let text = fs::read(dir.exit_report()).ok()?;
    serde_json::from_slice(&text).ok()
}
