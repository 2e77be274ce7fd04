//! Log file of bounded size: `NAME`, and `NAME.1` with the output before it.
//!
//! A full disk never stops the machine: what cannot be written is counted and left out.

use std::fs::File;
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// Maximum size in bytes of each of the two files.
pub(super) const MAX_FILE_SIZE: u64 = 1 << 20;
/// Interval between attempts to make the file again while the disk is full.
const RETRY_INTERVAL: Duration = Duration::from_secs(1);

/// Log file with its predecessor.
#[derive(Debug)]
pub(super) struct LogFile {
    path: PathBuf,
    previous: PathBuf,
    /// Open file; `None` while it cannot be made.
    file: Option<File>,
    /// Bytes in the open file.
    written: u64,
    /// Bytes that could not be written since the last success.
    lost: u64,
    /// Time from which the file may be made again.
    retry_at: Option<Instant>,
    max_size: u64,
}

impl LogFile {
    /// Creates an empty log at `path`, which only the owner may read, and removes the files of an earlier
    /// run. On a full disk the file is made later.
    ///
    /// # Errors
    /// When the file cannot be created for another reason than a full disk.
    pub fn create(path: &Path) -> io::Result<Self> {
        let beside = |ending: &str| {
            let mut name = path.as_os_str().to_owned();
            name.push(ending);
            PathBuf::from(name)
        };
        let previous = beside(".1");
        // Earlier versions called the predecessor of the serial log NAME.old.
        for stale in [&previous, &beside(".old")] {
            let _ = std::fs::remove_file(stale);
        }
        let file = match create(path) {
            Ok(file) => Some(file),
            Err(error) if oriel_disk::is_no_space(&error) => None,
            Err(error) => return Err(error),
        };
        let path = path.to_owned();
        Ok(Self { path, previous, file, written: 0, lost: 0, retry_at: None, max_size: MAX_FILE_SIZE })
    }

    /// Appends `bytes`, of which there are fewer than the maximum size of a file, and rotates the files
    /// first where they would grow beyond it.
    pub fn append(&mut self, bytes: &[u8]) {
        if bytes.is_empty() {
            return;
        }
        if self.lost > 0 && self.can_write() {
            let note = format!("[{} bytes could not be written to this log]\n", self.lost);
            if self.write(note.as_bytes()) {
                self.lost = 0;
            }
        }
        if !self.can_write() || !self.write(bytes) {
            self.lost = self.lost.saturating_add(bytes.len() as u64);
        }
    }

    /// Makes the file if it is missing; returns whether there is one.
    fn can_write(&mut self) -> bool {
        if self.file.is_none() && self.retry_at.is_none_or(|at| Instant::now() >= at) {
            self.file = create(&self.path).ok();
            self.written = 0;
            self.retry_at = Instant::now().checked_add(RETRY_INTERVAL);
        }
        self.file.is_some()
    }

    /// Writes `bytes` to the file, after a rotation if they do not fit; returns whether all were written.
    fn write(&mut self, bytes: &[u8]) -> bool {
        if self.written.saturating_add(bytes.len() as u64) > self.max_size {
            self.rotate();
        }
        let Some(file) = &mut self.file else { return false };
        let written = file.write_all(bytes).is_ok();
        self.written = match written {
            true => self.written.saturating_add(bytes.len() as u64),
            false => file.metadata().map_or(self.max_size, |facts| facts.len()),
        };
        written
    }

    /// Makes the file the previous one, and begins an empty one.
    fn rotate(&mut self) {
        self.file = None;
        self.retry_at = None;
        if std::fs::rename(&self.path, &self.previous).is_err() {
            // The file is truncated instead.
            let _ = std::fs::remove_file(&self.previous);
        }
        self.can_write();
    }
}

fn create(path: &Path) -> io::Result<File> {
    File::options().append(true).create(true).mode(0o600).open(path).and_then(|file| {
        file.set_len(0)?;
        Ok(file)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder(name: &str) -> PathBuf {
        let folder = std::env::temp_dir().join(format!("oriel-log-{name}-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        folder
    }

    #[test]
    fn the_last_lines_are_kept_in_two_bounded_files() {
        let folder = folder("rotated");
        let path = folder.join("serial.log");
        std::fs::write(folder.join("serial.log.old"), "of an earlier version").unwrap();
        let mut log = LogFile::create(&path).unwrap();
        log.max_size = 10;
        for line in 0..100 {
            log.append(format!("{line:4}\n").as_bytes());
        }
        let read = |name: &str| std::fs::read_to_string(folder.join(name)).unwrap();
        assert_eq!(
            (read("serial.log.1").as_str(), read("serial.log").as_str()),
            ("  96\n  97\n", "  98\n  99\n")
        );
        assert_eq!(std::fs::read_dir(&folder).unwrap().count(), 2);
        std::fs::remove_dir_all(&folder).unwrap();
    }

    #[test]
    fn a_full_disk_is_told_in_the_log_once_there_is_room() {
        let folder = folder("full");
        let path = folder.join("vmm.log");
        let mut log = LogFile::create(&path).unwrap();
        // Every write to this device fails with ENOSPC.
        log.file = Some(File::options().write(true).open("/dev/full").unwrap());
        log.append(b"lost\n");
        assert_eq!(log.lost, 5);
        log.file = None;
        log.append(b"kept\n");
        let told = "[5 bytes could not be written to this log]\nkept\n";
        assert_eq!(std::fs::read_to_string(&path).unwrap(), told);
        std::fs::remove_dir_all(&folder).unwrap();
    }
}
