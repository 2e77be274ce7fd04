//! `oriel user`: adds, lists and removes users, and sets passwords.

use super::sessions::all_sessions as sessions;
use super::user_removal::Removal;
use super::{audit, console};
use crate::config::Config;
use crate::pools::Pools;
use crate::rfc3339;
use crate::state::{StateDir, open_database};
use clap::{Args, Subcommand};
use oriel_auth::user::Role;
use oriel_auth::{AuthError, Password, PasswordHasher, Sessions, User, Users, secret, unix_now};
use oriel_vmm_api::sentence;
use sqlx::SqlitePool;

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
    /// Disable a user: end the user's sessions and streams at once, and refuse logins; desktops run on
    Disable {
        /// The user's name
        name: String,
    },
    /// Enable a disabled user
    Enable {
        /// The user's name
        name: String,
    },
    /// List a user's sessions: address, login and last use
    Sessions {
        /// The user's name
        name: String,
    },
    /// End a user's sessions and streams at once; desktops run on
    SignOut {
        /// The user's name
        name: String,
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
                let disabled = if user.disabled { " (disabled)" } else { "" };
                console::line(&format!("{}{admin}{disabled}", user.name));
            }
        }
        UserCommand::Remove { name, with_desktops } => {
            let user = find(&users, &name).await?;
            let removal = Removal { db: &db, state: &state, user: &user };
            audit::perform(&db, "user.remove", &user.name, "", removal.run(with_desktops)).await?;
        }
        UserCommand::Disable { name } => {
            let user = find(&users, &name).await?;
            let disable = async {
                users.set_disabled(&user.id, Some(unix_now())).await.map_err(sentence)?;
                sessions(&db).end_all(&user.id, None).await.map_err(sentence)
            };
            audit::perform(&db, "user.disable", &user.name, "", disable).await?;
        }
        UserCommand::Enable { name } => {
            let user = find(&users, &name).await?;
            let enable = async { users.set_disabled(&user.id, None).await.map_err(sentence) };
            audit::perform(&db, "user.enable", &user.name, "", enable).await?;
        }
        UserCommand::Sessions { name } => {
            let user = find(&users, &name).await?;
            let sessions = Sessions::new(db.clone(), config.login.session_limits());
            for session in sessions.of_user(&user.id, unix_now()).await.map_err(sentence)? {
                console::line(&format!(
                    "from {}, logged in {}, last used {}",
                    session.address,
                    rfc3339::of_seconds(session.created_at),
                    rfc3339::of_seconds(session.last_seen_at)
                ));
            }
        }
        UserCommand::SignOut { name } => {
            let user = find(&users, &name).await?;
            let end = async { sessions(&db).end_all(&user.id, None).await.map_err(sentence) };
            audit::perform(&db, audit::SIGN_OUT, &user.name, "", end).await?;
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
