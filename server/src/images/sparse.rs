//! Copying disks: shared blocks where the file system can, holes kept as holes where it cannot.

use rustix::fs::SeekFrom;
use rustix::io::Errno;
use std::fs::File;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

/// Bytes copied between two looks at whether to go on.
const STEP: u64 = 8 << 20;

/// Why a copy was not made.
#[derive(Debug, thiserror::Error)]
pub enum CopyError {
    /// The disk is full.
    #[error("there is no room left on the disk")]
    NoRoom,
    /// It was called off.
    #[error("the copy was called off")]
    CalledOff,
    /// Anything else.
    #[error(transparent)]
    Io(io::Error),
}

impl From<io::Error> for CopyError {
    fn from(error: io::Error) -> Self {
        let full = [Errno::NOSPC, Errno::DQUOT].map(Errno::raw_os_error);
        if error.raw_os_error().is_some_and(|code| full.contains(&code)) {
            Self::NoRoom
        } else {
            Self::Io(error)
        }
    }
}

impl From<Errno> for CopyError {
    fn from(error: Errno) -> Self {
        io::Error::from(error).into()
    }
}

/// Copies `from` to the new file `to`. `go_on` hears the percentage now and then and may call it off.
/// Whatever happens, a failed copy leaves no file.
///
/// # Errors
/// See [`CopyError`].
pub fn copy_sparse(from: &Path, to: &Path, go_on: &mut dyn FnMut(u8) -> bool) -> Result<(), CopyError> {
    let source = File::open(from)?;
    let target = File::options().write(true).create_new(true).open(to)?;
    let copied = fill(&source, &target, go_on);
    if copied.is_err() {
        drop(target);
        // The copy's own failure is the one to tell of.
        let _ = std::fs::remove_file(to);
    }
    copied
}

fn fill(source: &File, target: &File, go_on: &mut dyn FnMut(u8) -> bool) -> Result<(), CopyError> {
    if rustix::fs::ioctl_ficlone(target, source).is_ok() {
        return Ok(());
    }
    let metadata = source.metadata()?;
    let length = metadata.len();
    target.set_len(length)?;
    let allocated = metadata.blocks().saturating_mul(512).clamp(1, length.max(1));
    let mut copied: u64 = 0;
    let mut at: u64 = 0;
    while let Some((start, end)) = next_data(source, at)? {
        at = start;
        while at < end {
            let percent = copied.saturating_mul(100).checked_div(allocated).unwrap_or(100).min(100);
            if !go_on(u8::try_from(percent).unwrap_or(100)) {
                return Err(CopyError::CalledOff);
            }
            let moved = copy_range(source, target, at, (end - at).min(STEP))?;
            if moved == 0 {
                return Err(CopyError::Io(io::ErrorKind::UnexpectedEof.into()));
            }
            at += moved;
            copied += moved;
        }
    }
    target.sync_all()?;
    Ok(())
}

/// The next range that is not a hole, from `at` on.
fn next_data(file: &File, at: u64) -> Result<Option<(u64, u64)>, CopyError> {
    let start = match rustix::fs::seek(file, SeekFrom::Data(at)) {
        Ok(start) => start,
        Err(Errno::NXIO) => return Ok(None),
        Err(error) => return Err(error.into()),
    };
    Ok(Some((start, rustix::fs::seek(file, SeekFrom::Hole(start))?)))
}

fn copy_range(source: &File, target: &File, at: u64, length: u64) -> Result<u64, CopyError> {
    let wanted = usize::try_from(length).unwrap_or(usize::MAX);
    let (mut from, mut to) = (at, at);
    match rustix::fs::copy_file_range(source, Some(&mut from), target, Some(&mut to), wanted) {
        Ok(moved) => Ok(moved as u64),
        // Two file systems that do not know each other.
        Err(Errno::XDEV | Errno::INVAL | Errno::NOSYS | Errno::OPNOTSUPP) => {
            use std::os::unix::fs::FileExt;
            let mut buffer = vec![0; wanted.min(1 << 20)];
            let read = source.read_at(&mut buffer, at)?;
            let filled = buffer.get(..read).unwrap_or_default();
            target.write_all_at(filled, at)?;
            Ok(read as u64)
        }
        Err(error) => Err(error.into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::FileExt;

    fn sparse_file(path: &Path) {
        let file = File::create(path).unwrap();
        file.set_len(64 << 20).unwrap();
        file.write_all_at(&[7; 5000], 1 << 20).unwrap();
        file.write_all_at(&[9; 5000], (40 << 20) + 13).unwrap();
        file.sync_all().unwrap();
    }

    #[test]
    fn the_copy_has_the_same_bytes_and_keeps_the_holes() {
        let dir = tempfile::tempdir().unwrap();
        let (from, to) = (dir.path().join("from"), dir.path().join("to"));
        sparse_file(&from);
        copy_sparse(&from, &to, &mut |_| true).unwrap();
        assert!(std::fs::read(&from).unwrap() == std::fs::read(&to).unwrap());
        assert!(std::fs::metadata(&to).unwrap().blocks() * 512 < 1 << 20);
    }

    #[test]
    fn a_copy_called_off_leaves_nothing() {
        let dir = tempfile::tempdir().unwrap();
        let (from, to) = (dir.path().join("from"), dir.path().join("to"));
        sparse_file(&from);
        let answer = copy_sparse(&from, &to, &mut |_| false);
        // A file system that shares blocks is done before anyone can object.
        if answer.is_err() {
            assert!(matches!(answer, Err(CopyError::CalledOff)));
            assert!(!to.exists());
        }
    }

    #[test]
    fn a_full_disk_is_told_apart_and_leaves_nothing() {
        assert!(matches!(CopyError::from(Errno::NOSPC), CopyError::NoRoom));
        assert!(matches!(CopyError::from(Errno::IO), CopyError::Io(_)));
        let answer = copy_sparse(Path::new("/dev/zero"), Path::new("/dev/full"), &mut |_| true);
        assert!(answer.is_err());
    }
}
