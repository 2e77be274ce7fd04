//! Where a host's files lie, and locks on them.

mod lock;
mod write;

pub use lock::{LockError, lock, lock_within, try_lock};
pub use write::write_durably;

use crate::hold::DesktopId;
use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::path::{Path, PathBuf};

/// A host's folder: its image store and its desktops.
#[derive(Debug, Clone)]
pub struct HostDir {
    root: PathBuf,
}

impl HostDir {
    /// Opens the folder at an absolute path, and makes it with the folders in it if need be. Nobody else may look in.
    ///
    /// # Errors
    /// The folder that cannot be made, and why.
    pub fn open(root: &Path) -> Result<Self, (PathBuf, io::Error)> {
        let dir = Self { root: root.to_owned() };
        for folder in [dir.root.clone(), dir.images(), dir.desktops()] {
            make_private_dir(&folder).map_err(|error| (folder, error))?;
        }
        Ok(dir)
    }

    /// The folder itself.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// The folder of the image store.
    pub fn images(&self) -> PathBuf {
        self.root.join("images")
    }

    /// The folder with one folder per desktop.
    pub fn desktops(&self) -> PathBuf {
        self.root.join("desktops")
    }

    /// The folder of one desktop.
    pub fn desktop(&self, id: &DesktopId) -> DesktopDir {
        DesktopDir { root: self.desktops().join(id.as_str()) }
    }

    /// Gives a file that root has made here to whoever the folder belongs to, so that a host that is not root can use it. For
    /// any other user it does nothing.
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
}

/// A desktop's folder.
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

    /// Whether the desktop has a disk of its own.
    pub fn has_disk(&self) -> bool {
        self.overlay().exists() || self.image().exists()
    }

    /// The desktop's record: its specification, hold and state.
    pub fn record(&self) -> PathBuf {
        self.root.join("desktop.json")
    }

    /// A whole copy of the desktop's image, which desktops of early versions have instead of an overlay.
    pub fn image(&self) -> PathBuf {
        self.root.join("image")
    }

    /// The manifest of the image version that the desktop's disk was made from.
    pub fn base(&self) -> PathBuf {
        self.root.join("base.toml")
    }

    /// What the guest wrote to its disk, as a qcow2 overlay of the image's.
    pub fn overlay(&self) -> PathBuf {
        self.root.join("disk.qcow2")
    }

    /// The overlay while it is being made; left over only by a host that was killed.
    pub fn unfinished_overlay(&self) -> PathBuf {
        self.root.join("disk.qcow2.new")
    }

    /// The generation identifier of the disk (VMGenID).
    pub fn generation(&self) -> PathBuf {
        self.root.join("generation")
    }

    /// The machine's configuration, which `oriel-vmm run` reads.
    pub fn machine_config(&self) -> PathBuf {
        self.root.join("machine.json")
    }

    /// The machine's control socket.
    pub fn socket(&self) -> PathBuf {
        self.root.join("vmm.sock")
    }

    /// The log of the guest's serial console.
    pub fn serial_log(&self) -> PathBuf {
        self.root.join("serial.log")
    }

    /// What the machine's process printed since its start.
    pub fn vmm_log(&self) -> PathBuf {
        self.root.join("vmm.log")
    }

    /// The exit report of the machine's process.
    pub fn exit_report(&self) -> PathBuf {
        self.root.join("exit-report.json")
    }

    /// The lock that the machine's processes hold for as long as they live.
    pub fn alive_lock(&self) -> PathBuf {
        self.root.join("alive.lock")
    }
}

fn make_private_dir(path: &Path) -> io::Result<()> {
    std::fs::DirBuilder::new().recursive(true).mode(0o700).create(path)
}
