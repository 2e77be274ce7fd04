//! passt without a jail, as a child of this process, for tests.

use super::program::Program;
use crate::connector::BackendConnector;
use oriel_vmm_api::name_servers;
use std::io::{self, Read};
use std::os::fd::{AsRawFd, OwnedFd, RawFd};
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;

/// Maximum number of bytes of a process's standard error that are kept.
const MAX_STDERR_BYTES: u64 = 16 << 10;

/// Connector that starts passt processes without a jail, each with one end of a socket pair.
pub struct UnjailedPasst(Program);

impl UnjailedPasst {
    /// Finds the installed passt.
    ///
    /// # Errors
    /// When passt is not installed; in one plain sentence.
    pub fn find() -> io::Result<Self> {
        Program::find().map(Self)
    }

    /// Returns the command of a passt process that inherits `socket`.
    fn command(&self, socket: RawFd) -> Command {
        let mut command = Command::new(self.0.path());
        command.args(Program::arguments(socket, &name_servers()));
        command.env_clear().stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
        // SAFETY: the closure only makes async-signal-safe system calls and does not allocate.
        unsafe {
            command.pre_exec(move || close_all_but(socket));
        }
        command
    }
}

impl BackendConnector for UnjailedPasst {
    fn connect(&self) -> io::Result<OwnedFd> {
        let (ours, theirs) = UnixStream::pair()?;
        let mut command = self.command(theirs.as_raw_fd());
        let (sender, started) = mpsc::sync_channel(1);
        // A thread reaps the child.
        std::thread::Builder::new().name("passt".into()).spawn(move || {
            let spawned = command.spawn();
            drop(theirs);
            match spawned {
                Ok(child) => {
                    let _ = sender.send(Ok(()));
                    wait_for_exit(child);
                }
                Err(error) => drop(sender.send(Err(error))),
            }
        })?;
        started.recv().map_err(|_| io::Error::from(io::ErrorKind::BrokenPipe))??;
        Ok(ours.into())
    }
}

/// Reads the process's standard error to its end and reaps the process.
fn wait_for_exit(mut child: Child) {
    let mut stderr_text = Vec::new();
    if let Some(mut stderr) = child.stderr.take() {
        let _ = (&mut stderr).take(MAX_STDERR_BYTES).read_to_end(&mut stderr_text);
        // The process must not block on a full pipe.
        let _ = io::copy(&mut stderr, &mut io::sink());
    }
    match child.wait() {
        Ok(status) if status.success() => tracing::debug!("passt ended"),
        Ok(status) => tracing::warn!(%status, stderr_text = last_line(&stderr_text), "passt failed"),
        Err(error) => tracing::warn!(%error, "passt cannot be waited for"),
    }
}

/// Returns the last line that is no warning about a missing system log.
fn last_line(stderr_text: &[u8]) -> String {
    let text = String::from_utf8_lossy(stderr_text);
    let mut lines = text.lines().filter(|line| !line.is_empty() && !line.contains("to syslog"));
    lines.next_back().unwrap_or_default().to_owned()
}

/// Prepares the child between fork and exec: close-on-exec for all descriptors but the standard ones and
/// `socket`.
fn close_all_but(socket: RawFd) -> io::Result<()> {
    let check = |result: libc::c_int| if result < 0 { Err(io::Error::last_os_error()) } else { Ok(()) };
    // SAFETY: plain system calls on valid arguments.
    unsafe {
        check(libc::close_range(3, libc::c_uint::MAX, libc::CLOSE_RANGE_CLOEXEC as libc::c_int))?;
        check(libc::fcntl(socket, libc::F_SETFD, 0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_line_is_not_about_syslog() {
        let stderr_text =
            b"Failed to send 9 bytes to syslog\nCouldn't open it\n\nFailed to send 1 bytes to syslog\n";
        assert_eq!(last_line(stderr_text), "Couldn't open it");
    }
}
