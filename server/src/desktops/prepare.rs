//! Bringing a machine up: the disk, the configuration, the process, the connection.

use super::admission::Admitted;
use super::base::{Base, generation};
use super::control::{ControlLink, Events};
use super::directory::World;
use super::machine_config::machine_config;
use super::process;
use super::table::Record;
use crate::state::DesktopDir;
use oriel_vmm_api::{Description, ExitReport};
use std::fs;
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::sync::Arc;
use std::time::Duration;
use tokio::process::Child;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

/// A machine that does not open its socket within this time is not coming.
const LONGEST_START: Duration = Duration::from_secs(60);
/// How often a new machine's socket is tried.
const TRY_EVERY: Duration = Duration::from_millis(25);
/// A socket's path has at most so many bytes (unix(7), less the final zero).
const LONGEST_SOCKET_PATH: usize = 107;

/// A machine that answers.
pub(super) struct Up {
    pub link: ControlLink,
    pub events: Events,
    pub description: Description,
    /// The leader of its processes' group, if it was started just now.
    pub pid: Option<u32>,
}

/// Why there is none.
pub(super) enum PrepareError {
    /// Someone stopped the desktop meanwhile.
    CalledOff,
    /// One sentence.
    Failed(String),
}

impl From<String> for PrepareError {
    fn from(text: String) -> Self {
        Self::Failed(text)
    }
}

/// Does all of it. What fails leaves nothing half made.
pub(super) async fn prepare(
    world: Arc<World>,
    record: Record,
    admitted: Admitted,
    progress: watch::Sender<String>,
    called_off: CancellationToken,
) -> Result<Up, PrepareError> {
    let dir = world.state.desktop(&record.id);
    if dir.socket().as_os_str().len() > LONGEST_SOCKET_PATH {
        return Err(PrepareError::Failed(format!(
            "The path {} is too long for a socket; move the state folder to a shorter one.",
            dir.socket().display()
        )));
    }
    let base = Base::establish(&world.images, &world.disks, &dir, &record).await?;
    let settings = world
        .settings
        .get(&record.person_id)
        .await
        .map_err(|error| format!("The database failed: {error}."))?;
    let written = generation(&dir).and_then(|generation| {
        write_config(&dir, &machine_config(&record, &dir, &base, &admitted, &settings, generation))
    });
    written.map_err(|error| {
        format!("The desktop's folder {} cannot be written ({error}); check the disk.", dir.root().display())
    })?;
    if called_off.is_cancelled() {
        return Err(PrepareError::CalledOff);
    }
    progress.send_replace("Starting the machine.".into());
    let entrance = world.cgroup(&record, admitted.choice.accel)?;
    let child =
        process::spawn(world.probe.vmm(), &dir, entrance).await.map_err(|error| match error.kind() {
            io::ErrorKind::WouldBlock => {
                "The desktop's earlier machine has not ended yet; try again in a moment.".to_owned()
            }
            _ => format!(
                "The machine program {} cannot be run ({error}); set `vmm` in the configuration.",
                world.probe.vmm().display()
            ),
        })?;
    let pid = child.id();
    world.table.set_pid(&record.id, pid).await.map_err(|error| format!("The database failed: {error}."))?;
    let up = await_socket(&dir, child, &called_off).await;
    if let (Err(_), Some(pid)) = (&up, pid)
        && process::is_alive(&dir).await
    {
        process::kill_group(pid);
    }
    up
}

fn write_config(dir: &DesktopDir, config: &oriel_vmm_api::MachineConfig) -> io::Result<()> {
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
    called_off: &CancellationToken,
) -> Result<Up, PrepareError> {
    let pid = child.id();
    let connect = async {
        loop {
            if let Ok((link, events, description)) = ControlLink::connect(&dir.socket()).await {
                return Up { link, events, description, pid };
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
            Some(words) => words.text,
            None => format!(
                "The desktop's machine ended at once ({}); see {}.",
                status.map_or_else(|error| error.to_string(), |status| status.to_string()),
                dir.vmm_log().display()
            ),
        })),
        () = called_off.cancelled() => Err(PrepareError::CalledOff),
    };
    // The process is found by its lock and its socket; this task only takes away its remains.
    tokio::spawn(async move { child.wait().await });
    outcome
}

/// What the machine's process left behind, if it did.
pub(super) fn read_exit_report(dir: &DesktopDir) -> Option<ExitReport> {
    serde_json::from_slice(&fs::read(dir.exit_report()).ok()?).ok()
}
