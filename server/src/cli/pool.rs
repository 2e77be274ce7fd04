//! `oriel pool`: adds, changes, shows, lists and entitles pools.

use super::pool_settings::{SettingOptions, lines};
use super::{audit, console};
use crate::config::Config;
use crate::pools::{PoolSettings, Pools};
use crate::state::{StateDir, open_database};
use clap::Subcommand;
use oriel_auth::{User, Users, unix_now};
use oriel_host::admission::{HostReserve, HostSize};
use oriel_host::images::{Image, ImageStore, RunsAt};
use oriel_host::network::sentences;
use sqlx::SqlitePool;

#[derive(Subcommand)]
pub(super) enum PoolCommand {
    /// Add a pool
    Add {
        /// The pool's name
        name: String,
        /// The image from which desktops start
        #[arg(long)]
        image: String,
        #[command(flatten)]
        options: Box<SettingOptions>,
    },
    /// Change a pool; a change takes effect at each desktop's next start
    Set {
        /// The pool's name
        name: String,
        /// The image for desktops that have no root disk yet
        #[arg(long)]
        image: Option<String>,
        #[command(flatten)]
        options: Box<SettingOptions>,
    },
    /// Show a pool and what its desktops can reach
    Show {
        /// The pool's name
        name: String,
    },
    /// List pools and the users entitled to them
    List,
    /// Entitle a user to a desktop of a pool
    Entitle {
        /// The pool's name
        pool: String,
        /// The user's name
        user: String,
    },
    /// Withdraw a user's access to a pool; open streams close, and the desktop and its disk stay
    Withdraw {
        /// The pool's name
        pool: String,
        /// The user's name
        user: String,
    },
}

/// Runs a pool command.
///
/// # Errors
/// One sentence that says what to do.
pub(super) async fn run(command: PoolCommand, config: &Config) -> Result<(), String> {
    let state = StateDir::open(&config.state_dir)?;
    let db = open_database(&state).await?;
    let pools = Pools::new(db.clone());
    let images = ImageStore::open(state.host_dir()).map_err(|error| error.to_string())?;
    match command {
        PoolCommand::Add { name, image, options } => {
            let mut settings = PoolSettings::new(image);
            options.apply(&mut settings)?;
            check(config, &images, &settings)?;
            let detail = lines(&settings).join(", ");
            let add =
                async { pools.add(&name, &settings, unix_now()).await.map_err(|error| error.to_string()) };
            audit::perform(&db, "pool.add", &name, &detail, add).await?;
        }
        PoolCommand::Set { name, image, options } => {
            let before = pools.get(&name).await.map_err(|error| error.to_string())?.settings;
            let mut settings = before.clone();
            if let Some(image) = image {
                settings.image = image;
            }
            options.apply(&mut settings)?;
            check(config, &images, &settings)?;
            let set = async { pools.set(&name, &settings).await.map_err(|error| error.to_string()) };
            audit::perform(&db, "pool.set", &name, &changes(&before, &settings), set).await?;
        }
        PoolCommand::Show { name } => {
            let pool = pools.get(&name).await.map_err(|error| error.to_string())?;
            for line in lines(&pool.settings) {
                console::line(&line);
            }
            let users = pools.entitled(&pool.id).await.map_err(|error| error.to_string())?;
            console::line(&format!(
                "users: {}",
                if users.is_empty() { "none".into() } else { users.join(", ") }
            ));
            let runs_at =
                images.newest(&pool.settings.image).map_or(RunsAt::Kernel, |version| version.runs_at);
            console::line("what a desktop can reach:");
            for sentence in sentences(&pool.settings.network, &pool.settings.egress, runs_at) {
                console::line(&format!("  {sentence}"));
            }
        }
        PoolCommand::List => {
            for (pool, users) in pools.list().await.map_err(|error| error.to_string())? {
                let settings = &pool.settings;
                let video = if settings.video_only { ", video only" } else { "" };
                console::line(&format!(
                    "{}: image {}, {} processors, {} MiB, machine {}{video}; users: {}",
                    pool.name,
                    settings.image,
                    settings.cpus,
                    settings.memory_mib,
                    settings.machine.as_str(),
                    if users.is_empty() { "none".into() } else { users.join(", ") }
                ));
            }
        }
        PoolCommand::Entitle { pool, user } => {
            let found = find_user(&db, &user).await?;
            let entitle = async { pools.entitle(&pool, &found.id).await.map_err(|error| error.to_string()) };
            audit::perform(&db, "pool.entitle", &pool, &found.name, entitle).await?;
        }
        PoolCommand::Withdraw { pool, user } => {
            let found = find_user(&db, &user).await?;
            let withdraw =
                async { pools.withdraw(&pool, &found.id).await.map_err(|error| error.to_string()) };
            let had = audit::perform(&db, "pool.withdraw", &pool, &found.name, withdraw).await?;
            console::line(&if had {
                format!("{} has no access to {pool} any more; the desktop and its disk stay.", found.name)
            } else {
                format!("{} had no access to {pool}.", found.name)
            });
        }
    }
    db.close().await;
    Ok(())
}

/// Returns the user with a name.
async fn find_user(db: &SqlitePool, name: &str) -> Result<User, String> {
    let found = Users::new(db.clone()).by_name(name).await.map_err(|error| error.to_string())?;
    found.ok_or_else(|| format!("There is no user named {name}; `oriel user list` shows all users."))
}

/// Checks that a pool's desktops could start on this host: the settings, the image, memory and processors.
fn check(config: &Config, images: &ImageStore, settings: &PoolSettings) -> Result<(), String> {
    settings.check()?;
    Image::newest(images, &settings.image).map_err(|error| error.to_string())?;
    let host = HostSize::of_this_host();
    HostReserve::new(&config.desktops.reserve_settings(), host).check_size(
        host,
        settings.memory_mib,
        settings.cpus,
    )
}

/// Describes the settings that differ, for the audit log.
fn changes(before: &PoolSettings, after: &PoolSettings) -> String {
    let egress = |settings: &PoolSettings| format!("egress: {}", settings.egress);
    let (mut old, mut new) = (lines(before), lines(after));
    old.push(egress(before));
    new.push(egress(after));
    let changed: Vec<_> = new.into_iter().filter(|line| !old.contains(line)).collect();
    if changed.is_empty() { "nothing changed".into() } else { changed.join(", ") }
}
