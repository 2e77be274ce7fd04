//! The folder that holds everything this server remembers.

mod database;

pub use database::open_database;

use oriel_host::folder::HostDir;
use std::path::{Path, PathBuf};

/// State folder of the server: paths of everything in it.
#[derive(Debug, Clone)]
pub struct StateDir {
    root: PathBuf,
    host: HostDir,
}

impl StateDir {
    /// Opens a state folder, which nobody else may read; creates a missing one.
    ///
    /// # Errors
    /// A sentence that says what to do.
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

    /// Path of the state folder.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Path of the SQLite database.
    pub fn database(&self) -> PathBuf {
        self.root.join("oriel.db")
    }

    /// Held by the one server that runs on this state.
    pub fn server_lock(&self) -> PathBuf {
        self.root.join("server.lock")
    }

    /// The certificate made at the first start.
    pub fn certificate(&self) -> PathBuf {
        self.root.join("certificate.pem")
    }

    /// Path of the private key of the server's own certificate.
    pub fn key(&self) -> PathBuf {
        self.root.join("key.pem")
    }

    /// The folder of the host that runs in this server: images and desktops, beside the database.
    pub fn host_dir(&self) -> &HostDir {
        &self.host
    }
}
