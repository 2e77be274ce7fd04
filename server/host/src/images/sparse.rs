//! Reading and copying of sparse files: holes stay holes, and the digest is computed along the way.

use super::digest::{CHUNK, Digest, TreeHasher};
use rustix::fs::SeekFrom;
use rustix::io::Errno;
use std::fs::File;
use std::io;
use std::os::unix::fs::{FileExt, MetadataExt};

/// Size of a block in bytes; aligned blocks of zeros are not written.
const BLOCK: usize = 64 << 10;

/// Reason for which a file was not read or copied to its end.
#[derive(Debug, thiserror::Error)]
pub enum CopyError {
    /// The file system or the quota is full.
    #[error("there is no room left on the disk")]
    NoRoom,
    /// The progress callback cancelled the operation.
    #[error("the operation was cancelled")]
    Cancelled,
    /// The file system failed otherwise.
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

/// Callback with the number of data bytes processed since the last call; `false` cancels the operation.
pub type CopyProgress<'a> = &'a mut dyn FnMut(u64) -> bool;

/// Returns the number of bytes of a file that are not holes, estimated from the allocated blocks.
///
/// # Errors
/// The file's metadata cannot be read.
pub fn data_bytes(file: &File) -> io::Result<u64> {
    let metadata = file.metadata()?;
    Ok(metadata.blocks().saturating_mul(512).min(metadata.len()))
}

/// Computes the digest of a file.
///
/// # Errors
/// See [`CopyError`].
pub fn digest_of(file: &File, progress: CopyProgress<'_>) -> Result<Digest, CopyError> {
    walk(file, progress, |_, _| Ok(()))
}

/// Copies `source` into the empty file `target`, and computes the digest of the copied bytes. The file system
/// shares the blocks if it can (FICLONE); otherwise zeros become holes. `target` is synchronised when the
/// function returns.
///
/// # Errors
/// See [`CopyError`].
pub fn copy_with_digest(
    source: &File,
    target: &File,
    progress: CopyProgress<'_>,
) -> Result<Digest, CopyError> {
    let digest = if rustix::fs::ioctl_ficlone(target, source).is_ok() {
        // The copy is what will be used, whatever becomes of the source meanwhile.
        digest_of(target, progress)?
    } else {
        target.set_len(source.metadata()?.len())?;
        walk(source, progress, |at, chunk| {
            let mut at = at;
            for block in chunk.chunks(BLOCK) {
                if !is_zero(block) {
                    target.write_all_at(block, at)?;
                }
                at = at.saturating_add(block.len() as u64);
            }
            Ok(())
        })?
    };
    target.sync_all()?;
    Ok(digest)
}

/// Hashes the chunks of a file in order, and calls `data` with the offset and the bytes of each chunk outside
/// holes.
fn walk(
    file: &File,
    progress: CopyProgress<'_>,
    mut data: impl FnMut(u64, &[u8]) -> Result<(), CopyError>,
) -> Result<Digest, CopyError> {
    let length = file.metadata()?.len();
    let mut hasher = TreeHasher::new(length);
    let mut buffer = vec![0; CHUNK];
    let mut at = 0;
    // Bytes from `at` to this offset are a hole.
    let mut next_data = 0;
    while at < length {
        let size = usize::try_from(length - at).unwrap_or(usize::MAX).min(CHUNK);
        let end = at + size as u64;
        if next_data <= at {
            next_data = data_from(file, at)?.unwrap_or(length);
        }
        if next_data >= end && size == CHUNK {
            hasher.zeros();
        } else {
            let chunk = buffer.get_mut(..size).unwrap_or_default();
            file.read_exact_at(chunk, at)?;
            hasher.chunk(chunk);
            data(at, chunk)?;
            if !progress(size as u64) {
                return Err(CopyError::Cancelled);
            }
        }
        at = end;
    }
    Ok(hasher.finish())
}

/// Returns the offset of the next data from `at` on (lseek(2), SEEK_DATA); `None` if only a hole follows.
fn data_from(file: &File, at: u64) -> Result<Option<u64>, CopyError> {
    match rustix::fs::seek(file, SeekFrom::Data(at)) {
        Ok(start) => Ok(Some(start)),
        Err(Errno::NXIO) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// Returns whether all bytes of a block are zero.
fn is_zero(block: &[u8]) -> bool {
    // The compiler vectorises the OR of a whole word; it does not vectorise a comparison per byte.
    let (words, rest) = block.as_chunks::<64>();
    words.iter().all(|word| word.iter().fold(0, |all, byte| all | byte) == 0)
        && rest.iter().all(|byte| *byte == 0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;

    fn sparse_file(path: &Path) -> File {
        let file = File::options().read(true).write(true).create(true).truncate(true).open(path).unwrap();
        file.set_len((64 << 20) + 100).unwrap();
        file.write_all_at(&[7; 5000], 1 << 20).unwrap();
        // In the middle of a MiB that begins with a hole.
        file.write_all_at(&[9; 5000], (40 << 20) + (512 << 10) + 13).unwrap();
        file.sync_all().unwrap();
        file
    }

    fn empty(path: &Path) -> File {
        File::options().read(true).write(true).create_new(true).open(path).unwrap()
    }

    #[test]
    fn the_copy_has_the_same_bytes_and_digest_and_keeps_the_holes() {
        let dir = tempfile::tempdir().unwrap();
        let (from, to) = (dir.path().join("from"), dir.path().join("to"));
        let source = sparse_file(&from);
        let copied = empty(&to);
        let digest = copy_with_digest(&source, &copied, &mut |_| true).unwrap();
        assert!(std::fs::read(&from).unwrap() == std::fs::read(&to).unwrap());
        assert!(std::fs::metadata(&to).unwrap().blocks() * 512 < 1 << 20);
        assert_eq!(digest_of(&copied, &mut |_| true).unwrap(), digest);
    }

    #[test]
    fn zeros_that_were_written_are_a_hole_in_the_copy_and_change_no_digest() {
        let dir = tempfile::tempdir().unwrap();
        let sparse = sparse_file(&dir.path().join("sparse"));
        let full = dir.path().join("full");
        std::fs::write(&full, std::fs::read(dir.path().join("sparse")).unwrap()).unwrap();
        let copied = empty(&dir.path().join("copy"));
        let digest = copy_with_digest(&File::open(&full).unwrap(), &copied, &mut |_| true).unwrap();
        assert_eq!(digest, digest_of(&sparse, &mut |_| true).unwrap());
        // A file system that shares blocks shares the zeros too.
        if rustix::fs::ioctl_ficlone(empty(&dir.path().join("try")), &sparse).is_err() {
            assert!(copied.metadata().unwrap().blocks() * 512 < 1 << 20);
        }
    }

    #[test]
    fn every_byte_and_the_length_count() {
        let dir = tempfile::tempdir().unwrap();
        let file = sparse_file(&dir.path().join("file"));
        let mut seen = vec![digest_of(&file, &mut |_| true).unwrap()];
        file.write_all_at(&[1], 63 << 20).unwrap();
        seen.push(digest_of(&file, &mut |_| true).unwrap());
        file.write_all_at(&[1], (64 << 20) + 99).unwrap();
        seen.push(digest_of(&file, &mut |_| true).unwrap());
        file.set_len((64 << 20) + 101).unwrap();
        seen.push(digest_of(&file, &mut |_| true).unwrap());
        seen.dedup();
        assert_eq!(seen.len(), 4);
    }

    #[test]
    fn it_can_be_called_off_and_a_full_disk_is_told_apart() {
        let dir = tempfile::tempdir().unwrap();
        let source = sparse_file(&dir.path().join("from"));
        let target = empty(&dir.path().join("to"));
        assert!(matches!(copy_with_digest(&source, &target, &mut |_| false), Err(CopyError::Cancelled)));
        assert!(matches!(CopyError::from(Errno::NOSPC), CopyError::NoRoom));
        assert!(matches!(CopyError::from(Errno::IO), CopyError::Io(_)));
    }
}
