//! Log of the guest's serial console, rotated between two files of bounded size, so that a guest cannot fill
//! the host's disk. The UART of [`super::SerialPort`] and the virtio console write to the log.

use parking_lot::Mutex;
use std::fs::File;
use std::io::{self, Write};
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::Path;
use std::sync::Arc;

/// Size in bytes from which the next write rotates the log. At most about twice this size is kept.
const MAX_FILE_SIZE: u64 = 1 << 20;

/// Files of a serial log: `NAME`, and `NAME.old` with the output before it.
#[derive(Debug)]
pub struct LogFiles {
    /// File that receives the output, `NAME`.
    pub current: File,
    /// File with the contents of the last full `NAME`, `NAME.old`.
    pub rotated: File,
}

impl LogFiles {
    /// Creates both files, or truncates existing ones; `path` is `NAME`. Only the owner may read them.
    ///
    /// # Errors
    /// When a file cannot be created or opened for writing.
    pub fn create(path: &Path) -> io::Result<Self> {
        let mut old = path.as_os_str().to_owned();
        old.push(".old");
        let create = |path: &Path| {
            File::options().read(true).write(true).create(true).truncate(true).mode(0o600).open(path)
        };
        Ok(Self { current: create(path)?, rotated: create(Path::new(&old))? })
    }
}

/// Serial log. Clones write to the same files.
#[derive(Clone)]
pub struct SerialLog(Arc<Mutex<RotatingLog>>);

/// Files of the log and the state of their rotation.
struct RotatingLog {
    files: LogFiles,
    /// Bytes in the current file.
    written: u64,
    /// Size in bytes from which the next write rotates.
    max_size: u64,
}

impl SerialLog {
    /// Creates a log that writes to `files`, which must be empty.
    pub fn new(files: LogFiles) -> Self {
        Self(Arc::new(Mutex::new(RotatingLog { files, written: 0, max_size: MAX_FILE_SIZE })))
    }
}

impl RotatingLog {
    /// Copies the current file to the rotated one and empties it. Renaming is not possible: the jailed
    /// process has the files' descriptors only.
    fn rotate(&mut self) -> io::Result<()> {
        let LogFiles { current, rotated } = &self.files;
        rotated.set_len(0)?;
        let mut buffer = [0; 16 << 10];
        let mut at = 0;
        while at < self.written {
            let count = current.read_at(&mut buffer, at)?;
            if count == 0 {
                break;
            }
            rotated.write_all_at(buffer.get(..count).unwrap_or_default(), at)?;
            at = at.saturating_add(count as u64);
        }
        current.set_len(0)?;
        self.written = 0;
        Ok(())
    }
}

impl Write for SerialLog {
    fn write(&mut self, data: &[u8]) -> io::Result<usize> {
        let mut log = self.0.lock();
        if log.written >= log.max_size {
            log.rotate()?;
        }
        let count = log.files.current.write_at(data, log.written)?;
        log.written = log.written.saturating_add(count as u64);
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_log_keeps_the_last_lines_in_two_bounded_files() {
        let dir = std::env::temp_dir().join(format!("oriel-serial-{}", std::process::id()));
        std::fs::create_dir_all(&dir).unwrap();
        let path = dir.join("serial.log");
        let mut log = SerialLog::new(LogFiles::create(&path).unwrap());
        log.0.lock().max_size = 10;
        for line in 0..100 {
            writeln!(log, "{line:4}").unwrap();
        }
        let size = |name: &str| std::fs::metadata(dir.join(name)).unwrap().len();
        assert!(size("serial.log") <= 15 && size("serial.log.old") <= 15);
        assert!(std::fs::read_to_string(&path).unwrap().ends_with("99\n"));
        assert_eq!(std::fs::read_dir(&dir).unwrap().count(), 2);
        std::fs::remove_dir_all(&dir).unwrap();
    }
}
