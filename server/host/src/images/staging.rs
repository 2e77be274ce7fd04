//! Staging of an import: a folder in which files are completed before they enter the store together.

use super::digest::Digest;
use super::error::{ImageError, at};
use super::sparse::{CopyError, CopyProgress, copy_with_digest, digest_of};
use super::store::{ImageStore, StoreLock};
use rustix::fs::{AtFlags, CWD, FlockOperation, flock, linkat};
use std::fs::{self, File};
use std::os::fd::AsRawFd;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

/// Staging folder of one import, locked while it is in use and removed when it is dropped.
pub(super) struct Staging {
    store: ImageStore,
    dir: PathBuf,
    _lock: File,
}

/// File in a staging folder, complete and synchronised to the disk.
#[derive(Debug)]
pub(super) struct Staged {
    /// The file, open for reading.
    pub file: File,
    /// Digest of the contents.
    pub digest: Digest,
    /// Length in bytes.
    pub bytes: u64,
    /// Path of the file.
    path: PathBuf,
}

impl Staging {
    /// Creates a locked staging folder, after the removal of abandoned ones.
    ///
    /// # Errors
    /// The folder cannot be created or locked.
    pub(super) fn new(store: &ImageStore) -> Result<Self, ImageError> {
        let lock = store.lock()?;
        // Abandoned folders take room that this import may need.
        store.clear_incoming(&lock)?;
        let incoming = store.incoming();
        let mut number = std::process::id();
        loop {
            let dir = incoming.join(number.to_string());
            match fs::DirBuilder::new().mode(0o700).create(&dir) {
                Ok(()) => {}
                Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {
                    number = number.wrapping_add(1);
                    continue;
                }
                Err(error) => return Err(at(&dir)(error)),
            }
            let held = File::open(&dir).map_err(at(&dir))?;
            flock(&held, FlockOperation::NonBlockingLockExclusive).map_err(|error| at(&dir)(error.into()))?;
            return Ok(Self { store: store.clone(), dir, _lock: held });
        }
    }

    /// Copies an open file into the staging folder under `name`, and computes its digest; `from` is the
    /// file's path in errors.
    ///
    /// # Errors
    /// The copy failed, the store is full, or `progress` cancelled it.
    pub(super) fn copy(
        &self,
        source: &File,
        from: &Path,
        name: &str,
        progress: CopyProgress<'_>,
    ) -> Result<Staged, ImageError> {
        let path = self.dir.join(name);
        let file = File::options()
            .read(true)
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&path)
            .map_err(at(&path))?;
        let digest = copy_with_digest(source, &file, progress).map_err(|error| self.sentence(error, from))?;
        let bytes = file.metadata().map_err(at(&path))?.len();
        Ok(Staged { file, digest, bytes, path })
    }

    /// Hard-links an open file that is no longer written into the staging folder, and computes its digest.
    /// Copies the file if it belongs to another user, has another name besides, or cannot be linked.
    ///
    /// # Errors
    /// As for [`Staging::copy`].
    pub(super) fn take(
        &self,
        file: File,
        from: &Path,
        name: &str,
        progress: CopyProgress<'_>,
    ) -> Result<Staged, ImageError> {
        let path = self.dir.join(name);
        let facts = file.metadata().map_err(at(from))?;
        let own = facts.uid() == rustix::process::geteuid().as_raw() && facts.nlink() == 1;
        if !own || link(&file, &path).is_err() {
            return self.copy(&file, from, name, progress);
        }
        let digest = digest_of(&file, progress).map_err(|error| self.sentence(error, from))?;
        file.sync_all().map_err(at(&path))?;
        let bytes = file.metadata().map_err(at(&path))?.len();
        Ok(Staged { file, digest, bytes, path })
    }

    /// Moves a staged file among the blobs, read-only. An existing blob of the same digest is replaced, which
    /// repairs a damaged one and leaves open files alone.
    ///
    /// # Errors
    /// The file cannot be moved, or its mode cannot be changed.
    pub(super) fn put(&self, _lock: &StoreLock, staged: &Staged) -> Result<(), ImageError> {
        let read_only = fs::Permissions::from_mode(0o444);
        staged.file.set_permissions(read_only).map_err(at(&staged.path))?;
        let blob = self.store.blob(&staged.digest);
        fs::rename(&staged.path, &blob).map_err(at(&blob))
    }

    /// Converts an error of a copy from the file `from`.
    fn sentence(&self, error: CopyError, from: &Path) -> ImageError {
        match error {
            CopyError::NoRoom => ImageError::NoRoom(self.store.root().to_owned()),
            CopyError::Cancelled => ImageError::Cancelled,
            CopyError::Io(source) => ImageError::Io { path: from.to_owned(), source },
        }
    }
}

/// Gives an open file another name: of this very file, whatever its path leads to by now.
fn link(file: &File, to: &Path) -> rustix::io::Result<()> {
    let opened = format!("/proc/self/fd/{}", file.as_raw_fd());
    linkat(CWD, opened, CWD, to, AtFlags::SYMLINK_FOLLOW)
}

impl Drop for Staging {
    fn drop(&mut self) {
        if let Err(error) = fs::remove_dir_all(&self.dir) {
            tracing::warn!(path = %self.dir.display(), %error, "a staging folder could not be removed");
        }
    }
}
