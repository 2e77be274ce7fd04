//! Inspection and creation of disk files by `oriel-vmm disk`, a process of its own.
//!
//! Disk images are untrusted input, so this server never parses them.

use oriel_vmm_api::DiskFormat;
use serde::Deserialize;
use std::ffi::OsStr;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;
use tokio::io::AsyncReadExt;
use tokio::process::Command;

/// Time limit of one call of the program.
const PATIENCE: Duration = Duration::from_secs(60);
/// Maximum number of bytes that are read from the program's outputs, since the image could have taken it
/// over.
const LONGEST_ANSWER: u64 = 64 * 1024;

/// Facts about a disk image.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct DiskFacts {
    /// Format of the disk's file.
    pub format: DiskFormat,
    /// Size of the disk in bytes, as a guest sees it.
    pub virtual_size: u64,
    /// Name of the backing file in the disk's header.
    pub backing: Option<String>,
}

/// Runner of the program `oriel-vmm disk`.
#[derive(Debug, Clone)]
pub struct DiskTool {
    vmm: PathBuf,
}

impl DiskTool {
    /// Makes a runner of the given `oriel-vmm`.
    pub fn new(vmm: PathBuf) -> Self {
        Self { vmm }
    }

    /// Reads the facts about a disk image of the given format, which the program inherits as an open file.
    /// `name` is the image's path in errors.
    ///
    /// # Errors
    /// One sentence: the image is not valid, or the program failed.
    pub async fn inspect(&self, file: &File, format: DiskFormat, name: &Path) -> Result<DiskFacts, String> {
        let words: [&OsStr; 6] = [
            "disk".as_ref(),
            "inspect".as_ref(),
            "--format".as_ref(),
            name_of(format).as_ref(),
            "--stdin".as_ref(),
            name.as_ref(),
        ];
        let file =
            file.try_clone().map_err(|error| format!("{} cannot be used ({error}).", name.display()))?;
        let answer = self.run(&words, file.into()).await?;
        let facts: DiskFacts = serde_json::from_slice(&answer).map_err(|error| {
            format!("{} printed no valid facts about {} ({error}).", self.vmm.display(), name.display())
        })?;
        if facts.format != format {
            return Err(format!("{} is no {} disk.", name.display(), name_of(format)));
        }
        Ok(facts)
    }

    /// Creates an empty qcow2 overlay at `file` for a backing disk of `virtual_size` bytes. `name` and
    /// `format` describe the backing file in the overlay's header for other programs; Oriel's machines get
    /// the path from their configuration.
    ///
    /// # Errors
    /// One sentence: the overlay cannot be created, or the program failed.
    pub async fn create_overlay(
        &self,
        file: &Path,
        virtual_size: u64,
        name: &Path,
        format: DiskFormat,
    ) -> Result<(), String> {
        let size = virtual_size.to_string();
        let words: [&OsStr; 9] = [
            "disk".as_ref(),
            "create-overlay".as_ref(),
            "--size".as_ref(),
            size.as_ref(),
            "--backing-name".as_ref(),
            name.as_ref(),
            "--backing-format".as_ref(),
            name_of(format).as_ref(),
            file.as_ref(),
        ];
        self.run(&words, Stdio::null()).await.map(drop)
    }

    /// Runs `oriel-vmm` with arguments and a standard input, and returns its standard output.
    ///
    /// # Errors
    /// The last line on standard error, or one sentence about a lost program.
    async fn run(&self, words: &[&OsStr], stdin: Stdio) -> Result<Vec<u8>, String> {
        let vmm = self.vmm.display();
        let mut child = Command::new(&self.vmm)
            .args(words)
            .stdin(stdin)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .map_err(|error| {
                format!("The machine program {vmm} cannot be run ({error}); set `vmm` in the configuration.")
            })?;
        let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
        let all = async { tokio::join!(read(stdout), read(stderr), child.wait()) };
        let (answer, complaint, status) = tokio::time::timeout(PATIENCE, all)
            .await
            .map_err(|_| format!("{vmm} did not finish with the disk within a minute; try again."))?;
        match status {
            Ok(status) if status.success() => Ok(answer),
            Ok(status) => Err(last_sentence(&complaint)
                .unwrap_or_else(|| format!("{vmm} failed on the disk ({status}) without a reason."))),
            Err(error) => Err(format!("The end of {vmm} could not be awaited: {error}.")),
        }
    }
}

/// Returns the name of a format on the command line.
fn name_of(format: DiskFormat) -> &'static str {
    match format {
        DiskFormat::Raw => "raw",
        DiskFormat::Qcow2 => "qcow2",
    }
}

/// Reads an output of the program up to [`LONGEST_ANSWER`] bytes.
async fn read(from: Option<impl tokio::io::AsyncRead + Unpin>) -> Vec<u8> {
    let mut bytes = Vec::new();
    if let Some(from) = from {
        // A failed read shortens the answer; the exit status reports the program's failure.
        let _ = from.take(LONGEST_ANSWER).read_to_end(&mut bytes).await;
    }
    bytes
}

/// Returns the last line of standard error, without the program's name before it.
fn last_sentence(complaint: &[u8]) -> Option<String> {
    let text = String::from_utf8_lossy(complaint);
    let line = text.lines().rfind(|line| !line.trim().is_empty())?;
    Some(line.strip_prefix("oriel-vmm: ").unwrap_or(line).to_owned())
}
