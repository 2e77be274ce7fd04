//! Output of the guest's serial console: a pipe to the supervisor, which keeps the log within bounds. The UART
//! of [`super::SerialPort`] and the virtio console write to it.

use parking_lot::Mutex;
use std::fs::File;
use std::io::{self, Write};
use std::sync::Arc;

/// Writer of the serial log. Clones write to the same pipe.
///
/// A write never fails or waits: what a full pipe does not take is counted, and the log says how much.
#[derive(Clone)]
pub struct SerialLog(Arc<Mutex<Pipe>>);

/// Pipe and the number of bytes that it did not take since the last success.
struct Pipe {
    file: File,
    lost: u64,
}

impl SerialLog {
    /// Creates a writer to `pipe`, whose writes must not block.
    pub fn new(pipe: File) -> Self {
        Self(Arc::new(Mutex::new(Pipe { file: pipe, lost: 0 })))
    }
}

impl Write for SerialLog {
    fn write(&mut self, data: &[u8]) -> io::Result<usize> {
        let mut pipe = self.0.lock();
        if pipe.lost > 0 {
            let note = format!("\n[{} bytes of output were lost: the host was too busy]\n", pipe.lost);
            // At most PIPE_BUF bytes are written whole or not at all (pipe(7)).
            if pipe.file.write(note.as_bytes()).is_ok() {
                pipe.lost = 0;
            }
        }
        match pipe.file.write(data) {
            Ok(count) if count > 0 => Ok(count),
            _ => {
                pipe.lost = pipe.lost.saturating_add(data.len() as u64);
                Ok(data.len())
            }
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Read;
    use std::os::fd::OwnedFd;

    #[test]
    fn a_full_pipe_loses_output_and_says_so() {
        let (mut reader, writer) = io::pipe().unwrap();
        rustix::io::ioctl_fionbio(&writer, true).unwrap();
        let mut log = SerialLog::new(OwnedFd::from(writer).into());
        let sent = 4 << 20;
        log.write_all(&vec![b'x'; sent]).unwrap();
        let mut taken = vec![0; sent];
        let count = reader.read(&mut taken).unwrap();
        log.write_all(b"after").unwrap();
        drop(log);
        let mut rest = String::new();
        reader.read_to_string(&mut rest).unwrap();
        let note = format!("\n[{} bytes of output were lost: the host was too busy]\nafter", sent - count);
        assert_eq!(rest, note);
    }
}
