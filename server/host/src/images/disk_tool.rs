//! `oriel-vmm disk`: whoever reads a disk image that a stranger made is a process of its own, never
//! this server.

use oriel_vmm_api::DiskFormat;
use serde::Deserialize;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;
use tokio::io::AsyncReadExt;
use tokio::process::Command;

/// Looking at a header and making an empty overlay are both done in a moment.
const PATIENCE: Duration = Duration::from_secs(60);
/// A process that was taken over by what it read could say much.
const LONGEST_ANSWER: u64 = 64 * 1024;

/// What is known of a disk image.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct DiskFacts {
    /// How its bytes lie.
    pub format: DiskFormat,
    /// What the guest sees, in bytes.
    pub virtual_size: u64,
    /// The file that it says it stands on.
    pub backing: Option<String>,
}

/// The machine program as a tool for disks.
#[derive(Debug, Clone)]
pub struct DiskTool {
    vmm: PathBuf,
}

impl DiskTool {
    /// Will run the given `oriel-vmm`.
    pub fn new(vmm: PathBuf) -> Self {
        Self { vmm }
    }

    /// Looks at a disk image.
    ///
    /// # Errors
    /// A sentence: what is wrong with the image, or why it could not be looked at.
    pub async fn inspect(&self, file: &Path) -> Result<DiskFacts, String> {
        let words: [&OsStr; 5] =
            ["disk".as_ref(), "inspect".as_ref(), "--format".as_ref(), "auto".as_ref(), file.as_ref()];
        let answer = self.run(&words).await?;
        serde_json::from_slice(&answer).map_err(|error| {
            format!("{} said what is not understood about {} ({error}).", self.vmm.display(), file.display())
        })
    }

    /// Makes an empty overlay at `file` that shows `backing` until it is written to. `name` is what
    /// other programs are told of the file below; ours are told by their configuration.
    ///
    /// # Errors
    /// A sentence.
    pub async fn create_overlay(
        &self,
        file: &Path,
        virtual_size: u64,
        name: &Path,
        format: DiskFormat,
    ) -> Result<(), String> {
        let size = virtual_size.to_string();
        let format = match format {
            DiskFormat::Raw => "raw",
            DiskFormat::Qcow2 => "qcow2",
        };
        let words: [&OsStr; 9] = [
            "disk".as_ref(),
            "create-overlay".as_ref(),
            "--size".as_ref(),
            size.as_ref(),
            "--backing-name".as_ref(),
            name.as_ref(),
            "--backing-format".as_ref(),
            format.as_ref(),
            file.as_ref(),
        ];
        self.run(&words).await.map(drop)
    }

    async fn run(&self, words: &[&OsStr]) -> Result<Vec<u8>, String> {
        let vmm = self.vmm.display();
        let mut child = Command::new(&self.vmm)
            .args(words)
            .stdin(Stdio::null())
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
            .map_err(|_| format!("{vmm} did not look at the disk within a minute; try again."))?;
        match status {
            Ok(status) if status.success() => Ok(answer),
            Ok(status) => Err(last_sentence(&complaint).unwrap_or_else(|| {
                format!("{vmm} could not deal with the disk ({status}) and did not say why.")
            })),
            Err(error) => Err(format!("{vmm} was lost: {error}.")),
        }
    }
}

async fn read(from: Option<impl tokio::io::AsyncRead + Unpin>) -> Vec<u8> {
    let mut bytes = Vec::new();
    if let Some(from) = from {
        // What cannot be read is no answer; the exit status tells of the failure.
        let _ = from.take(LONGEST_ANSWER).read_to_end(&mut bytes).await;
    }
    bytes
}

/// The last line, without the program's name before it.
fn last_sentence(complaint: &[u8]) -> Option<String> {
    let text = String::from_utf8_lossy(complaint);
    let line = text.lines().rfind(|line| !line.trim().is_empty())?;
    Some(line.strip_prefix("oriel-vmm: ").unwrap_or(line).to_owned())
}
