//! Paths of a host's files, opening without links, durable writes and file locks.

mod lock;
mod open;
mod write;

pub use lock::{LockError, lock, lock_within, try_lock};
pub use open::{OpenFolder, open_file, open_own_file, read_text};
pub use write::{is_no_space, sync_folder, write_durably};

use crate::hold::DesktopId;
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

/// Folder of a host, with the image store and the desktops' folders.
#[derive(Debug, Clone)]
pub struct HostDir {
    root: PathBuf,
}

impl HostDir {
    /// Opens the host's folder at an absolute path, and creates missing folders with mode 0700.
    ///
    /// # Errors
    /// The folder that cannot be created, and the error of the file system.
    pub fn open(root: &Path) -> Result<Self, (PathBuf, io::Error)> {
        let dir = Self { root: root.to_owned() };
        for folder in [dir.root.clone(), dir.images(), dir.desktops()] {
            make_private_dir(&folder).map_err(|error| (folder, error))?;
        }
        Ok(dir)
    }

    /// Returns the path of the host's folder.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Returns the path of the image store's folder.
    pub fn images(&self) -> PathBuf {
        self.root.join("images")
    }

    /// Returns the path of the folder that has a folder for each desktop.
    pub fn desktops(&self) -> PathBuf {
        self.root.join("desktops")
    }

    /// Returns the folder of a desktop, which may not exist.
    pub fn desktop(&self, id: &DesktopId) -> DesktopDir {
        DesktopDir { root: self.desktops().join(id.as_str()) }
    }
}

/// Folder of a desktop, with the paths of its files.
#[derive(Debug, Clone)]
pub struct DesktopDir {
    root: PathBuf,
}

impl DesktopDir {
    /// Returns the path of the desktop's folder.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Creates the folder with mode 0700 if it is missing.
    ///
    /// # Errors
    /// The folder cannot be created.
    pub fn make(&self) -> io::Result<()> {
        make_private_dir(&self.root)
    }

    /// Returns whether the desktop has a root disk already.
    pub fn has_disk(&self) -> bool {
        self.overlay().exists() || self.image().exists()
    }

    /// Returns the path of the desktop's record: its specification, hold and state.
    pub fn record(&self) -> PathBuf {
        self.root.join("desktop.json")
    }

    /// Returns the path of a full copy of the image, which desktops of early versions have in place of an
    /// overlay.
    pub fn image(&self) -> PathBuf {
        self.root.join("image")
    }

    /// Returns the path of the manifest of the image version below the desktop's root disk.
    pub fn base(&self) -> PathBuf {
        self.root.join("base.toml")
    }

    /// Returns the path of the root disk: a qcow2 overlay of the image's disk.
    pub fn overlay(&self) -> PathBuf {
        self.root.join("disk.qcow2")
    }

    /// Returns the path of an overlay that is being made; the file remains only if the host was killed
    /// meanwhile.
    pub fn unfinished_overlay(&self) -> PathBuf {
        self.root.join("disk.qcow2.new")
    }

    /// Returns the path of the root disk's generation identifier (VMGenID).
    pub fn generation(&self) -> PathBuf {
        self.root.join("generation")
    }

    /// Returns the path of the machine's configuration, which `oriel-vmm run` reads.
    pub fn machine_config(&self) -> PathBuf {
        self.root.join("machine.json")
    }

    /// Returns the path of the machine's control socket.
    pub fn socket(&self) -> PathBuf {
        self.root.join("vmm.sock")
    }

    /// Returns the path of the log of the guest's serial console.
    pub fn serial_log(&self) -> PathBuf {
        self.root.join("serial.log")
    }

    /// Returns the path of the log of the machine's process: its standard output and standard error since its
    /// start.
    pub fn vmm_log(&self) -> PathBuf {
        self.root.join("vmm.log")
    }

    /// Returns the path of the exit report, which the machine's supervisor writes when the machine ends.
    pub fn exit_report(&self) -> PathBuf {
        self.root.join("exit-report.json")
    }

    /// Returns the path of the lock that the machine's processes hold while any of them lives.
    pub fn alive_lock(&self) -> PathBuf {
        self.root.join("alive.lock")
    }
}

/// Creates a folder with mode 0700, and those above it, if it is missing.
///
/// # Errors
/// The folder cannot be created.
pub(crate) fn make_private_dir(path: &Path) -> io::Result<()> {
    std::fs::DirBuilder::new().recursive(true).mode(0o700).create(path)
}
