//! Durable replacement of a file: after a power failure the file has its old contents or its new contents.

use rustix::fs::OFlags;
use std::fs::{self, File};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

/// Replaces a file's contents: writes a temporary file next to it, synchronises that to the disk, renames it
/// into place, and synchronises the folder. The file has mode 0600.
///
/// # Errors
/// The file system's error. The file then has its old contents, except that a failure to synchronise the
/// folder comes after the rename.
pub fn write_durably(path: &Path, contents: &[u8]) -> io::Result<()> {
    let folder = path.parent().ok_or(io::ErrorKind::InvalidInput)?;
    let mut unfinished = path.as_os_str().to_owned();
    unfinished.push(".new");
    let mut options = File::options();
    options.write(true).create(true).truncate(true).mode(0o600);
    // A link that somebody left at the temporary name is not followed.
    options.custom_flags(OFlags::NOFOLLOW.bits().cast_signed());
    let written = options.open(&unfinished).and_then(|mut file| {
        file.write_all(contents)?;
        file.sync_all()?;
        fs::rename(&unfinished, path)
    });
    if written.is_err() {
        // The caller needs the error of the write, not that of the removal.
        let _ = fs::remove_file(&unfinished);
        return written;
    }
    sync_folder(folder)
}

/// Returns whether a write failed because the disk or the owner's quota is full.
pub fn is_no_space(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded)
}

/// Synchronises a folder to the disk, without which a power failure may undo the creation or renaming of an
/// entry.
///
/// # Errors
/// The file system's error.
pub fn sync_folder(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_replaced_and_nothing_else_is_left() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("record.json");
        write_durably(&path, b"one").unwrap();
        write_durably(&path, b"two").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"two");
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
        assert!(write_durably(&dir.path().join("none/record.json"), b"x").is_err());
    }
}
