//! Shutdown of all desktops before their host goes down, without the server: it may have ended already, and
//! desktops outlive it.
//!
//! Every running machine is requested to shut its guest down, all at once. A machine whose guest does not
//! comply within its own grace time (`stop_grace_s` of its configuration) is stopped. A server that runs
//! meanwhile follows the machines' states as always.

use crate::desktop::{is_alive, read_machine_config};
use crate::folder::{DesktopDir, HostDir};
use crate::hold::DesktopId;
use oriel_vmm_api::Command;
use oriel_vmm_api::client::{ClientError, ClientOptions, ControlClient};
use std::io;
use std::time::Duration;
use tokio::task::JoinSet;
use tokio::time::Instant;

/// Interval at which a machine that shuts down is checked.
const CHECK_INTERVAL: Duration = Duration::from_millis(100);
/// Time within which a stopped machine must end.
const STOP_TIMEOUT: Duration = Duration::from_secs(15);

/// Way in which the machine of a desktop ended, or that it did not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// The guest shut down.
    ShutDown,
    /// The guest did not shut down within this time, and the machine was stopped.
    Stopped(Duration),
    /// The machine still runs; the reason in one sentence.
    Running(String),
}

/// Shuts all running desktops of the host in `dir` down, and passes each with its outcome to `ended`, in the
/// order in which their machines end.
///
/// # Errors
/// The folder of the desktops cannot be read.
pub async fn shut_down_all(dir: &HostDir, mut ended: impl FnMut(DesktopId, Outcome)) -> io::Result<()> {
    let mut tasks = JoinSet::new();
    for entry in std::fs::read_dir(dir.desktops())? {
        let Ok(id) = DesktopId::new(entry?.file_name().to_string_lossy()) else { continue };
        let desktop = dir.desktop(&id);
        tasks.spawn(async move {
            let outcome = if is_alive(&desktop).await { Some(shut_down(&desktop).await) } else { None };
            (id, outcome)
        });
    }
    while let Some(finished) = tasks.join_next().await {
        if let (id, Some(outcome)) = finished.map_err(io::Error::other)? {
            ended(id, outcome);
        }
    }
    Ok(())
}

/// Shuts one running desktop down.
async fn shut_down(dir: &DesktopDir) -> Outcome {
    let grace = read_machine_config(dir).map_or(0, |config| config.stop_grace_s);
    let grace = Duration::from_secs(grace.into());
    // A machine that refuses is stopped after its grace time: its guest may still be starting.
    let requested = request(dir, Command::ShutDown).await;
    if ends_within(dir, grace).await {
        return Outcome::ShutDown;
    }
    let stopped = request(dir, Command::Stop).await;
    if ends_within(dir, STOP_TIMEOUT).await {
        return Outcome::Stopped(grace);
    }
    let reason = stopped.or(requested).err().map(|error| error.to_string());
    Outcome::Running(reason.unwrap_or_else(|| "it accepted the request to stop and did not end".into()))
}

/// Sends a command over a connection of its own.
async fn request(dir: &DesktopDir, command: Command) -> Result<(), ClientError> {
    let (mut client, _events) = ControlClient::connect(&dir.socket(), &ClientOptions::default()).await?;
    client.request(command).await.map(drop)
}

/// Waits for the end of a desktop's processes, and returns whether it came in time.
async fn ends_within(dir: &DesktopDir, time: Duration) -> bool {
    let until = Instant::now() + time;
    while is_alive(dir).await {
        if Instant::now() >= until {
            return false;
        }
        tokio::time::sleep(CHECK_INTERVAL).await;
    }
    true
}
