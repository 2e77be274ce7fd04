//! Staging of an import: a folder in which files are completed before they enter the store together.

use super::digest::Digest;
use super::error::{ImageError, at};
use super::sparse::{CopyError, CopyProgress, copy_with_digest, digest_of};
use super::store::{ImageStore, StoreLock};
use rustix::fs::{FlockOperation, flock};
use std::fs::{self, File};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

/// Staging folder of one import, locked while it is in use and removed when it is dropped.
pub(super) struct Staging {
    store: ImageStore,
    dir: PathBuf,
    _lock: File,
}

/// File in a staging folder, complete and synchronised to the disk.
#[derive(Debug, Clone)]
pub(super) struct Staged {
    /// Path of the file.
    pub path: PathBuf,
    /// Digest of the contents.
    pub digest: Digest,
    /// Length in bytes.
    pub bytes: u64,
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

    /// Copies a file into the staging folder under `name`, and computes its digest.
    ///
    /// # Errors
    /// The copy failed, the store is full, or `progress` cancelled it.
    pub(super) fn copy(
        &self,
        from: &Path,
        name: &str,
        progress: CopyProgress<'_>,
    ) -> Result<Staged, ImageError> {
        let path = self.dir.join(name);
        let source = File::open(from).map_err(at(from))?;
        if !source.metadata().map_err(at(from))?.is_file() {
            return Err(at(from)(std::io::Error::other("it is no file")));
        }
        let target = File::options()
            .read(true)
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&path)
            .map_err(at(&path))?;
        let digest =
            copy_with_digest(&source, &target, progress).map_err(|error| self.sentence(error, from))?;
        let bytes = target.metadata().map_err(at(&path))?.len();
        Ok(Staged { path, digest, bytes })
    }

    /// Hard-links a file that is no longer written into the staging folder, and computes its digest; copies
    /// the file if a link is not possible.
    ///
    /// # Errors
    /// As for [`Staging::copy`].
    pub(super) fn take(
        &self,
        from: &Path,
        name: &str,
        progress: CopyProgress<'_>,
    ) -> Result<Staged, ImageError> {
        let path = self.dir.join(name);
        if fs::hard_link(from, &path).is_err() {
            return self.copy(from, name, progress);
        }
        let file = File::open(&path).map_err(at(&path))?;
        let digest = digest_of(&file, progress).map_err(|error| self.sentence(error, from))?;
        file.sync_all().map_err(at(&path))?;
        let bytes = file.metadata().map_err(at(&path))?.len();
        Ok(Staged { path, digest, bytes })
    }

    /// Moves a staged file among the blobs, read-only. An existing blob of the same digest is replaced, which
    /// repairs a damaged one and leaves open files alone.
    ///
    /// # Errors
    /// The file cannot be moved, or its mode or owner cannot be changed.
    pub(super) fn put(&self, _lock: &StoreLock, staged: &Staged) -> Result<(), ImageError> {
        fs::set_permissions(&staged.path, fs::Permissions::from_mode(0o444)).map_err(at(&staged.path))?;
        self.store.host_dir().give_to_owner(&staged.path).map_err(at(&staged.path))?;
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

impl Drop for Staging {
    fn drop(&mut self) {
        if let Err(error) = fs::remove_dir_all(&self.dir) {
            tracing::warn!(path = %self.dir.display(), %error, "a staging folder could not be removed");
        }
    }
}
