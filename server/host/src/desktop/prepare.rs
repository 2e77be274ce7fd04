//! Preparation of a machine: root disk, configuration, control group, process, control connection.
//!
//! It runs in a task of its own, so that the actor stays responsive, and reports its steps to the actor.

use super::control::{ControlLink, Events};
use super::early_output::EarlyOutput;
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

/// Time within which a new machine must accept a control connection.
const LONGEST_START: Duration = Duration::from_secs(60);
/// Interval between attempts to connect to a new machine's socket.
const TRY_EVERY: Duration = Duration::from_millis(25);
/// Maximum length of a socket's path in bytes (unix(7), without the final zero).
const LONGEST_SOCKET_PATH: usize = 107;

/// Machine with an open control connection.
pub(crate) struct RunningMachine {
    /// Sending half of the control connection.
    pub link: ControlLink,
    /// Receiving half of the control connection.
    pub events: Events,
    /// Description of the machine at the time of the connection.
    pub description: Description,
}

/// Reason for which no machine was started.
pub(crate) enum PrepareError {
    /// The desktop was stopped during the preparation.
    Cancelled,
    /// The preparation failed; one sentence.
    Failed(String),
}

impl From<String> for PrepareError {
    fn from(text: String) -> Self {
        Self::Failed(text)
    }
}

/// Step of a preparation.
pub(crate) enum Step {
    /// A step begins, described in one sentence.
    Progress(&'static str),
    /// The machine's process runs; the number is that of its process group's leader.
    Started(u32),
}

/// Makes the root disk if it is missing, writes the configuration, starts the machine's process and connects
/// to it. A failure after the process has started kills the process group. A root disk that was made stays.
///
/// # Errors
/// The preparation was cancelled or failed.
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
    let grace = context.settings.stop_grace_of(admitted.choice.accel);
    let written = generation_id(&dir).and_then(|generation| {
        write_config(&dir, &machine_config(&id, &spec, &dir, &base, &admitted, generation, grace))
    });
    written.map_err(|error| {
        format!("The desktop's folder {} cannot be written ({error}); check the disk.", dir.root().display())
    })?;
    if cancelled.is_cancelled() {
        return Err(PrepareError::Cancelled);
    }
    // The receiver is the actor, which outlives this task.
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

/// Writes the machine's configuration, and removes the socket and the exit report of an earlier machine,
/// which could be mistaken for the new one's.
fn write_config(dir: &DesktopDir, config: &MachineConfig) -> io::Result<()> {
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

/// Connects to the socket of a new machine, as soon as it listens.
///
/// # Errors
/// The machine ended or did not listen within [`LONGEST_START`], or the preparation was cancelled.
async fn await_socket(
    dir: &DesktopDir,
    mut child: Child,
    cancelled: &CancellationToken,
) -> Result<RunningMachine, PrepareError> {
    let early = EarlyOutput::read(child.stderr.take());
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
        status = child.wait() => Err(PrepareError::Failed(match (read_exit_report(dir), early.last_line().await) {
            (Some(report), _) => report.text,
            (None, Some(line)) => format!("The desktop's machine did not start: {line}"),
            (None, None) => format!(
                "The desktop's machine ended during its start ({}); see {}.",
                status.map_or_else(|error| error.to_string(), |status| status.to_string()),
                dir.vmm_log().display()
            ),
        })),
        () = cancelled.cancelled() => Err(PrepareError::Cancelled),
    };
    // The process is found by its lock and its socket; this task only reaps it.
    tokio::spawn(async move { child.wait().await });
    outcome
}

/// Reads the configuration of the desktop's last machine; `None` if there is no valid one.
pub(crate) fn read_machine_config(dir: &DesktopDir) -> Option<MachineConfig> {
    let text = fs::read(dir.machine_config()).ok()?;
    serde_json::from_slice(&text).ok()
}

/// Reads the exit report of the desktop's last machine; `None` if there is no valid report.
pub(super) fn read_exit_report(dir: &DesktopDir) -> Option<ExitReport> {
    let text = fs::read(dir.exit_report()).ok()?;
    serde_json::from_slice(&text).ok()
}
