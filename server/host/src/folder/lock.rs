//! Locks on files, which the kernel lets go of when their holder dies, however it dies.

use rustix::fs::{FlockOperation, flock};
use std::fs::File;
use std::io;
use std::path::Path;
use std::time::{Duration, Instant};

const LOOK_EVERY: Duration = Duration::from_millis(10);

/// Why a lock was not got.
#[derive(Debug, thiserror::Error)]
pub enum LockError {
    /// Someone holds it.
    #[error("it is held by another process")]
    Held,
    /// The file system's.
    #[error(transparent)]
    Io(#[from] io::Error),
}

/// Takes the lock, which lasts until the file and every copy of its descriptor are closed.
///
/// # Errors
/// It is held, or the file cannot be opened.
pub fn try_lock(path: &Path) -> Result<File, LockError> {
    let file = File::options().create(true).truncate(false).write(true).open(path)?;
    match flock(&file, FlockOperation::NonBlockingLockExclusive) {
        Ok(()) => Ok(file),
        Err(rustix::io::Errno::WOULDBLOCK) => Err(LockError::Held),
        Err(error) => Err(LockError::Io(error.into())),
    }
}

/// Takes the lock, and believes that it is held only if it stays so for `patience`: while a program is
/// being started, for a moment it has a copy of every file that its parent has open.
///
/// # Errors
/// It is held, or the file cannot be opened.
pub async fn lock_within(path: &Path, patience: Duration) -> Result<File, LockError> {
    let until = Instant::now() + patience;
    loop {
        match try_lock(path) {
            Err(LockError::Held) if Instant::now() < until => tokio::time::sleep(LOOK_EVERY).await,
            outcome => return outcome,
        }
    }
}

/// Waits for the lock and takes it; for what is never held for long.
///
/// # Errors
/// The file cannot be opened.
pub fn lock(path: &Path) -> io::Result<File> {
    let file = File::options().create(true).truncate(false).write(true).open(path)?;
    loop {
        match flock(&file, FlockOperation::LockExclusive) {
            Ok(()) => return Ok(file),
            Err(rustix::io::Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
    }
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
}
