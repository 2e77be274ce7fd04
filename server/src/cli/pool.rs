//! `oriel pool`.

use super::console;
use crate::config::Config;
use crate::images::ImageStore;
use crate::people::{MachineSetting, NewPool, Pools};
use crate::state::{StateDir, open_database};
use clap::Subcommand;
use oriel_auth::{Persons, unix_now};

#[derive(Subcommand)]
pub(super) enum PoolCommand {
    /// Add a pool
    Add {
        /// Its name
        name: String,
        /// The image that its desktops start from
        #[arg(long)]
        image: String,
        /// Virtual processors of each desktop
        #[arg(long, default_value_t = 2)]
        cpus: u8,
        /// Memory of each desktop, in MiB
        #[arg(long, default_value_t = 2048, value_name = "MIB")]
        memory: u32,
        /// Which machine runs them
        #[arg(long, value_enum, default_value_t = MachineSetting::Auto)]
        machine: MachineSetting,
        /// Send everything as H.264
        #[arg(long)]
        video_only: bool,
    },
    /// List pools and who is entitled to them
    List,
    /// Give a pool to a person
    Entitle {
        /// The pool
        pool: String,
        /// The person
        person: String,
    },
}

pub(super) async fn run(command: PoolCommand, config: &Config) -> Result<(), String> {
    let state = StateDir::open(&config.state_dir)?;
    let db = open_database(&state).await?;
    let pools = Pools::new(db.clone());
    match command {
        PoolCommand::Add { name, image, cpus, memory, machine, video_only } => {
            ImageStore::new(state.images()).get(&image).map_err(|error| error.to_string())?;
            let new = NewPool { name, image, cpus, memory_mib: memory, machine, video_only };
            pools.add(&new, unix_now()).await.map_err(|error| error.to_string())?;
        }
        PoolCommand::List => {
            for (pool, people) in pools.list().await.map_err(|error| error.to_string())? {
                let video = if pool.video_only { ", video only" } else { "" };
                console::line(&format!(
                    "{}: image {}, {} processors, {} MiB, machine {}{video}; people: {}",
                    pool.name,
                    pool.image,
                    pool.cpus,
                    pool.memory_mib,
                    pool.machine.as_str(),
                    if people.is_empty() { "none".into() } else { people.join(", ") }
                ));
            }
        }
        PoolCommand::Entitle { pool, person } => {
            let found = Persons::new(db.clone()).by_name(&person).await.map_err(|error| error.to_string())?;
            let found = found.ok_or_else(|| {
                format!("There is no person named {person}; `oriel user list` shows everyone.")
            })?;
            pools.entitle(&pool, &found.id).await.map_err(|error| error.to_string())?;
        }
    }
    db.close().await;
    Ok(())
}
