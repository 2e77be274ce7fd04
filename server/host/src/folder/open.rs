//! Opening of regular files, without links where a folder's owner is not to lead elsewhere.

use rustix::fs::{FileType, Mode, OFlags, ResolveFlags, fstat, open, openat2};
use rustix::io::Errno;
use std::fs::File;
use std::io::{self, Read};
use std::os::fd::OwnedFd;
use std::path::Path;

/// Flags of every open. A pipe that stands in for a file is refused at once instead of waited for.
const FLAGS: OFlags = OFlags::RDONLY.union(OFlags::CLOEXEC).union(OFlags::NONBLOCK).union(OFlags::NOCTTY);

/// Folder that is open; files are opened beneath it, whatever happens to its path.
#[derive(Debug)]
pub struct OpenFolder {
    folder: OwnedFd,
}

impl OpenFolder {
    /// Opens a folder, which must be no symbolic link itself.
    ///
    /// # Errors
    /// The folder is missing or a link, or may not be read.
    pub fn open(path: &Path) -> io::Result<Self> {
        let flags = FLAGS | OFlags::DIRECTORY | OFlags::NOFOLLOW;
        let folder = open(path, flags, Mode::empty()).map_err(no_link)?;
        Ok(Self { folder })
    }

    /// Opens the regular file at a path relative to the folder for reading. No part of the path may be a
    /// link or lead out of the folder (openat2(2), `RESOLVE_BENEATH` and `RESOLVE_NO_SYMLINKS`).
    ///
    /// # Errors
    /// There is no such file, it is reached by a link or is no regular file, or it may not be read.
    pub fn file(&self, path: &Path) -> io::Result<File> {
        let resolve = ResolveFlags::BENEATH | ResolveFlags::NO_SYMLINKS | ResolveFlags::NO_MAGICLINKS;
        let file = openat2(&self.folder, path, FLAGS | OFlags::NOFOLLOW, Mode::empty(), resolve);
        regular(file.map_err(no_link)?)
    }
}

/// Opens a regular file for reading. The path may be a link, as a path that an administrator gives may be.
///
/// # Errors
/// The file is missing, is no regular file, or may not be read.
pub fn open_file(path: &Path) -> io::Result<File> {
    regular(open(path, FLAGS, Mode::empty())?)
}

/// Opens a regular file that this program wrote, for reading: the file itself is no link.
///
/// # Errors
/// The file is missing, is a link or no regular file, or may not be read.
pub fn open_own_file(path: &Path) -> io::Result<File> {
    regular(open(path, FLAGS | OFlags::NOFOLLOW, Mode::empty()).map_err(no_link)?)
}

/// Reads the text of a file of at most `most` bytes.
///
/// # Errors
/// The file cannot be read, is longer, or is no UTF-8 text (`InvalidData`).
pub fn read_text(file: &File, most: u64) -> io::Result<String> {
    let mut text = String::new();
    file.take(most.saturating_add(1)).read_to_string(&mut text)?;
    if text.len() as u64 > most {
        return Err(io::Error::new(io::ErrorKind::InvalidData, format!("it is longer than {most} bytes")));
    }
    Ok(text)
}

/// Returns an open file if it is a regular one.
fn regular(file: OwnedFd) -> io::Result<File> {
    match FileType::from_raw_mode(fstat(&file)?.st_mode) {
        FileType::RegularFile => Ok(file.into()),
        _ => Err(io::Error::other("it is no file")),
    }
}

/// Words the error of a link that is not followed.
fn no_link(error: Errno) -> io::Error {
    match error {
        Errno::LOOP => io::Error::other("it is reached by a symbolic link, which is not followed"),
        Errno::XDEV => io::Error::other("it is outside of its folder"),
        error => error.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;

    #[test]
    fn files_are_opened_beneath_their_folder_and_by_no_link() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("folder");
        std::fs::create_dir_all(path.join("sub")).unwrap();
        std::fs::write(path.join("sub/file"), "here").unwrap();
        std::fs::write(dir.path().join("outside"), "there").unwrap();
        symlink("sub", path.join("link")).unwrap();
        symlink("sub/file", path.join("file-link")).unwrap();
        symlink(&path, dir.path().join("folder-link")).unwrap();
        let folder = OpenFolder::open(&path).unwrap();
        // The path may lead elsewhere by now; what was opened stays.
        std::fs::rename(&path, dir.path().join("moved")).unwrap();
        assert_eq!(read_text(&folder.file(Path::new("sub/file")).unwrap(), 10).unwrap(), "here");
        for wrong in ["link/file", "file-link", "../outside", "/etc/passwd", "sub", "absent"] {
            assert!(folder.file(Path::new(wrong)).is_err(), "{wrong}");
        }
        assert!(OpenFolder::open(&dir.path().join("folder-link")).is_err());
    }

    #[test]
    fn a_file_of_our_own_is_no_link_and_its_text_is_bounded() {
        let dir = tempfile::tempdir().unwrap();
        let (file, link) = (dir.path().join("file"), dir.path().join("link"));
        std::fs::write(&file, "four").unwrap();
        symlink(&file, &link).unwrap();
        assert!(open_file(&link).is_ok() && open_own_file(&file).is_ok());
        assert!(open_own_file(&link).unwrap_err().to_string().contains("symbolic link"));
        assert_eq!(read_text(&open_file(&file).unwrap(), 4).unwrap(), "four");
        assert!(read_text(&open_file(&file).unwrap(), 3).is_err());
    }
}
