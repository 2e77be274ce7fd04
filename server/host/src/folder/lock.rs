//! Exclusive locks on files (flock(2)), which the kernel releases when the holding process ends.

use rustix::fs::{FlockOperation, OFlags, flock};
use std::fs::File;
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::time::{Duration, Instant};

/// Interval between attempts to take a held lock.
const LOOK_EVERY: Duration = Duration::from_millis(10);

/// Error of an attempt to take a lock.
#[derive(Debug, thiserror::Error)]
pub enum LockError {
    /// Another process holds the lock.
    #[error("it is held by another process")]
    Held,
    /// The lock's file cannot be opened or locked.
    #[error(transparent)]
    Io(#[from] io::Error),
}

/// Takes an exclusive lock on a file, creating the file if it is missing. The lock is held until every copy
/// of the file's descriptor is closed.
///
/// # Errors
/// [`LockError::Held`], or the file cannot be opened or locked.
pub fn try_lock(path: &Path) -> Result<File, LockError> {
    let file = open(path)?;
    match flock(&file, FlockOperation::NonBlockingLockExclusive) {
        Ok(()) => Ok(file),
        Err(rustix::io::Errno::WOULDBLOCK) => Err(LockError::Held),
        Err(error) => Err(LockError::Io(error.into())),
    }
}

/// Takes an exclusive lock on a file, and retries for `patience` while the lock is held: a process between
/// fork and exec briefly has copies of its parent's descriptors, locks included.
///
/// # Errors
/// [`LockError::Held`] after `patience`, or the file cannot be opened or locked.
pub async fn lock_within(path: &Path, patience: Duration) -> Result<File, LockError> {
    let until = Instant::now() + patience;
    loop {
        match try_lock(path) {
            Err(LockError::Held) if Instant::now() < until => tokio::time::sleep(LOOK_EVERY).await,
            outcome => return outcome,
        }
    }
}

/// Waits for an exclusive lock on a file without limit. It blocks the thread, so it is for locks held
/// briefly.
///
/// # Errors
/// The lock's file cannot be opened or locked.
pub fn lock(path: &Path) -> io::Result<File> {
    let file = open(path)?;
    loop {
        match flock(&file, FlockOperation::LockExclusive) {
            Ok(()) => return Ok(file),
            Err(rustix::io::Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
    }
}

/// Opens the file of a lock, and creates it with mode 0600 if it is missing. The file is no link.
fn open(path: &Path) -> io::Result<File> {
    let no_link = OFlags::NOFOLLOW.bits().cast_signed();
    File::options().create(true).truncate(false).write(true).mode(0o600).custom_flags(no_link).open(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lock_is_held_until_it_is_dropped() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("lock");
        let held = try_lock(&path).unwrap();
        assert!(matches!(try_lock(&path), Err(LockError::Held)));
        drop(held);
        assert!(try_lock(&path).is_ok());
    }

    #[test]
    fn a_link_is_no_lock() {
        let dir = tempfile::tempdir().unwrap();
        let (path, target) = (dir.path().join("lock"), dir.path().join("target"));
        std::os::unix::fs::symlink(&target, &path).unwrap();
        assert!(matches!(try_lock(&path), Err(LockError::Io(_))));
        assert!(lock(&path).is_err() && !target.exists());
    }
}
