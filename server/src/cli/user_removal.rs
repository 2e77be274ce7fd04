//! `oriel user remove`: by the running server, or by the command itself if no server runs.

use super::console;
use super::sessions::all_sessions;
use crate::desktops::{DesktopTable, Record};
use crate::state::StateDir;
use oriel_auth::{User, Users, unix_now};
use oriel_host::DesktopId;
use oriel_host::folder::{DesktopDir, LockError, try_lock};
use oriel_vmm_api::sentence;
use sqlx::SqlitePool;
use std::time::{Duration, Instant};

/// Longest wait for the server to delete the desktops; it goes on afterwards.
const PATIENCE: Duration = Duration::from_secs(45);
/// Interval at which the deletion is looked for.
const LOOK_EVERY: Duration = Duration::from_millis(200);

/// Removal of a user with sessions and desktops.
pub(super) struct Removal<'a> {
    /// Database of the state folder.
    pub db: &'a SqlitePool,
    /// State folder.
    pub state: &'a StateDir,
    /// User to be removed.
    pub user: &'a User,
}

impl Removal<'_> {
    /// Removes the user. A running server stops and deletes the desktops, and closes open streams; without a
    /// server the command deletes the desktops, unless a machine runs.
    ///
    /// # Errors
    /// One sentence that says what to do.
    pub async fn run(&self, with_desktops: bool) -> Result<(), String> {
        let desktops = self.desktops().await?;
        let has_disk = desktops.iter().filter_map(|record| self.folder(record)).any(|dir| dir.has_disk());
        let name = &self.user.name;
        if has_disk && !with_desktops {
            return Err(format!(
                "{name} has desktops with root disks; add --with-desktops to delete them too."
            ));
        }
        match try_lock(&self.state.server_lock()) {
            // The lock is held to the end, so that no server starts meanwhile.
            Ok(_lock) => self.delete_here(&desktops).await,
            Err(LockError::Held) => self.leave_to_server(desktops).await,
            Err(LockError::Io(error)) => Err(format!(
                "The lock {} cannot be taken ({error}); check the state folder.",
                self.state.server_lock().display()
            )),
        }
    }

    /// Marks the user as removed, and waits a while for the server to delete the desktops.
    async fn leave_to_server(&self, mut left: Vec<Record>) -> Result<(), String> {
        let name = &self.user.name;
        Users::new(self.db.clone()).mark_removed(&self.user.id, unix_now()).await.map_err(sentence)?;
        all_sessions(self.db).end_all(&self.user.id, None).await.map_err(sentence)?;
        console::line(&match left.len() {
            0 => format!("{name} is removed."),
            1 => format!("{name} is removed; the server stops and deletes one desktop."),
            count => format!("{name} is removed; the server stops and deletes {count} desktops."),
        });
        let until = Instant::now() + PATIENCE;
        while !left.is_empty() {
            let there = self.desktops().await?;
            left.retain(|record| {
                let stays = there.iter().any(|other| other.id == record.id);
                if !stays {
                    console::line(&format!("The desktop {} was deleted.", record.pool.name));
                }
                stays
            });
            if Instant::now() > until {
                for record in &left {
                    console::line(&format!(
                        "The desktop {} is not deleted yet; the server goes on, and its log says what fails.",
                        record.pool.name
                    ));
                }
                break;
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
        Ok(())
    }

    /// Deletes the desktops and the user, unless a desktop's machine runs.
    async fn delete_here(&self, desktops: &[Record]) -> Result<(), String> {
        let table = DesktopTable::new(self.db.clone());
        // The desktops' locks are held to the end, so that no desktop starts meanwhile.
        let mut locks = Vec::new();
        for record in desktops {
            let Some(dir) = self.folder(record) else { continue };
            dir.make().map_err(|error| format!("{}: {error}.", dir.root().display()))?;
            locks.push(try_lock(&dir.alive_lock()).map_err(|_| {
                format!(
                    "The desktop {} of {} is running; start the server, which stops it, and try again.",
                    record.pool.name, self.user.name
                )
            })?);
        }
        all_sessions(self.db).end_all(&self.user.id, None).await.map_err(sentence)?;
        for record in desktops {
            table.remove(&record.id).await.map_err(failed)?;
            let Some(dir) = self.folder(record) else { continue };
            std::fs::remove_dir_all(dir.root())
                .map_err(|error| format!("{} could not be deleted: {error}.", dir.root().display()))?;
            console::line(&format!("The desktop {} was deleted.", record.pool.name));
        }
        Users::new(self.db.clone()).remove(&self.user.id).await.map_err(sentence)
    }

    /// Lists the user's desktops.
    async fn desktops(&self) -> Result<Vec<Record>, String> {
        let mut all = DesktopTable::new(self.db.clone()).all().await.map_err(failed)?;
        all.retain(|record| record.user_id == self.user.id);
        Ok(all)
    }

    /// Returns the folder of a desktop on this host; `None` if the record's identifier is not valid.
    fn folder(&self, record: &Record) -> Option<DesktopDir> {
        DesktopId::new(record.id.as_str()).ok().map(|id| self.state.host_dir().desktop(&id))
    }
}

/// Describes a failure of the database.
fn failed(error: sqlx::Error) -> String {
    format!("The database failed: {error}.")
}
