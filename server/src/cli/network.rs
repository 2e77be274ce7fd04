//! `oriel network`: applies and removes the egress rules of TAP interfaces.

use super::{audit, console};
use crate::config::Config;
use crate::pools::{Pool, Pools};
use crate::state::{StateDir, open_database};
use clap::Subcommand;
use oriel_host::network::{
    FilteredInterface, NetworkSetting, apply, matching, render, render_removal, tap_interfaces,
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
}

/// Runs a network command.
///
/// # Errors
/// One sentence that says what to do.
pub(super) async fn run(command: NetworkCommand, config: &Config) -> Result<(), String> {
    let state = StateDir::open(&config.state_dir)?;
    let db = open_database(&state).await?;
    match command {
        NetworkCommand::Apply { print } => {
            let pools: Vec<Pool> = Pools::new(db.clone())
                .list()
                .await
                .map_err(|error| error.to_string())?
                .into_iter()
                .map(|(pool, _)| pool)
                .collect();
            let interfaces = tap_interfaces(Path::new("/sys/class/net"))
                .map_err(|error| format!("This host's network interfaces cannot be listed ({error})."))?;
            let labels: Vec<String> = pools.iter().map(|pool| format!("pool {}", pool.name)).collect();
            let mut all: Vec<FilteredInterface<'_>> = Vec::new();
            let mut told = Vec::new();
            for (pool, label) in pools.iter().zip(&labels) {
                let NetworkSetting::Tap(setting) = &pool.settings.network else { continue };
                let before = all.len();
                for interface in matching(setting, &interfaces) {
                    if let Some(other) = all.iter().find(|filtered| filtered.interface == interface.name) {
                        return Err(format!(
                            "The {} and the {label} both name the TAP interface {}; give each its own.",
                            other.label, interface.name
                        ));
                    }
                    all.push(FilteredInterface {
                        interface: &interface.name,
                        label,
                        egress: &pool.settings.egress,
                    });
                }
                told.push(match all.len() - before {
                    0 => format!(
                        "{}: there is no TAP interface {setting}; make it, and apply again.",
                        pool.name
                    ),
                    count => format!("{}: {count} TAP interfaces reach {}", pool.name, pool.settings.egress),
                });
            }
            if print {
                console::print(&render(&all));
            } else {
                apply(&render(&all)).await?;
                audit::record(&db, "network.apply", "", &told.join("; ")).await?;
                told.iter().for_each(|line| console::line(line));
            }
        }
        NetworkCommand::Remove => {
            apply(&render_removal()).await?;
            audit::record(&db, "network.remove", "", "").await?;
        }
    }
    db.close().await;
    Ok(())
}
