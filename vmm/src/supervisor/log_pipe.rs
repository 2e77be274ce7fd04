//! Pipe from a process to a log, with the thread that reads it.
//!
//! The writing process has no descriptor of a file, so it cannot make a log longer than the filter and the
//! rotation allow.

use super::log_file::LogFile;
use super::log_filter::LogFilter;
use parking_lot::Mutex;
use rustix::event::{PollFd, PollFlags, poll};
use std::io::{self, PipeReader, PipeWriter, Read};
use std::os::fd::AsFd;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Instant;

/// Bytes that are read at once.
const CHUNK: usize = 32 << 10;
/// Size in bytes of the pipe, for output during a busy moment of the host.
const PIPE_SIZE: usize = 256 << 10;
/// Maximum number of bytes that are read after the end was requested: no more can be in the pipe.
const MAX_REST: usize = 1 << 20;
/// Size in bytes of the thread's stack.
const STACK_SIZE: usize = 128 << 10;

/// Reader of a log's pipe. Dropping the value writes what is in the pipe to the log and ends the thread, also
/// when a process still holds the other end.
#[derive(Debug)]
pub(super) struct LogPipe {
    /// Its closing requests the end.
    end: Option<PipeWriter>,
    thread: Option<JoinHandle<()>>,
}

impl LogPipe {
    /// Starts a thread called `name` that writes what passes `filter` to `log`, and returns the writing end
    /// of its pipe.
    ///
    /// # Errors
    /// An error of the system when the host is out of descriptors or threads.
    pub fn start(name: &str, log: Arc<Mutex<LogFile>>, filter: LogFilter) -> io::Result<(Self, PipeWriter)> {
        let (reader, writer) = io::pipe()?;
        // An unprivileged user may have too many large pipes; a small one serves as well.
        let _ = rustix::pipe::fcntl_setpipe_size(&writer, PIPE_SIZE);
        rustix::io::ioctl_fionbio(&reader, true)?;
        let (ended, end) = io::pipe()?;
        let thread = std::thread::Builder::new()
            .name(name.to_owned())
            .stack_size(STACK_SIZE)
            .spawn(move || copy(reader, &ended, &log, filter))?;
        Ok((Self { end: Some(end), thread: Some(thread) }, writer))
    }
}

impl Drop for LogPipe {
    fn drop(&mut self) {
        self.end = None;
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// Copies from `reader` to `log` until all writing ends are closed, or `ended` is and the pipe is empty.
fn copy(mut reader: PipeReader, ended: &PipeReader, log: &Mutex<LogFile>, mut filter: LogFilter) {
    let mut buffer = vec![0; CHUNK];
    let mut passed = Vec::new();
    let mut rest = None;
    loop {
        if rest.is_none() {
            let mut fds = [&reader, ended].map(|fd| PollFd::from_borrowed_fd(fd.as_fd(), PollFlags::IN));
            match poll(&mut fds, None) {
                Ok(_) | Err(rustix::io::Errno::INTR) => {}
                Err(_) => break,
            }
            if fds.last().is_some_and(|fd| !fd.revents().is_empty()) {
                rest = Some(MAX_REST);
            }
        }
        match reader.read(&mut buffer) {
            Ok(0) => break,
            Ok(count) => {
                filter.push(buffer.get(..count).unwrap_or_default(), Instant::now(), &mut passed);
                log.lock().append(&passed);
                passed.clear();
                rest = rest.map(|rest| rest.saturating_sub(count));
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) if error.kind() == io::ErrorKind::WouldBlock && rest.is_none() => {}
            Err(_) => break,
        }
        if rest == Some(0) {
            break;
        }
    }
    filter.finish(Instant::now(), &mut passed);
    log.lock().append(&passed);
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    #[test]
    fn a_flood_is_bounded_and_a_process_that_stays_does_not_hold_up_the_end() {
        let folder = std::env::temp_dir().join(format!("oriel-log-pipe-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let log = Arc::new(Mutex::new(LogFile::create(&folder.join("vmm.log")).unwrap()));
        let (pipe, mut writer) = LogPipe::start("log", log, LogFilter::lines(8 << 20)).unwrap();
        for number in 0..200_000 {
            writeln!(writer, "line {number} of a guest that has taken over its machine").unwrap();
        }
        writer.write_all(b"the end").unwrap();
        drop(pipe);
        let size = |name: &str| std::fs::metadata(folder.join(name)).unwrap().len();
        assert!(size("vmm.log") <= 1 << 20 && size("vmm.log.1") <= 1 << 20);
        assert_eq!(std::fs::read_dir(&folder).unwrap().count(), 2);
        drop(writer);
        std::fs::remove_dir_all(&folder).unwrap();
    }
}
