//! `oriel network`: applies and removes the egress rules of TAP interfaces.
//!
//! The rules need root, and the database belongs to the state folder's owner. So root's process never opens
//! the database: it asks a process of the owner for the pools, checks what that answers, and has it record.

use super::network_pools::{PoolNetwork, StateProcess, read_pools};
use super::{audit, console};
use crate::config::Config;
use crate::state::{StateDir, open_database};
use clap::Subcommand;
use oriel_host::network::{
    FilteredInterface, NetworkSetting, TapInterface, apply, matching, name_servers, render, render_removal,
    tap_interfaces,
};
use std::path::Path;

#[derive(Subcommand)]
pub(super) enum NetworkCommand {
    /// Apply the egress rules of all pools to their TAP interfaces; needs root
    Apply {
        /// Print the rules as a script for nft, and change nothing
        #[arg(long)]
        print: bool,
    },
    /// Remove the egress rules: TAP interfaces then reach whatever the host allows; needs root
    Remove,
    /// Print the networks of all pools as JSON, for `apply`
    #[command(hide = true)]
    Pools,
    /// Record what `apply` or `remove` did, with the detail on standard input
    #[command(hide = true)]
    Record {
        /// The action in the audit log
        action: RecordedAction,
    },
}

/// Action that the network commands record.
#[derive(Clone, Copy, clap::ValueEnum)]
pub(super) enum RecordedAction {
    /// The rules were applied
    Apply,
    /// The rules were removed
    Remove,
}

impl RecordedAction {
    /// Returns the action's name in the audit log.
    fn as_str(self) -> &'static str {
        match self {
            Self::Apply => "network.apply",
            Self::Remove => "network.remove",
        }
    }

    /// Returns the action's name on the command line.
    fn argument(self) -> &'static str {
        match self {
            Self::Apply => "apply",
            Self::Remove => "remove",
        }
    }
}

impl NetworkCommand {
    /// Returns whether the command changes the host's rules. It then runs with the rights of its caller, and
    /// must not open the state folder.
    pub(super) fn changes_host(&self) -> bool {
        matches!(self, Self::Apply { print: false } | Self::Remove)
    }
}

/// Runs a network command. `state` starts commands as the state folder's owner.
///
/// # Errors
/// One sentence that says what to do.
pub(super) async fn run(
    command: NetworkCommand,
    config: &Config,
    state: &StateProcess,
) -> Result<(), String> {
    match command {
        NetworkCommand::Apply { print: false } => {
            let pools = state.pools().await?;
            let (script, told) = rules(&pools, &interfaces()?)?;
            perform(state, RecordedAction::Apply, &told.join("; "), apply(&script)).await?;
            told.iter().for_each(|line| console::line(line));
        }
        NetworkCommand::Apply { print: true } => {
            console::print(&rules(&own_pools(config).await?, &interfaces()?)?.0);
        }
        NetworkCommand::Remove => {
            perform(state, RecordedAction::Remove, "", apply(&render_removal())).await?;
        }
        NetworkCommand::Pools => {
            let text = serde_json::to_string(&own_pools(config).await?).map_err(|error| error.to_string())?;
            console::line(&text);
        }
        NetworkCommand::Record { action } => {
            let detail = console::input()?;
            let db = open_database(&StateDir::open(&config.state_dir)?).await?;
            audit::record(&db, action.as_str(), "", &detail).await?;
            db.close().await;
        }
    }
    Ok(())
}

/// Has a process of the state folder's owner record an action.
async fn record(state: &StateProcess, action: RecordedAction, detail: &str) -> Result<(), String> {
    state.run(&["network", "record", action.argument()], detail).await.map(drop)
}

/// Has a process of the owner record the intent of an action, executes the action, and has its outcome recorded.
async fn perform(
    state: &StateProcess,
    action: RecordedAction,
    detail: &str,
    work: impl Future<Output = Result<(), String>>,
) -> Result<(), String> {
    record(state, action, &format!("begun: {detail}")).await?;
    let outcome = work.await;
    let text = outcome.as_ref().map_or_else(|error| format!("failed: {error}"), |()| "ok".to_owned());
    record(state, action, &text).await?;
    outcome
}

/// Reads the networks of all pools from the database.
async fn own_pools(config: &Config) -> Result<Vec<PoolNetwork>, String> {
    let db = open_database(&StateDir::open(&config.state_dir)?).await?;
    let pools = read_pools(&db).await;
    db.close().await;
    pools
}

/// Lists the host's TAP interfaces.
fn interfaces() -> Result<Vec<TapInterface>, String> {
    tap_interfaces(Path::new("/sys/class/net"))
        .map_err(|error| format!("This host's network interfaces cannot be listed ({error})."))
}

/// Renders the rules of all pools as a script for nft, with a line about each pool.
///
/// # Errors
/// One sentence: two pools name the same interface.
fn rules(pools: &[PoolNetwork], interfaces: &[TapInterface]) -> Result<(String, Vec<String>), String> {
    let name_servers = name_servers();
    let labels: Vec<String> = pools.iter().map(|pool| format!("pool {}", pool.name)).collect();
    let mut all: Vec<FilteredInterface<'_>> = Vec::new();
    let mut told = Vec::new();
    for (pool, label) in pools.iter().zip(&labels) {
        let NetworkSetting::Tap(setting) = &pool.network else { continue };
        let before = all.len();
        for interface in matching(setting, interfaces) {
            if let Some(other) = all.iter().find(|filtered| filtered.interface == interface.name) {
                return Err(format!(
                    "The {} and the {label} both name the TAP interface {}; give each its own.",
                    other.label, interface.name
                ));
            }
            all.push(FilteredInterface {
                interface: &interface.name,
                label,
                egress: &pool.egress,
                name_servers: &name_servers,
            });
        }
        told.push(match all.len() - before {
            0 => format!("{}: there is no TAP interface {setting}; make it, and apply again.", pool.name),
            count => format!("{}: {count} TAP interfaces reach {}", pool.name, pool.egress),
        });
    }
    Ok((render(&all), told))
}
