//! `oriel desktops`: commands to all desktops of this host.

use super::{audit, console};
use crate::config::Config;
use crate::state::{StateDir, open_database};
use clap::Subcommand;
use oriel_host::shut_down::{Outcome, shut_down_all};

#[derive(Subcommand)]
pub(super) enum DesktopsCommand {
    /// Shut all running desktops down, as before the host goes down
    ShutDown,
}

/// Runs a command to all desktops.
///
/// # Errors
/// One sentence that says what to do.
pub(super) async fn run(command: DesktopsCommand, config: &Config) -> Result<(), String> {
    let DesktopsCommand::ShutDown = command;
    let state = StateDir::open(&config.state_dir)?;
    let mut running = 0;
    let mut ended = 0;
    shut_down_all(state.host_dir(), |id, outcome| match outcome {
        Outcome::ShutDown => {
            ended += 1;
            console::line(&format!("{id}: shut down"));
        }
        Outcome::Stopped(grace) => {
            ended += 1;
            console::line(&format!("{id}: did not shut down within {} s and was stopped", grace.as_secs()));
        }
        Outcome::Running(reason) => {
            running += 1;
            console::warn(&format!("The desktop {id} still runs: {reason}."));
        }
    })
    .await
    .map_err(|error| format!("The desktops of {} cannot be listed ({error}).", state.root().display()))?;
    if ended > 0 {
        // The host goes down: what the database lacks must not keep desktops running.
        let recorded = async {
            let db = open_database(&state).await?;
            audit::record(&db, "desktops.shut-down", "", &format!("{ended} ended, {running} still run")).await
        };
        if let Err(text) = recorded.await {
            console::warn(&text);
        }
    }
    match running {
        0 => Ok(()),
        1 => Err("A desktop still runs; see its log.".into()),
        count => Err(format!("{count} desktops still run; see their logs.")),
    }
}
