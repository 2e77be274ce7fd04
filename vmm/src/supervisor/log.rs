//! Logs that the supervisor keeps: its own with that of its processes, and that of the guest's serial console.
//!
//! The machine, QEMU and passt write into pipes and hold no file. The supervisor's threads read the pipes,
//! and bound rate, length of lines and size.

use super::log_file::LogFile;
use super::log_filter::LogFilter;
use super::log_pipe::LogPipe;
use crate::signals;
use parking_lot::Mutex;
use std::fs::File;
use std::io::{self, PipeWriter, Write};
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

/// Bytes a second that the supervisor, and all its processes together, may add to the log.
const LOG_RATE: u64 = 64 << 10;
/// Bytes a second that the guest may add to the log of its serial console.
const SERIAL_RATE: u64 = 512 << 10;

/// Log of a supervisor and its processes. While the value lives, standard output and error of this process,
/// which its children inherit, are a pipe to the log.
pub struct ProcessLog {
    writer: LogWriter,
    pipe: Option<LogPipe>,
}

impl ProcessLog {
    /// Creates the log at `path`, and replaces standard output and error. Must be called before any thread is
    /// started.
    ///
    /// # Errors
    /// One sentence when the log cannot be created, or the host is out of descriptors or threads.
    pub fn open(path: &Path) -> Result<Self, String> {
        let refused = |error: io::Error| {
            format!("The log {} cannot be written ({error}); check the folder's owner.", path.display())
        };
        // The thread of the pipe must not receive the signals that the supervisor waits for.
        signals::block();
        let file = Arc::new(Mutex::new(LogFile::create(path).map_err(refused)?));
        let filter = LogFilter::lines(LOG_RATE);
        let (pipe, output) = LogPipe::start("log", file.clone(), filter).map_err(refused)?;
        rustix::stdio::dup2_stdout(&output)
            .and_then(|()| rustix::stdio::dup2_stderr(&output))
            .map_err(|error| refused(error.into()))?;
        let own = LogFilter::lines(LOG_RATE);
        Ok(Self { writer: LogWriter(Arc::new(Mutex::new((own, file)))), pipe: Some(pipe) })
    }

    /// Returns a writer for the log lines of this process. They do not pass the pipe, which the processes
    /// could fill.
    pub fn writer(&self) -> LogWriter {
        self.writer.clone()
    }
}

impl Drop for ProcessLog {
    fn drop(&mut self) {
        if let Ok(null) = File::options().write(true).open("/dev/null") {
            let _ = rustix::stdio::dup2_stdout(&null);
            let _ = rustix::stdio::dup2_stderr(&null);
        }
        self.pipe = None;
    }
}

/// Writer of the supervisor's own log lines; never fails. Clones write to the same log.
#[derive(Clone)]
pub struct LogWriter(Arc<Mutex<(LogFilter, Arc<Mutex<LogFile>>)>>);

impl Write for LogWriter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let (filter, file) = &mut *self.0.lock();
        let mut passed = Vec::new();
        filter.push(bytes, Instant::now(), &mut passed);
        file.lock().append(&passed);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Starts the log of the serial console at `path`, and returns the pipe for the machine's process. A write
/// to a full pipe fails instead of waiting, so that a busy host never stops a virtual processor.
///
/// # Errors
/// When the file cannot be created, or the host is out of descriptors or threads.
pub(super) fn serial_log(path: &Path) -> io::Result<(LogPipe, PipeWriter)> {
    let file = Arc::new(Mutex::new(LogFile::create(path)?));
    let (pipe, writer) = LogPipe::start("serial-log", file, LogFilter::bytes(SERIAL_RATE))?;
    rustix::io::ioctl_fionbio(&writer, true)?;
    Ok((pipe, writer))
}
