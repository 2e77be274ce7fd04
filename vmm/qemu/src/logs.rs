//! What the guest says on its serial line and QEMU on standard error, both bounded.

use crate::counters::Counters;
use std::collections::VecDeque;
use std::fs::{self, File, OpenOptions};
use std::io::{self, BufRead, BufReader, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::process::ChildStderr;
use std::sync::atomic::Ordering::Relaxed;

/// A log file that keeps the newest of what is written: when it is full, it becomes `NAME.old` and
/// a new one begins, so that at most twice [`SerialLog::LIMIT`] stays on the disk.
pub(crate) struct SerialLog {
    path: PathBuf,
    file: File,
    written: u64,
}

impl SerialLog {
    /// Bytes in one file.
    pub const LIMIT: u64 = 1 << 20;

    /// Begins a new log at `path`, readable by its owner only.
    ///
    /// # Errors
    /// The file cannot be made.
    pub fn create(path: &Path) -> io::Result<Self> {
        Ok(Self { path: path.to_owned(), file: open(path)?, written: 0 })
    }

    /// Copies the guest's serial output from `line` until it ends. A log that cannot be written
    /// (a full disk) loses text, never the guest's time.
    pub fn follow(mut self, mut line: impl Read, counters: &Counters) {
        let mut buffer = [0; 4096];
        loop {
            match line.read(&mut buffer) {
                Ok(0) => return,
                Ok(count) => {
                    counters.serial_bytes.fetch_add(count as u64, Relaxed);
                    if let Err(error) = self.append(buffer.get(..count).unwrap_or_default()) {
                        tracing::debug!(%error, "the serial log cannot be written");
                    }
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(_) => return,
            }
        }
    }

    fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        if self.written.saturating_add(bytes.len() as u64) > Self::LIMIT {
            let mut old = self.path.clone().into_os_string();
            old.push(".old");
            fs::rename(&self.path, old)?;
            self.file = open(&self.path)?;
            self.written = 0;
        }
        self.file.write_all(bytes)?;
        self.written += bytes.len() as u64;
        Ok(())
    }
}

fn open(path: &Path) -> io::Result<File> {
    OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(path)
}

/// Reads QEMU's standard error to its end and returns its last lines, oldest first.
pub(crate) fn last_lines(stderr: ChildStderr) -> Vec<String> {
    const KEPT: usize = 8;
    const LONGEST: u64 = 4096;
    let mut reader = BufReader::new(stderr);
    let mut kept = VecDeque::with_capacity(KEPT);
    loop {
        let mut line = Vec::new();
        match (&mut reader).take(LONGEST).read_until(b'\n', &mut line) {
            Ok(0) => return kept.into(),
            Ok(_) => {
                let text = String::from_utf8_lossy(&line).trim().to_owned();
                if text.is_empty() {
                    continue;
                }
                tracing::info!("QEMU: {text}");
                if kept.len() == KEPT {
                    kept.pop_front();
                }
                kept.push_back(text);
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(_) => return kept.into(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_chatty_guest_fills_two_files_and_no_more() {
        let folder = std::env::temp_dir().join(format!("oriel-serial-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        let path = folder.join("serial.log");
        let chatter = [b'x'; 1000].repeat(5000);
        let counters = Counters::default();
        SerialLog::create(&path).unwrap().follow([&chatter[..], b"the end"].concat().as_slice(), &counters);
        assert_eq!(counters.serial_bytes.load(Relaxed), 5_000_007);
        let (new, old) = (fs::read(&path).unwrap(), fs::read(folder.join("serial.log.old")).unwrap());
        assert!(new.ends_with(b"the end"));
        assert!(new.len() as u64 <= SerialLog::LIMIT && old.len() as u64 <= SerialLog::LIMIT);
        assert_eq!(fs::read_dir(&folder).unwrap().count(), 2);
        fs::remove_dir_all(&folder).unwrap();
    }
}
