//! State folder of the server: its owner, the database, the certificate, the lock, and the host's folder.

mod database;
mod owner;
mod reserve;
mod secret_key;

pub use database::open_database;
pub use owner::become_owner;
pub use reserve::{DatabaseReserve, RESERVE, Reserved};
pub use secret_key::load_or_make_key;

use oriel_host::folder::HostDir;
use std::path::{Path, PathBuf};

/// State folder of the server, with the paths of its files.
#[derive(Debug, Clone)]
pub struct StateDir {
    root: PathBuf,
    host: HostDir,
}

impl StateDir {
    /// Opens the state folder and creates missing folders with mode 0700.
    ///
    /// # Errors
    /// One sentence that says what to do.
    pub fn open(root: &Path) -> Result<Self, String> {
        let root = std::path::absolute(root)
            .map_err(|error| format!("The state folder {} is no path: {error}.", root.display()))?;
        let host = HostDir::open(&root).map_err(|(folder, error)| {
            format!(
                "The state folder {} cannot be made ({error}); create it for this user or name another with --state-dir.",
                folder.display()
            )
        })?;
        Ok(Self { root, host })
    }

    /// Returns the path of the state folder.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Returns the path of the SQLite database.
    pub fn database(&self) -> PathBuf {
        self.root.join("oriel.db")
    }

    /// Returns the path of the database's write-ahead log, which exists while the database is open.
    pub fn database_log(&self) -> PathBuf {
        self.root.join("oriel.db-wal")
    }

    /// Returns the path of the file whose room the database gets when it is opened on a full disk.
    pub fn reserve(&self) -> PathBuf {
        self.root.join("reserve")
    }

    /// Returns the path of the lock that a running server holds, so that one server at a time uses the
    /// folder.
    pub fn server_lock(&self) -> PathBuf {
        self.root.join("server.lock")
    }

    /// Returns the path of the key that signs device tokens.
    pub fn device_key(&self) -> PathBuf {
        self.root.join("device.key")
    }

    /// Returns the path of the certificate that the server made for itself.
    pub fn certificate(&self) -> PathBuf {
        self.root.join("certificate.pem")
    }

    /// Returns the path of the private key of that certificate.
    pub fn key(&self) -> PathBuf {
        self.root.join("key.pem")
    }

    /// Returns the folder of the host that runs in this server: images and desktops, next to the database.
    pub fn host_dir(&self) -> &HostDir {
        &self.host
    }
}
