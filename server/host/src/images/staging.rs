//! Where files wait, under no name yet, until a whole image can be put into the store at once.

use super::digest::Digest;
use super::error::{ImageError, at};
use super::sparse::{CopyError, CopyProgress, copy_with_digest, digest_of};
use super::store::{ImageStore, StoreLock};
use rustix::fs::{FlockOperation, flock};
use std::fs::{self, File};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

/// A folder that goes away with what is in it.
pub(super) struct Staging {
    store: ImageStore,
    dir: PathBuf,
    _lock: File,
}

/// A file that is whole and on the disk.
#[derive(Debug, Clone)]
pub(super) struct Staged {
    pub path: PathBuf,
    pub digest: Digest,
    pub bytes: u64,
}

/// Whether nobody holds a folder of `incoming` any more.
pub(super) fn is_abandoned(dir: &Path) -> bool {
    File::open(dir).is_ok_and(|dir| flock(&dir, FlockOperation::NonBlockingLockExclusive).is_ok())
}

impl Staging {
    pub(super) fn new(store: &ImageStore) -> Result<Self, ImageError> {
        let lock = store.lock()?;
        // What killed processes left takes room that may be needed now.
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

    /// Copies a file in under a name of its own.
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

    /// Takes in a file that nobody will write to any more, without a copy where that can be.
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

    /// Gives a file its place among the blobs. One that is there already is replaced, which mends it
    /// if it was damaged and changes nothing for those who have it open.
    pub(super) fn put(&self, _lock: &StoreLock, staged: &Staged) -> Result<(), ImageError> {
        fs::set_permissions(&staged.path, fs::Permissions::from_mode(0o444)).map_err(at(&staged.path))?;
        self.store.host_dir().give_to_owner(&staged.path).map_err(at(&staged.path))?;
        let blob = self.store.blob(&staged.digest);
        fs::rename(&staged.path, &blob).map_err(at(&blob))
    }

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
            tracing::warn!(path = %self.dir.display(), %error, "a half made image could not be removed");
        }
    }
}
