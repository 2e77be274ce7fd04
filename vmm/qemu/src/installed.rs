//! Detection of the host's QEMU, its version and its D-Bus display.

use std::env;
use std::path::PathBuf;
use std::process::{Command, Stdio};

/// Installed QEMU that runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Installed {
    /// Absolute path of the program.
    pub path: PathBuf,
    /// Version, e.g. `7.2.22`.
    pub version: String,
    /// Whether QEMU supports `-display dbus`.
    pub dbus_display: bool,
}

const PROGRAM: &str = "qemu-system-x86_64";

/// Finds the first `qemu-system-x86_64` in `PATH` or in /usr/bin.
pub(crate) fn find_program() -> Option<PathBuf> {
    let path = env::var_os("PATH").unwrap_or_default();
    env::split_paths(&path)
        .chain([PathBuf::from("/usr/bin")])
        .map(|folder| folder.join(PROGRAM))
        .find(|candidate| candidate.is_absolute() && candidate.is_file())
}

/// Finds QEMU, and runs it to get version and display types; `None` when no QEMU runs.
pub fn installed() -> Option<Installed> {
    let path = find_program()?;
    let version = parse_version(&output_of(&path, &["-version"])?)?;
    let dbus_display = output_of(&path, &["-display", "help"])
        .is_some_and(|text| text.lines().any(|line| line.trim() == "dbus"));
    Some(Installed { path, version, dbus_display })
}

/// Runs the program with `arguments`, and returns its standard output if it succeeds.
fn output_of(path: &PathBuf, arguments: &[&str]) -> Option<String> {
    let output = Command::new(path)
        .args(arguments)
        .env_clear()
        .stdin(Stdio::null())
        .stderr(Stdio::null())
        .output()
        .ok()?;
    output.status.success().then(|| String::from_utf8_lossy(&output.stdout).into_owned())
}

/// Extracts the version from `QEMU emulator version 7.2.22 (Debian …)`.
fn parse_version(text: &str) -> Option<String> {
    let mut words = text.split_ascii_whitespace().skip_while(|word| *word != "version");
    words.next()?;
    words.next().filter(|word| word.starts_with(|c: char| c.is_ascii_digit())).map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_version_is_the_number_alone() {
        let debian = "QEMU emulator version 7.2.22 (Debian 1:7.2+dfsg-7+deb12u18)\nCopyright (c)";
        assert_eq!(parse_version(debian).as_deref(), Some("7.2.22"));
        assert_eq!(parse_version("something else entirely"), None);
    }
}
