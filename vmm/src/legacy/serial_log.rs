//! Where the guest's serial console ends up: a file that cannot fill the disk.

use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

/// At this size the log is moved aside and begun anew, so that at most twice this is kept.
const LIMIT: u64 = 1 << 20;

/// A log in `path`, with what came before it in `path.old`. Clones write to the same log.
#[derive(Clone)]
pub struct SerialLog(Arc<Mutex<Log>>);

struct Log {
    path: PathBuf,
    file: File,
    written: u64,
    limit: u64,
}

impl SerialLog {
    /// Begins an empty log.
    ///
    /// # Errors
    /// When the file cannot be created.
    pub fn create(path: &Path) -> io::Result<Self> {
        let log = Log { path: path.to_owned(), file: File::create(path)?, written: 0, limit: LIMIT };
        Ok(Self(Arc::new(Mutex::new(log))))
    }
}

impl Log {
    fn turn_over(&mut self) -> io::Result<()> {
        let mut old = self.path.clone().into_os_string();
        old.push(".old");
        std::fs::rename(&self.path, old)?;
        self.file = File::create(&self.path)?;
        self.written = 0;
        Ok(())
    }
}

impl Write for SerialLog {
    fn write(&mut self, data: &[u8]) -> io::Result<usize> {
        let mut log = crate::lock(&self.0);
        if log.written >= log.limit {
            log.turn_over()?;
        }
        let count = log.file.write(data)?;
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
    fn a_talkative_guest_keeps_its_last_words_and_no_more_than_two_files() {
        let dir = std::env::temp_dir().join(format!("oriel-serial-{}", std::process::id()));
        std::fs::create_dir_all(&dir).unwrap();
        let path = dir.join("serial.log");
        let mut log = SerialLog::create(&path).unwrap();
        crate::lock(&log.0).limit = 10;
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
