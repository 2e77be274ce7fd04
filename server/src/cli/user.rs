//! `oriel user`.

use super::{audit, console};
use crate::config::Config;
use crate::desktops::{DesktopTable, Record};
use crate::pools::Pools;
use crate::state::{StateDir, open_database};
use clap::{Args, Subcommand};
use oriel_auth::user::Role;
use oriel_auth::{
    AuthError, Password, PasswordHasher, SessionLimits, Sessions, User, Users, secret, unix_now,
};
use oriel_host::DesktopId;
use oriel_host::folder::{DesktopDir, try_lock};
use sqlx::SqlitePool;
use std::time::Duration;

#[derive(Subcommand)]
pub(super) enum UserCommand {
    /// Add someone
    Add {
        /// What they type at login
        name: String,
        /// May also administer
        #[arg(long)]
        admin: bool,
        /// Give them a desktop of this pool; can be repeated
        #[arg(long = "pool", value_name = "POOL")]
        pools: Vec<String>,
        #[command(flatten)]
        password: PasswordSource,
    },
    /// List everyone
    List,
    /// Remove someone
    Remove {
        /// Their name
        name: String,
        /// Also delete their desktops' disks
        #[arg(long)]
        with_desktops: bool,
    },
    /// Set someone's password and end their sessions
    Passwd {
        /// Their name
        name: String,
        #[command(flatten)]
        password: PasswordSource,
    },
}

#[derive(Args)]
#[group(multiple = false)]
pub(super) struct PasswordSource {
    /// Read the password from the first line of standard input
    #[arg(long)]
    password_stdin: bool,
    /// Make up a password and print it
    #[arg(long)]
    generate: bool,
}

pub(super) async fn run(command: UserCommand, config: &Config) -> Result<(), String> {
    let state = StateDir::open(&config.state_dir)?;
    let db = open_database(&state).await?;
    let users = Users::new(db.clone());
    match command {
        UserCommand::Add { name, admin, pools, password } => {
            let role = if admin { Role::Admin } else { Role::User };
            add(&db, &users, &name, role, &pools, &password).await?;
        }
        UserCommand::List => {
            for user in users.list().await.map_err(sentence)? {
                let admin = if user.role == Role::Admin { " (administrator)" } else { "" };
                console::line(&format!("{}{admin}", user.name));
            }
        }
        UserCommand::Remove { name, with_desktops } => {
            let user = find(&users, &name).await?;
            remove(&db, &state, &users, &user, with_desktops).await?;
        }
        UserCommand::Passwd { name, password } => {
            let user = find(&users, &name).await?;
            let hash = hash(&password).await?;
            users.set_password_hash(&user.id, &hash).await.map_err(sentence)?;
            sessions(&db).end_all(&user.id, None).await.map_err(sentence)?;
            audit::record(&db, "user.password", &user.name, "").await?;
        }
    }
    db.close().await;
    Ok(())
}

async fn add(
    db: &SqlitePool,
    users: &Users,
    name: &str,
    role: Role,
    pools: &[String],
    password: &PasswordSource,
) -> Result<(), String> {
    let table = Pools::new(db.clone());
    // Everything that can be wrong is looked for before anything is made.
    for pool in pools {
        if !table.exists(pool).await.map_err(|error| error.to_string())? {
            return Err(format!("There is no pool {pool}; `oriel pool list` shows those there are."));
        }
    }
    if users.by_name(name).await.map_err(sentence)?.is_some() {
        return Err(sentence(AuthError::NameTaken(name.to_lowercase())));
    }
    let hash = hash(password).await?;
    let user = users.add(name, role, &hash, unix_now()).await.map_err(sentence)?;
    for pool in pools {
        table.entitle(pool, &user.id).await.map_err(|error| error.to_string())?;
    }
    audit::record(db, "user.add", &user.name, "").await
}

async fn remove(
    db: &SqlitePool,
    state: &StateDir,
    users: &Users,
    user: &User,
    with_desktops: bool,
) -> Result<(), String> {
    let table = DesktopTable::new(db.clone());
    let failed = |error: sqlx::Error| format!("The database failed: {error}.");
    let desktops: Vec<_> =
        table.all().await.map_err(failed)?.into_iter().filter(|record| record.user_id == user.id).collect();
    let has_disk = desktops.iter().filter_map(|record| folder(state, record)).any(|dir| dir.has_disk());
    if has_disk && !with_desktops {
        return Err(format!(
            "{} has desktops with disks of their own; add --with-desktops to delete them too.",
            user.name
        ));
    }
    // Each desktop's lock is held to the end, so that none can start meanwhile.
    let mut locks = Vec::new();
    for record in &desktops {
        let Some(dir) = folder(state, record) else { continue };
        dir.make().map_err(|error| format!("{}: {error}.", dir.root().display()))?;
        locks.push(try_lock(&dir.alive_lock()).map_err(|_| {
            format!("The desktop {} of {} is running; stop it first.", record.pool.name, user.name)
        })?);
    }
    sessions(db).end_all(&user.id, None).await.map_err(sentence)?;
    for record in &desktops {
        table.remove(&record.id).await.map_err(failed)?;
        let Some(dir) = folder(state, record) else { continue };
        std::fs::remove_dir_all(dir.root())
            .map_err(|error| format!("{} could not be deleted: {error}.", dir.root().display()))?;
    }
    users.remove(&user.id).await.map_err(sentence)?;
    audit::record(db, "user.remove", &user.name, "").await
}

/// The folder of a desktop on this host; a record whose identifier is none has no folder.
fn folder(state: &StateDir, record: &Record) -> Option<DesktopDir> {
    DesktopId::new(record.id.as_str()).ok().map(|id| state.host_dir().desktop(&id))
}

async fn find(users: &Users, name: &str) -> Result<User, String> {
    let found = users.by_name(name).await.map_err(sentence)?;
    found.ok_or_else(|| format!("There is no user named {name}; `oriel user list` shows everyone."))
}

async fn hash(source: &PasswordSource) -> Result<String, String> {
    let hasher = PasswordHasher::new().map_err(sentence)?;
    if source.generate {
        let made = secret::generate_password().map_err(|error| sentence(error.into()))?;
        let hash = hasher.hash(Password::new(made.to_string())).await.map_err(sentence)?;
        console::line(&made);
        return Ok(hash);
    }
    hasher.hash(console::new_password(source.password_stdin)?).await.map_err(sentence)
}

/// For ending sessions only, which needs no limits.
fn sessions(db: &SqlitePool) -> Sessions {
    Sessions::new(db.clone(), SessionLimits { idle: Duration::MAX, absolute: Duration::MAX })
}

pub(super) fn sentence(error: AuthError) -> String {
    let text = error.to_string();
    if text.ends_with('.') {
        return text;
    }
    let mut chars = text.chars();
    chars.next().into_iter().flat_map(char::to_uppercase).chain(chars).chain(['.']).collect()
}
