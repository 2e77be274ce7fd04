//! `oriel user`: adds, lists and removes users, and sets passwords.

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
use oriel_vmm_api::sentence;
use sqlx::SqlitePool;
use std::time::Duration;

#[derive(Subcommand)]
pub(super) enum UserCommand {
    /// Add a user
    Add {
        /// The login name
        name: String,
        /// Make the user an administrator
        #[arg(long)]
        admin: bool,
        /// Entitle the user to a desktop of this pool; can be repeated
        #[arg(long = "pool", value_name = "POOL")]
        pools: Vec<String>,
        #[command(flatten)]
        password: PasswordSource,
    },
    /// List users
    List,
    /// Remove a user
    Remove {
        /// The user's name
        name: String,
        /// Also delete the root disks of the user's desktops
        #[arg(long)]
        with_desktops: bool,
    },
    /// Set a user's password and end the user's sessions
    Passwd {
        /// The user's name
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
    /// Generate a password and print it
    #[arg(long)]
    generate: bool,
}

/// Runs a user command.
///
/// # Errors
/// One sentence that says what to do.
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
            let remove = remove(&db, &state, &users, &user, with_desktops);
            audit::perform(&db, "user.remove", &user.name, "", remove).await?;
        }
        UserCommand::Passwd { name, password } => {
            let user = find(&users, &name).await?;
            let hash = hash(&password).await?;
            let set = async {
                users.set_password_hash(&user.id, &hash).await.map_err(sentence)?;
                sessions(&db).end_all(&user.id, None).await.map_err(sentence)
            };
            audit::perform(&db, "user.password", &user.name, "", set).await?;
        }
    }
    db.close().await;
    Ok(())
}

/// Adds a user with entitlements.
async fn add(
    db: &SqlitePool,
    users: &Users,
    name: &str,
    role: Role,
    pools: &[String],
    password: &PasswordSource,
) -> Result<(), String> {
    let table = Pools::new(db.clone());
    // All checks come before the first change.
    for pool in pools {
        if !table.exists(pool).await.map_err(|error| error.to_string())? {
            return Err(format!("There is no pool {pool}; `oriel pool list` shows all pools."));
        }
    }
    if users.by_name(name).await.map_err(sentence)?.is_some() {
        return Err(sentence(AuthError::NameTaken(name.to_lowercase())));
    }
    let hash = hash(password).await?;
    let add = async {
        let user = users.add(name, role, &hash, unix_now()).await.map_err(sentence)?;
        for pool in pools {
            table.entitle(pool, &user.id).await.map_err(|error| error.to_string())?;
        }
        Ok(())
    };
    audit::perform(db, "user.add", &name.to_lowercase(), &pools.join(", "), add).await
}

/// Removes a user with sessions and desktops, unless a desktop runs.
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
            "{} has desktops with root disks; add --with-desktops to delete them too.",
            user.name
        ));
    }
    // The desktops' locks are held to the end, so that no desktop starts meanwhile.
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
    users.remove(&user.id).await.map_err(sentence)
}

/// Returns the folder of a desktop on this host; `None` if the record's identifier is not valid.
fn folder(state: &StateDir, record: &Record) -> Option<DesktopDir> {
    DesktopId::new(record.id.as_str()).ok().map(|id| state.host_dir().desktop(&id))
}

/// Returns the user with a name.
///
/// # Errors
/// One sentence: there is no such user.
async fn find(users: &Users, name: &str) -> Result<User, String> {
    let found = users.by_name(name).await.map_err(sentence)?;
    found.ok_or_else(|| format!("There is no user named {name}; `oriel user list` shows all users."))
}

/// Reads or generates a password, and returns its hash.
async fn hash(source: &PasswordSource) -> Result<String, String> {
    let hasher = PasswordHasher::new().map_err(sentence)?;
    if source.generate {
        let made = secret::generate_password().map_err(|error| sentence(AuthError::from(error)))?;
        let hash = hasher.hash(Password::new(made.to_string())).await.map_err(sentence)?;
        console::line(&made);
        return Ok(hash);
    }
    hasher.hash(console::new_password(source.password_stdin)?).await.map_err(sentence)
}

/// Returns the table of sessions for ending sessions, which needs no limits.
fn sessions(db: &SqlitePool) -> Sessions {
    Sessions::new(db.clone(), SessionLimits { idle: Duration::MAX, absolute: Duration::MAX })
}
