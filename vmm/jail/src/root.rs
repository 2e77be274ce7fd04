//! The root folder that a jailed process sees: an empty file system in memory, read-only, with
//! nothing in it but what its plan says.

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

/// Something in the new root.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Entry {
    /// A file or folder of the host with everything below it, under the same path, read-only.
    Host(PathBuf),
    /// A device of the host, under the same path.
    Device(PathBuf),
    /// A file of the host under another path, read-only.
    As {
        /// Where it is on the host.
        host: PathBuf,
        /// Where it is in the jail.
        path: PathBuf,
    },
    /// A copy of a file of the host, for who may not read that.
    Copy {
        /// Where it is on the host.
        host: PathBuf,
        /// Where it is in the jail.
        path: PathBuf,
    },
    /// A symbolic link.
    Link {
        /// Where it is.
        path: PathBuf,
        /// Where it leads.
        to: PathBuf,
    },
    /// An empty folder.
    Folder(PathBuf),
    /// `/proc`: that of its own processes, or the host's where the host has restricted its own.
    Processes,
}

impl Entry {
    /// The folders and links that lead to `/usr` on this host, and `/usr` itself: what programs of
    /// the distribution need to run.
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

/// Puts the process into the new root. To be called while it has the capabilities for that.
pub(crate) fn enter(entries: &[Entry], namespaces: Namespaces, report: &mut Jail) {
    let part = JailPart::Root;
    if !namespaces.own_mounts() {
        return report.add(part, false, "It sees the host's files, for want of mounts of its own.");
    }
    match change_root(entries) {
        Ok(()) if entries.is_empty() => report.add(part, true, "Its root folder is empty and read-only."),
        Ok(()) => report.add(part, true, "Its root folder has what it needs and is read-only."),
        Err((what, error)) => {
            report.add(part, false, format!("It has no root folder of its own: {what} failed ({error})."));
        }
    }
}

const RESTRICTED: MountFlags = MountFlags::NOSUID.union(MountFlags::NODEV).union(MountFlags::NOEXEC);

type Failed = (String, Errno);

fn failed(what: impl ToString) -> impl FnOnce(Errno) -> Failed {
    move |error| (what.to_string(), error)
}

fn change_root(entries: &[Entry]) -> Result<(), Failed> {
    let private = MountPropagationFlags::PRIVATE | MountPropagationFlags::REC;
    mount_change("/", private).map_err(failed("making mounts private"))?;
    // Taken before the new root covers the place that it is built at.
    let taken: Vec<(&Entry, Source)> =
        entries.iter().map(|entry| Ok((entry, take(entry)?))).collect::<Result<_, Failed>>()?;
    let copied: u64 = taken.iter().map(|(_, source)| source.length()).sum();
    let place = ["/tmp", "/run", "/usr"].into_iter().find(|place| Path::new(place).is_dir());
    let place = place.ok_or_else(|| failed("finding a place for it")(Errno::NOENT))?;
    let mut bare = RESTRICTED;
    if entries.iter().any(|entry| matches!(entry, Entry::Device(_))) {
        bare -= MountFlags::NODEV;
    }
    let options = CString::new(format!("mode=0755,size={},nr_inodes=64", copied.saturating_add(64 << 10)))
        .map_err(|_| failed("mounting it")(Errno::INVAL))?;
    mount("oriel", place, "tmpfs", bare, options.as_c_str()).map_err(failed("mounting it"))?;
    for (entry, source) in taken {
        put(Path::new(place), entry, source)
            .map_err(|error| failed(format!("placing {}", entry.path().display()))(errno(&error)))?;
    }
    mount_remount(place, bare | MountFlags::RDONLY, c"").map_err(failed("making it read-only"))?;
    rustix::process::chdir(place).map_err(failed("entering it"))?;
    pivot().map_err(failed("changing into it"))
}

/// What an entry is made from.
enum Source {
    /// A copy of a mount, and whether it is a folder.
    Mount(OwnedFd, bool),
    File(File, u64),
    /// A device's number, and the mount of its node for who may not make one.
    Device(u64, OwnedFd),
    /// The host's.
    Processes(OwnedFd),
    Nothing,
}

impl Source {
    /// Bytes that it takes in the new root.
    fn length(&self) -> u64 {
        // Whole pages, and one for the folder that it lies in.
        if let Self::File(_, length) = self { length.next_multiple_of(4096).saturating_add(4096) } else { 0 }
    }
}

fn take(entry: &Entry) -> Result<Source, Failed> {
    let (host, device) = match entry {
        Entry::Host(path) => (path, false),
        Entry::Device(path) => (path, true),
        Entry::As { host, .. } => (host, false),
        Entry::Processes => return Ok(Source::Processes(show(Path::new("/proc"), false)?)),
        Entry::Copy { host, .. } => {
            let opened = File::open(host).and_then(|file| Ok((file.metadata()?.len(), file)));
            let (length, file) =
                opened.map_err(|error| failed(format!("reading {}", host.display()))(errno(&error)))?;
            return Ok(Source::File(file, length));
        }
        Entry::Link { .. } | Entry::Folder(_) => return Ok(Source::Nothing),
    };
    let tree = show(host, device)?;
    if device {
        let number = rustix::fs::fstat(&tree).map_err(failed(format!("showing {}", host.display())))?.st_rdev;
        return Ok(Source::Device(number, tree));
    }
    Ok(Source::Mount(tree, host.is_dir()))
}

/// A read-only copy of the mount at `host`.
fn show(host: &Path, device: bool) -> Result<OwnedFd, Failed> {
    let failed = |error| (format!("showing {}", host.display()), error);
    let mut flags = OpenTreeFlags::OPEN_TREE_CLONE | OpenTreeFlags::OPEN_TREE_CLOEXEC;
    if host.is_dir() {
        flags |= OpenTreeFlags::AT_RECURSIVE;
    }
    let tree = open_tree(CWD, host, flags).map_err(failed)?;
    make_read_only(&tree, device).map_err(failed)?;
    Ok(tree)
}

fn put(root: &Path, entry: &Entry, source: Source) -> io::Result<()> {
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
        // A node of its own may be used by whoever the process becomes, whatever the host's says.
        (_, Source::Device(number, tree)) => match make_node(&target, number) {
            Ok(()) => Ok(()),
            Err(_) => put(root, entry, Source::Mount(tree, false)),
        },
        (_, Source::Processes(tree)) => {
            std::fs::create_dir_all(&target)?;
            // Refused in a user namespace where parts of the host's are covered (mount_namespaces(7)).
            match mount("proc", &target, "proc", RESTRICTED | MountFlags::RDONLY, None::<&CStr>) {
                Ok(()) => Ok(()),
                Err(_) => put(root, entry, Source::Mount(tree, true)),
            }
        }
        (_, Source::Mount(tree, folder)) => {
            if folder {
                std::fs::create_dir_all(&target)?;
            } else {
                File::create(&target)?;
            }
            let all_of_it = MoveMountFlags::MOVE_MOUNT_F_EMPTY_PATH;
            Ok(move_mount(&tree, c"", CWD, &target, all_of_it)?)
        }
    }
}

fn make_node(target: &Path, number: u64) -> Result<(), Errno> {
    let mode = Mode::RUSR | Mode::WUSR | Mode::RGRP | Mode::WGRP | Mode::ROTH | Mode::WOTH;
    mknodat(CWD, target, FileType::CharacterDevice, mode, number)?;
    // Not what the process's umask leaves of it.
    rustix::fs::chmod(target, mode)
}

fn errno(error: &io::Error) -> Errno {
    Errno::from_io_error(error).unwrap_or(Errno::IO)
}

/// `struct mount_attr` of mount_setattr(2).
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

/// Only adds attributes: those that the host set are locked in a user namespace.
fn make_read_only(tree: &OwnedFd, device: bool) -> Result<(), Errno> {
    let nodev = if device { 0 } else { MOUNT_ATTR_NODEV };
    let attributes = MountAttributes {
        set: MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | nodev,
        clear: 0,
        propagation: 0,
        user_namespace: 0,
    };
    let empty: &CStr = c"";
    // SAFETY: the path and the attributes outlive the call, and the size is theirs.
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

/// Makes the current folder, a mount of its own, the root, and lets go of the old one.
fn pivot() -> Result<(), Errno> {
    match rustix::process::pivot_root(".", ".") {
        // The old root lies on top of the new one now (pivot_root(2), NOTES).
        Ok(()) => unmount(".", UnmountFlags::DETACH)?,
        // The file system that an initramfs unpacks to cannot be pivoted away from, only covered
        // (Documentation/filesystems/ramfs-rootfs-initramfs.rst). No open folder leads back to it.
        Err(Errno::INVAL) => {
            mount_move(".", "/")?;
            rustix::process::chroot(".")?;
        }
        Err(error) => return Err(error),
    }
    rustix::process::chdir("/")
}
