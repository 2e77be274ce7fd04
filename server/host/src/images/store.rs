//! Content-addressed store of images.
//!
//! | below `images/` | contents |
//! |---|---|
//! | `blobs/sha256tree/HEX` | a blob by its digest, read-only, shared by all versions that name it |
//! | `versions/NAME/N.toml` | manifest of version N of the image NAME |
//! | `incoming/` | staging folders, each locked by the process that fills it |
//! | `building/` | output folders of recipes |
//! | `lock` | locked while blobs and versions are added or removed |
//!
//! A desktop's folder has a copy of its version's manifest. A blob stays while a manifest names it, whether
//! of a version or of a desktop.

use super::digest::{ALGORITHM, Digest};
use super::error::{ImageError, at};
use super::version::Version;
use crate::folder::{HostDir, lock, make_private_dir, try_lock};
use crate::hold::DesktopId;
use rustix::fs::{FlockOperation, Mode, OFlags, flock, open};
use std::collections::HashSet;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

/// Image store of a host.
#[derive(Debug, Clone)]
pub struct ImageStore {
    dir: HostDir,
    root: PathBuf,
}

/// Guard of the store's lock, held for a short time while blobs and versions are added or removed.
pub struct StoreLock {
    _file: File,
}

/// Desktop that was started from a version in the store.
#[derive(Debug, Clone)]
pub struct ImageUser {
    /// Identifier of the desktop.
    pub desktop: DesktopId,
    /// Version that the desktop was started from.
    pub version: Version,
    /// Whether the version's blobs must stay, because the desktop has an overlay over them or runs.
    pub holds: bool,
}

impl ImageStore {
    /// Opens the store in a host's folder, and creates missing folders.
    ///
    /// # Errors
    /// A folder cannot be created.
    pub fn open(dir: &HostDir) -> Result<Self, ImageError> {
        let store = Self { dir: dir.clone(), root: dir.images() };
        for folder in [store.blobs(), store.versions_dir(), store.incoming()] {
            make_private_dir(&folder).map_err(at(&folder))?;
        }
        Ok(store)
    }

    /// Returns the path of the folder of blobs.
    fn blobs(&self) -> PathBuf {
        self.root.join("blobs").join(ALGORITHM)
    }

    /// Returns the path of the folder of manifests.
    fn versions_dir(&self) -> PathBuf {
        self.root.join("versions")
    }

    /// Returns the path of the folder of staging folders.
    pub(super) fn incoming(&self) -> PathBuf {
        self.root.join("incoming")
    }

    /// Returns the path of the folder into which recipes build.
    pub fn building(&self) -> PathBuf {
        self.root.join("building")
    }

    /// Returns the path of the store's folder.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Returns the path of a blob.
    pub fn blob(&self, digest: &Digest) -> PathBuf {
        self.blobs().join(digest.hex())
    }

    /// Returns the path of a version's manifest.
    pub(super) fn manifest(&self, name: &str, version: u32) -> PathBuf {
        self.versions_dir().join(name).join(format!("{version}.toml"))
    }

    /// Checks an image's name: 1 to 64 lower-case letters, digits, dots and dashes, a letter first.
    ///
    /// # Errors
    /// [`ImageError::BadName`] for any other name.
    pub fn check_name(name: &str) -> Result<(), ImageError> {
        let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '.' | '-');
        let ok =
            name.len() <= 64 && name.starts_with(|c: char| c.is_ascii_lowercase()) && name.chars().all(plain);
        if ok { Ok(()) } else { Err(ImageError::BadName(name.to_owned())) }
    }

    /// Waits for the store's lock, and takes it. It blocks the thread.
    ///
    /// # Errors
    /// The lock's file cannot be opened.
    pub fn lock(&self) -> Result<StoreLock, ImageError> {
        let path = self.root.join("lock");
        let file = lock(&path).map_err(at(&path))?;
        Ok(StoreLock { _file: file })
    }

    /// Reads the manifest of an image's newest version.
    ///
    /// # Errors
    /// The image is missing or damaged.
    pub fn newest(&self, name: &str) -> Result<Version, ImageError> {
        self.versions(name)?.pop().ok_or_else(|| ImageError::Missing(name.to_owned()))
    }

    /// Reads the manifest of the given version of an image, or of the newest for `None`.
    ///
    /// # Errors
    /// The image or that version is missing, or a manifest is damaged.
    pub fn find(&self, name: &str, version: Option<u32>) -> Result<Version, ImageError> {
        let Some(number) = version else { return self.newest(name) };
        let mut versions = self.versions(name)?.into_iter();
        versions.find(|version| version.version == number).ok_or_else(|| ImageError::Missing(name.to_owned()))
    }

    /// Reads the manifests of all versions of an image, in ascending order; empty for an unknown image.
    ///
    /// # Errors
    /// The name is not valid, or a manifest is damaged.
    pub fn versions(&self, name: &str) -> Result<Vec<Version>, ImageError> {
        Self::check_name(name)?;
        let dir = self.versions_dir().join(name);
        let entries = match fs::read_dir(&dir) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(at(&dir)(error)),
        };
        let mut versions = Vec::new();
        for entry in entries {
            let path = entry.map_err(at(&dir))?.path();
            let number = path.file_name().and_then(|name| name.to_str()?.strip_suffix(".toml")?.parse().ok());
            let Some(number) = number else { continue };
            let damaged = |problem: String| ImageError::Damaged {
                name: name.to_owned(),
                problem: format!("{}: {problem}", path.display()),
            };
            let version = Version::read(&path).map_err(|error| damaged(error.to_string()))?;
            if (version.name.as_str(), version.version) != (name, number) {
                return Err(damaged(format!("it says that it is {} {}", version.name, version.version)));
            }
            versions.push(version);
        }
        versions.sort_by_key(|version| version.version);
        Ok(versions)
    }

    /// Lists the names of all images in alphabetical order.
    ///
    /// # Errors
    /// The folder cannot be read.
    pub fn names(&self) -> Result<Vec<String>, ImageError> {
        let dir = self.versions_dir();
        let mut names = Vec::new();
        for entry in fs::read_dir(&dir).map_err(at(&dir))? {
            let name = entry.map_err(at(&dir))?.file_name().to_string_lossy().into_owned();
            if Self::check_name(&name).is_ok() {
                names.push(name);
            }
        }
        names.sort();
        Ok(names)
    }

    /// Lists the desktops of this host that were started from versions in the store.
    ///
    /// # Errors
    /// A desktop's folder, or the manifest of its version, cannot be read.
    pub fn users(&self) -> Result<Vec<ImageUser>, ImageError> {
        let dir = self.dir.desktops();
        let mut all = Vec::new();
        for entry in fs::read_dir(&dir).map_err(at(&dir))? {
            let name = entry.map_err(at(&dir))?.file_name().to_string_lossy().into_owned();
            // A folder with another name belongs to no desktop.
            let Ok(desktop) = DesktopId::new(name) else { continue };
            let folder = self.dir.desktop(&desktop);
            let version = match Version::read(&folder.base()) {
                Ok(version) => version,
                Err(error)
                    if [io::ErrorKind::NotFound, io::ErrorKind::NotADirectory].contains(&error.kind()) =>
                {
                    continue;
                }
                Err(error) => return Err(at(&folder.base())(error)),
            };
            let lock = folder.alive_lock();
            let holds = folder.overlay().exists() || (lock.exists() && try_lock(&lock).is_err());
            all.push(ImageUser { desktop, version, holds });
        }
        Ok(all)
    }

    /// Removes all versions of an image unless a desktop holds one ([`ImageUser::holds`]), and collects
    /// blobs. `who` returns a name of a desktop for the error.
    ///
    /// # Errors
    /// [`ImageError::Missing`], or [`ImageError::InUse`] while a desktop uses a version; then nothing is
    /// removed.
    pub fn remove(
        &self,
        lock: &StoreLock,
        name: &str,
        who: impl Fn(&DesktopId) -> String,
    ) -> Result<(), ImageError> {
        Self::check_name(name)?;
        let dir = self.versions_dir().join(name);
        if !dir.exists() {
            return Err(ImageError::Missing(name.to_owned()));
        }
        let holders: Vec<_> = self
            .users()?
            .into_iter()
            .filter(|user| user.holds && user.version.name == name)
            .map(|user| who(&user.desktop))
            .collect();
        if !holders.is_empty() {
            let by = format!("the disk of {} lies over it; remove that disk first", holders.join(", of "));
            return Err(ImageError::InUse { name: name.to_owned(), by });
        }
        fs::remove_dir_all(&dir).map_err(at(&dir))?;
        self.collect(lock)
    }

    /// Removes superseded versions that no desktop uses, blobs that no manifest names, and abandoned staging
    /// folders.
    ///
    /// # Errors
    /// A file cannot be removed, or a manifest cannot be read; in the latter case no blob is removed.
    pub fn collect(&self, lock: &StoreLock) -> Result<(), ImageError> {
        self.clear_incoming(lock)?;
        let users = self.users()?;
        let mut named: HashSet<String> = HashSet::new();
        let blobs = |version: &Version| version.blobs().map(|(digest, _)| digest.hex()).collect::<Vec<_>>();
        for user in &users {
            named.extend(blobs(&user.version));
        }
        for name in self.names()? {
            let mut versions = self.versions(&name)?;
            named.extend(versions.pop().iter().flat_map(blobs));
            for old in versions {
                let used = users
                    .iter()
                    .any(|user| (&user.version.name, user.version.version) == (&old.name, old.version));
                if used {
                    named.extend(blobs(&old));
                } else {
                    let path = self.manifest(&name, old.version);
                    fs::remove_file(&path).map_err(at(&path))?;
                }
            }
        }
        let dir = self.blobs();
        for entry in fs::read_dir(&dir).map_err(at(&dir))? {
            let entry = entry.map_err(at(&dir))?;
            if !named.contains(&*entry.file_name().to_string_lossy()) {
                fs::remove_file(entry.path()).map_err(at(&entry.path()))?;
            }
        }
        Ok(())
    }

    /// Removes abandoned staging folders.
    ///
    /// # Errors
    /// A folder cannot be read or removed.
    pub(super) fn clear_incoming(&self, _lock: &StoreLock) -> Result<(), ImageError> {
        let dir = self.incoming();
        for entry in fs::read_dir(&dir).map_err(at(&dir))? {
            let path = entry.map_err(at(&dir))?.path();
            // A folder in use is locked, and no new one is created while this process has the store's lock.
            if is_abandoned(&path) {
                fs::remove_dir_all(&path).map_err(at(&path))?;
            }
        }
        Ok(())
    }
}

/// Returns whether no process holds the lock of a staging folder.
fn is_abandoned(dir: &Path) -> bool {
    let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NOFOLLOW | OFlags::NONBLOCK;
    open(dir, flags, Mode::empty())
        .is_ok_and(|dir| flock(&dir, FlockOperation::NonBlockingLockExclusive).is_ok())
}
