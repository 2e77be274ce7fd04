//! Root folder of a jailed process: a read-only file system in memory (tmpfs) with the entries of the plan.
//!
//! The entries are mounted or copied from the host, then pivot_root(2) replaces the root. Needs a mount
//! namespace ([`crate::namespaces`]); which files a process needs is decided by the supervisor.

use crate::namespaces::Namespaces;
use crate::{Jail, JailPart};
use rustix::fs::{CWD, FileType, Mode, mknodat};
use rustix::io::Errno;
use rustix::mount::{
    MountFlags, MountPropagationFlags, MoveMountFlags, OpenTreeFlags, UnmountFlags, mount, mount_change,
    mount_move, mount_remount, move_mount, open_tree, unmount,
};
use serde::{Deserialize, Serialize};
use std::ffi::{CStr, CString};
use std::fs::File;
use std::io;
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

/// Entry of the root folder of a jail.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Entry {
    /// File or folder of the host (with its contents) under the same path, read-only.
    Host(PathBuf),
    /// Device of the host under the same path.
    Device(PathBuf),
    /// File of the host under another path, read-only.
    As {
        /// Path on the host.
        host: PathBuf,
        /// Path in the jail.
        path: PathBuf,
    },
    /// Readable copy of a file of the host, for a process whose user cannot read the original.
    Copy {
        /// Path of the original on the host.
        host: PathBuf,
        /// Path of the copy in the jail.
        path: PathBuf,
    },
    /// Symbolic link.
    Link {
        /// Path of the link in the jail.
        path: PathBuf,
        /// Target of the link.
        to: PathBuf,
    },
    /// Empty folder.
    Folder(PathBuf),
    /// `/proc` of the process namespace; the host's `/proc` where the kernel refuses a new one.
    Processes,
}

impl Entry {
    /// Returns the entries that programs of the distribution need: `/usr`, and `/bin`, `/sbin`, `/lib` and
    /// `/lib64` as links or folders like on this host.
    pub fn programs() -> Vec<Self> {
        let mut entries = vec![Self::Host("/usr".into())];
        for name in ["/bin", "/sbin", "/lib", "/lib64"] {
            let path = PathBuf::from(name);
            match std::fs::read_link(&path) {
                Ok(to) => entries.push(Self::Link { path, to }),
                Err(_) if path.is_dir() => entries.push(Self::Host(path)),
                Err(_) => {}
            }
        }
        entries
    }

    /// Returns the path of the entry in the jail.
    fn path(&self) -> &Path {
        match self {
            Self::Host(path)
            | Self::Device(path)
            | Self::As { path, .. }
            | Self::Copy { path, .. }
            | Self::Link { path, .. }
            | Self::Folder(path) => path,
            Self::Processes => Path::new("/proc"),
        }
    }
}

/// Builds the root folder, makes it the root of this process, and reports on the part. Must be called while
/// the process has CAP_SYS_ADMIN.
pub(crate) fn enter(entries: &[Entry], namespaces: Namespaces, report: &mut Jail) {
    let part = JailPart::Root;
    if !namespaces.own_mounts() {
        return report.add(
            part,
            false,
            "The process sees the host's files, since it has no mount namespace.",
        );
    }
    match change_root(entries) {
        Ok(()) if entries.is_empty() => {
            report.add(part, true, "The root folder of the process is empty and read-only.")
        }
        Ok(()) => report.add(
            part,
            true,
            "The root folder of the process has only the files that it needs and is read-only.",
        ),
        Err((what, error)) => {
            report.add(
                part,
                false,
                format!("The process sees the host's root folder: {what} failed ({error})."),
            );
        }
    }
}

/// Flags of every new mount in the jail.
const RESTRICTED: MountFlags = MountFlags::NOSUID.union(MountFlags::NODEV).union(MountFlags::NOEXEC);

/// Step that failed, and its error.
type Failed = (String, Errno);

fn failed(what: impl ToString) -> impl FnOnce(Errno) -> Failed {
    move |error| (what.to_string(), error)
}

fn change_root(entries: &[Entry]) -> Result<(), Failed> {
    let private = MountPropagationFlags::PRIVATE | MountPropagationFlags::REC;
    mount_change("/", private).map_err(failed("making mounts private"))?;
    // The sources are opened first: the new root may cover the folder that contains them.
    let opened: Vec<(&Entry, Source)> =
        entries.iter().map(|entry| Ok((entry, open_source(entry)?))).collect::<Result<_, Failed>>()?;
    let copied: u64 = opened.iter().map(|(_, source)| source.length()).sum();
    let place = ["/tmp", "/run", "/usr"].into_iter().find(|place| Path::new(place).is_dir());
    let place = place.ok_or_else(|| failed("finding a mount point for the new root")(Errno::NOENT))?;
    let mut bare = RESTRICTED;
    if entries.iter().any(|entry| matches!(entry, Entry::Device(_))) {
        bare -= MountFlags::NODEV;
    }
    let options = CString::new(format!("mode=0755,size={},nr_inodes=64", copied.saturating_add(64 << 10)))
        .map_err(|_| failed("mounting the new root")(Errno::INVAL))?;
    mount("oriel", place, "tmpfs", bare, options.as_c_str()).map_err(failed("mounting the new root"))?;
    for (entry, source) in opened {
        add_entry(Path::new(place), entry, source)
            .map_err(|error| failed(format!("adding {}", entry.path().display()))(errno(&error)))?;
    }
    mount_remount(place, bare | MountFlags::RDONLY, c"").map_err(failed("making the new root read-only"))?;
    rustix::process::chdir(place).map_err(failed("changing to the new root"))?;
    pivot().map_err(failed("replacing the root"))
}

/// Open source on the host from which an entry is made.
enum Source {
    /// Detached copy of a mount, and whether it is a folder.
    Mount(OwnedFd, bool),
    /// File to copy, and its length in bytes.
    File(File, u64),
    /// Device number, and a detached mount of the host's node for processes that cannot create nodes.
    Device(u64, OwnedFd),
    /// Detached copy of the host's `/proc`.
    Processes(OwnedFd),
    /// No source: links and empty folders.
    Nothing,
}

impl Source {
    /// Returns the space in bytes that the source takes in the new root.
    fn length(&self) -> u64 {
        // Whole pages, and one page for the parent folder.
        if let Self::File(_, length) = self { length.next_multiple_of(4096).saturating_add(4096) } else { 0 }
    }
}

/// Opens the source of `entry` on the host.
fn open_source(entry: &Entry) -> Result<Source, Failed> {
    let (host, device) = match entry {
        Entry::Host(path) => (path, false),
        Entry::Device(path) => (path, true),
        Entry::As { host, .. } => (host, false),
        Entry::Processes => return Ok(Source::Processes(clone_mount(Path::new("/proc"), false)?)),
        Entry::Copy { host, .. } => {
            let opened = File::open(host).and_then(|file| Ok((file.metadata()?.len(), file)));
            let (length, file) =
                opened.map_err(|error| failed(format!("reading {}", host.display()))(errno(&error)))?;
            return Ok(Source::File(file, length));
        }
        Entry::Link { .. } | Entry::Folder(_) => return Ok(Source::Nothing),
    };
    let tree = clone_mount(host, device)?;
    if device {
        let number =
            rustix::fs::fstat(&tree).map_err(failed(format!("mounting {}", host.display())))?.st_rdev;
        return Ok(Source::Device(number, tree));
    }
    Ok(Source::Mount(tree, host.is_dir()))
}

/// Returns a detached read-only copy of the mount at `host` (open_tree(2)).
fn clone_mount(host: &Path, device: bool) -> Result<OwnedFd, Failed> {
    let failed = |error| (format!("mounting {}", host.display()), error);
    let mut flags = OpenTreeFlags::OPEN_TREE_CLONE | OpenTreeFlags::OPEN_TREE_CLOEXEC;
    if host.is_dir() {
        flags |= OpenTreeFlags::AT_RECURSIVE;
    }
    let tree = open_tree(CWD, host, flags).map_err(failed)?;
    make_read_only(&tree, device).map_err(failed)?;
    Ok(tree)
}

/// Adds `entry` below `root`, from `source`.
fn add_entry(root: &Path, entry: &Entry, source: Source) -> io::Result<()> {
    let target = root.join(entry.path().strip_prefix("/").unwrap_or(entry.path()));
    if let Some(parent) = target.parent() {
        std::fs::create_dir_all(parent)?;
    }
    match (entry, source) {
        (Entry::Link { to, .. }, _) => std::os::unix::fs::symlink(to, &target),
        (_, Source::Nothing) => std::fs::create_dir_all(&target),
        (_, Source::File(mut file, _)) => {
            let mut copy =
                File::options().write(true).create(true).truncate(true).mode(0o444).open(&target)?;
            io::copy(&mut file, &mut copy).map(drop)
        }
        // A new node is accessible to the user of the jail, whatever the mode of the host's node.
        (_, Source::Device(number, tree)) => match make_node(&target, number) {
            Ok(()) => Ok(()),
            Err(_) => add_entry(root, entry, Source::Mount(tree, false)),
        },
        (_, Source::Processes(tree)) => {
            std::fs::create_dir_all(&target)?;
            // The kernel refuses a new proc in a user namespace when parts of the host's /proc are covered
            // (mount_namespaces(7)).
            match mount("proc", &target, "proc", RESTRICTED | MountFlags::RDONLY, None::<&CStr>) {
                Ok(()) => Ok(()),
                Err(_) => add_entry(root, entry, Source::Mount(tree, true)),
            }
        }
        (_, Source::Mount(tree, folder)) => {
            if folder {
                std::fs::create_dir_all(&target)?;
            } else {
                File::create(&target)?;
            }
            let from_descriptor = MoveMountFlags::MOVE_MOUNT_F_EMPTY_PATH;
            Ok(move_mount(&tree, c"", CWD, &target, from_descriptor)?)
        }
    }
}

/// Creates a character device that every user may read and write.
fn make_node(target: &Path, number: u64) -> Result<(), Errno> {
    let mode = Mode::RUSR | Mode::WUSR | Mode::RGRP | Mode::WGRP | Mode::ROTH | Mode::WOTH;
    mknodat(CWD, target, FileType::CharacterDevice, mode, number)?;
    // The umask of the process may have removed bits.
    rustix::fs::chmod(target, mode)
}

fn errno(error: &io::Error) -> Errno {
    Errno::from_io_error(error).unwrap_or(Errno::IO)
}

/// Attributes of a mount: `struct mount_attr` of mount_setattr(2).
#[repr(C)]
struct MountAttributes {
    set: u64,
    clear: u64,
    propagation: u64,
    user_namespace: u64,
}

const MOUNT_ATTR_RDONLY: u64 = 1;
const MOUNT_ATTR_NOSUID: u64 = 2;
const MOUNT_ATTR_NODEV: u64 = 4;

/// Makes the mounts of `tree` read-only, nosuid and, unless `device`, nodev. Clears no attributes: those of
/// the host are locked in a user namespace.
fn make_read_only(tree: &OwnedFd, device: bool) -> Result<(), Errno> {
    let nodev = if device { 0 } else { MOUNT_ATTR_NODEV };
    let attributes = MountAttributes {
        set: MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | nodev,
        clear: 0,
        propagation: 0,
        user_namespace: 0,
    };
    let empty: &CStr = c"";
    // SAFETY: path and attributes outlive the call, and the size is that of the attributes.
    let result = unsafe {
        libc::syscall(
            libc::SYS_mount_setattr,
            tree.as_raw_fd(),
            empty.as_ptr(),
            libc::AT_EMPTY_PATH | libc::AT_RECURSIVE,
            &raw const attributes,
            size_of::<MountAttributes>(),
        )
    };
    if result == 0 {
        return Ok(());
    }
    Err(errno(&io::Error::last_os_error()))
}

/// Makes the current folder, which is a mount point, the root, and unmounts the old root.
fn pivot() -> Result<(), Errno> {
    match rustix::process::pivot_root(".", ".") {
        // The old root is now mounted over the new root (pivot_root(2), NOTES).
        Ok(()) => unmount(".", UnmountFlags::DETACH)?,
        // An initramfs root cannot be replaced by pivot_root, only covered by another mount (Linux,
        // Documentation/filesystems/ramfs-rootfs-initramfs.rst). No open folder leads back to the root.
        Err(Errno::INVAL) => {
            mount_move(".", "/")?;
            rustix::process::chroot(".")?;
        }
        Err(error) => return Err(error),
    }
    rustix::process::chdir("/")
}
