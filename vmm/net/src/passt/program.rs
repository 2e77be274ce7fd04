//! Location and arguments of the passt program (passt(1)).

use super::backend::MTU;
use std::env;
use std::io;
use std::net::IpAddr;
use std::os::fd::RawFd;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// Name of the program.
const PROGRAM: &str = "passt";

/// Installed passt program. A process gets one end of a socket pair and ends when the other end is closed, so
/// passt does not outlive the machine.
pub struct Program(PathBuf);

impl Program {
    /// Finds passt in `PATH` or in `/usr/bin`.
    ///
    /// # Errors
    /// When passt is not installed; in one plain sentence.
    pub fn find() -> io::Result<Self> {
        let path = env::var_os("PATH").unwrap_or_default();
        env::split_paths(&path)
            .chain([PathBuf::from("/usr/bin")])
            .map(|folder| folder.join(PROGRAM))
            .find(|candidate| candidate.is_absolute() && candidate.is_file())
            .map(Self)
            .ok_or_else(|| {
                io::Error::new(
                    io::ErrorKind::NotFound,
                    "passt is not installed: install the package passt, or give the desktop no network",
                )
            })
    }

    /// Returns the path of the program.
    pub fn path(&self) -> &Path {
        &self.0
    }

    /// Returns the arguments of a passt process that inherits the descriptor `socket` and tells the guest of
    /// `name_servers`.
    pub fn arguments(socket: RawFd, name_servers: &[IpAddr]) -> Vec<String> {
        let (socket, mtu) = (socket.to_string(), MTU.to_string());
        let mut arguments = vec!["--foreground", "--quiet", "--fd", &socket, "--mtu", &mtu];
        // Nothing from outside reaches the guest, and the guest does not reach what listens on the
        // host's loopback interface by way of the gateway's address.
        arguments.extend(["--tcp-ports", "none", "--udp-ports", "none", "--no-map-gw"]);
        let mut arguments: Vec<String> = arguments.into_iter().map(str::to_owned).collect();
        if name_servers.is_empty() {
            tracing::warn!(
                "the host's name server listens on the loopback interface only, where desktops cannot reach it: \
                 they get none; name one in /etc/resolv.conf"
            );
        }
        for server in name_servers {
            arguments.extend(["--dns".to_owned(), server.to_string()]);
        }
        arguments
    }
}

/// Returns the version of the installed passt, as `passt --version` prints it; `None` if no passt runs.
pub fn installed_passt() -> Option<String> {
    let Program(program) = Program::find().ok()?;
    let output = Command::new(program).arg("--version").env_clear().stdin(Stdio::null()).output().ok()?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    output.status.success().then(|| parse_version(&text))?
}

/// Returns the text after the name in the first line of `text`. Debian 12's passt prints `passt unknown
/// version`.
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
}
