//! passt's process.

use super::backend::MTU;
use super::resolver::name_servers;
use crate::connector::Connector;
use std::env;
use std::io::{self, Read};
use std::os::fd::{AsRawFd, OwnedFd, RawFd};
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;

const PROGRAM: &str = "passt";

/// As many as passt takes of each family (`MAXNS`).
const MOST_SERVERS: usize = 3;

/// The most of what a process says on its way that is kept.
const LAST_WORDS: u64 = 16 << 10;

/// Starts passt processes, each with one end of a socket pair. A process ends when the other end
/// is closed, so it does not outlive whoever holds that.
pub struct Spawner {
    program: PathBuf,
}

impl Spawner {
    /// Finds the program in `PATH` or in Debian's place for it.
    ///
    /// # Errors
    /// Not found; in one plain sentence.
    pub fn find() -> io::Result<Self> {
        let path = env::var_os("PATH").unwrap_or_default();
        env::split_paths(&path)
            .chain([PathBuf::from("/usr/bin")])
            .map(|folder| folder.join(PROGRAM))
            .find(|candidate| candidate.is_absolute() && candidate.is_file())
            .map(|program| Self { program })
            .ok_or_else(|| {
                io::Error::new(
                    io::ErrorKind::NotFound,
                    "passt is not installed: install the package passt, or give the desktop no network",
                )
            })
    }

    /// The program.
    pub fn program(&self) -> &Path {
        &self.program
    }

    /// What it is started with, if it inherits `socket`.
    pub fn arguments(socket: RawFd) -> Vec<String> {
        let (socket, mtu) = (socket.to_string(), MTU.to_string());
        let mut arguments = vec!["--foreground", "--quiet", "--fd", &socket, "--mtu", &mtu];
        // Nothing from outside reaches the guest, and the guest does not reach what listens on the
        // host's loopback interface by way of the gateway's address.
        arguments.extend(["--tcp-ports", "none", "--udp-ports", "none", "--no-map-gw"]);
        let mut arguments: Vec<String> = arguments.into_iter().map(str::to_owned).collect();
        let servers = name_servers();
        if servers.is_empty() {
            tracing::warn!(
                "the host's name server listens on the loopback interface only, where desktops cannot reach it: \
                 they get none; name one in /etc/resolv.conf"
            );
        }
        for server in servers.into_iter().take(MOST_SERVERS) {
            arguments.extend(["--dns".to_owned(), server.to_string()]);
        }
        arguments
    }

    fn command(&self, socket: RawFd) -> Command {
        let mut command = Command::new(&self.program);
        command.args(Self::arguments(socket));
        command.env_clear().stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
        // SAFETY: the closure only makes async-signal-safe system calls and does not allocate.
        unsafe {
            command.pre_exec(move || keep_only(socket));
        }
        command
    }
}

impl Connector for Spawner {
    fn connect(&self) -> io::Result<OwnedFd> {
        let (ours, theirs) = UnixStream::pair()?;
        let mut command = self.command(theirs.as_raw_fd());
        let (report, started) = mpsc::sync_channel(1);
        // Somebody has to reap it.
        std::thread::Builder::new().name("passt".into()).spawn(move || {
            let spawned = command.spawn();
            drop(theirs);
            match spawned {
                Ok(child) => {
                    let _ = report.send(Ok(()));
                    attend(child);
                }
                Err(error) => drop(report.send(Err(error))),
            }
        })?;
        started.recv().map_err(|_| io::Error::from(io::ErrorKind::BrokenPipe))??;
        Ok(ours.into())
    }
}

/// Hears the process out and reaps it.
fn attend(mut child: Child) {
    let mut said = Vec::new();
    if let Some(mut stderr) = child.stderr.take() {
        let _ = (&mut stderr).take(LAST_WORDS).read_to_end(&mut said);
        // It must not wait for a reader.
        let _ = io::copy(&mut stderr, &mut io::sink());
    }
    match child.wait() {
        Ok(status) if status.success() => tracing::debug!("passt ended"),
        Ok(status) => tracing::warn!(%status, said = last_words(&said), "passt failed"),
        Err(error) => tracing::warn!(%error, "passt cannot be waited for"),
    }
}

/// The last line that is about the matter: without a system log it complains of that as well.
fn last_words(said: &[u8]) -> String {
    let text = String::from_utf8_lossy(said);
    let mut lines = text.lines().filter(|line| !line.is_empty() && !line.contains("to syslog"));
    lines.next_back().unwrap_or_default().to_owned()
}

/// Runs between fork and exec: every descriptor but standard ones and `socket` is closed by exec.
fn keep_only(socket: RawFd) -> io::Result<()> {
    let check = |result: libc::c_int| if result < 0 { Err(io::Error::last_os_error()) } else { Ok(()) };
    // SAFETY: plain system calls on valid arguments.
    unsafe {
        check(libc::close_range(3, libc::c_uint::MAX, libc::CLOSE_RANGE_CLOEXEC as libc::c_int))?;
        check(libc::fcntl(socket, libc::F_SETFD, 0))
    }
}

/// The version of the passt that is installed, in its own words; `None` if there is none that runs.
pub fn installed_passt() -> Option<String> {
    let Spawner { program } = Spawner::find().ok()?;
    let output = Command::new(program).arg("--version").env_clear().stdin(Stdio::null()).output().ok()?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    output.status.success().then(|| parse_version(&text))?
}

/// What follows the name in the first line. Debian 12's says `passt unknown version`.
fn parse_version(text: &str) -> Option<String> {
    let version = text.lines().next()?.strip_prefix("passt ")?.trim();
    Some(if version.is_empty() { "unknown version" } else { version }.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_version_is_what_follows_the_name() {
        let newer = "passt 0.0~git20250503.587980c-2\nCopyright Red Hat\n";
        assert_eq!(parse_version(newer).as_deref(), Some("0.0~git20250503.587980c-2"));
        assert_eq!(parse_version("passt unknown version\nC").as_deref(), Some("unknown version"));
        assert_eq!(parse_version("something else"), None);
    }

    #[test]
    fn last_words_are_about_the_matter() {
        let said =
            b"Failed to send 9 bytes to syslog\nCouldn't open it\n\nFailed to send 1 bytes to syslog\n";
        assert_eq!(last_words(said), "Couldn't open it");
    }
}
