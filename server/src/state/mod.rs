//! The folder that holds everything this server remembers.

mod database;
mod lock;

pub use database::open_database;
pub use lock::{LockError, lock, lock_within, try_lock};

use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::path::{Path, PathBuf};

/// Where things lie below the state folder.
#[derive(Debug, Clone)]
pub struct StateDir {
    root: PathBuf,
}

impl StateDir {
    /// Opens the folder, and makes it if need be. Nobody else may look in.
    ///
    /// # Errors
    /// A sentence that says what to do.
    pub fn open(root: &Path) -> Result<Self, String> {
        let root = std::path::absolute(root)
            .map_err(|error| format!("The state folder {} is no path: {error}.", root.display()))?;
        let state = Self { root };
        for folder in [state.root.clone(), state.images(), state.desktops()] {
            make_private_dir(&folder).map_err(|error| {
                format!(
                    "The state folder {} cannot be made ({error}); create it for this user or name another with --state-dir.",
                    folder.display()
                )
            })?;
        }
        Ok(state)
    }

    /// The folder itself.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// The SQLite database.
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

    /// Its key.
    pub fn key(&self) -> PathBuf {
        self.root.join("key.pem")
    }

    /// The image store.
    pub fn images(&self) -> PathBuf {
        self.root.join("images")
    }

    /// One folder per desktop.
    pub fn desktops(&self) -> PathBuf {
        self.root.join("desktops")
    }

    /// Gives what root has made here to whoever the folder belongs to, so that the server, which is
    /// not root, can use it. For anyone else it does nothing.
    ///
    /// # Errors
    /// The file system's.
    pub fn give_to_owner(&self, path: &Path) -> io::Result<()> {
        if !rustix::process::geteuid().is_root() {
            return Ok(());
        }
        let owner = std::fs::metadata(&self.root)?;
        std::os::unix::fs::lchown(path, Some(owner.uid()), Some(owner.gid()))
    }

    /// A desktop's folder.
    pub fn desktop(&self, id: &str) -> DesktopDir {
        DesktopDir { root: self.desktops().join(id) }
    }
}

/// Where things lie below a desktop's folder.
#[derive(Debug, Clone)]
pub struct DesktopDir {
    root: PathBuf,
}

impl DesktopDir {
    /// The folder itself.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Makes the folder.
    ///
    /// # Errors
    /// The file system's.
    pub fn make(&self) -> io::Result<()> {
        make_private_dir(&self.root)
    }

    /// A whole copy of its image, which desktops of earlier versions have instead of an overlay.
    pub fn image(&self) -> PathBuf {
        self.root.join("image")
    }

    /// The manifest of the image's version that it stands on.
    pub fn base(&self) -> PathBuf {
        self.root.join("base.toml")
    }

    /// What it wrote to its disk, as a layer over the image's.
    pub fn overlay(&self) -> PathBuf {
        self.root.join("disk.qcow2")
    }

    /// The overlay while it is being made; left over only by a server that was killed.
    pub fn unfinished_overlay(&self) -> PathBuf {
        self.root.join("disk.qcow2.new")
    }

    /// Identifies the life of its disk.
    pub fn generation(&self) -> PathBuf {
        self.root.join("generation")
    }

    /// What `oriel-vmm run` reads.
    pub fn machine_config(&self) -> PathBuf {
        self.root.join("machine.json")
    }

    /// The machine's control socket.
    pub fn socket(&self) -> PathBuf {
        self.root.join("vmm.sock")
    }

    /// The guest's serial console.
    pub fn serial_log(&self) -> PathBuf {
        self.root.join("serial.log")
    }

    /// What the machine's process printed since its start.
    pub fn vmm_log(&self) -> PathBuf {
        self.root.join("vmm.log")
    }

    /// Why the machine's process ended.
    pub fn exit_report(&self) -> PathBuf {
        self.root.join("exit-report.json")
    }

    /// Locked by the machine's process for as long as it lives.
    pub fn alive_lock(&self) -> PathBuf {
        self.root.join("alive.lock")
    }
}

fn make_private_dir(path: &Path) -> io::Result<()> {
    std::fs::DirBuilder::new().recursive(true).mode(0o700).create(path)
}
