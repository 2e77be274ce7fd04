//! Record of a desktop, `desktop.json` in its folder: what survives a restart of the host.
//!
//! The actor is the only writer. A record is replaced as a whole and synchronised to the disk.

use crate::boot_id::BootId;
use crate::client::FoundState;
use crate::error::DesktopError;
use crate::folder::{DesktopDir, is_no_space, write_durably};
use crate::hold::Hold;
use crate::spec::DesktopSpec;
use crate::status::State;
use serde::{Deserialize, Serialize};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// Version of the record's format that this program reads and writes.
const VERSION: u32 = 2;

/// Record of a desktop. A change is durable before the actor acts on it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Record {
    /// Version of the record's format.
    version: u32,
    /// Number of times that the record was written.
    revision: u64,
    /// Hold with the newest epoch that a command named.
    pub hold: Hold,
    /// Specification of the desktop, from the last `ensure`.
    pub spec: DesktopSpec,
    /// State of the desktop.
    pub state: State,
    /// Reason of the state in one sentence, if there is one.
    pub reason: Option<String>,
    /// Time at which the desktop entered the state, in seconds since 1970 UTC.
    pub since: i64,
    /// Process number of the leader of the machine's process group; `None` without a machine.
    pub pid: Option<u32>,
    /// Boot of the host in which the machine was started last; `None` before the first start. Version 1 has no
    /// such field.
    #[serde(default)]
    pub boot_id: Option<BootId>,
}

/// Reason for which a record cannot be used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum RecordError {
    /// The record cannot be read.
    #[error("The desktop's record {0} cannot be read ({1}); check the disk.")]
    Io(PathBuf, #[source] io::Error),
    /// The record has the format of a newer version of Oriel.
    #[error(
        "The desktop's record {0} was written by a newer version of Oriel (form {1}); install that version."
    )]
    Newer(PathBuf, u32),
    /// The record is not valid.
    #[error(
        "The desktop's record {0} is damaged ({1}); restore it from a backup, or remove it to start the desktop anew from its disk."
    )]
    Damaged(PathBuf, serde_json::Error),
}

/// Version of a record's format, which is read before the rest.
#[derive(Deserialize)]
struct Form {
    version: u32,
}

impl Record {
    /// Makes the first record of a desktop, in the state `found` or else stopped. The record is not written
    /// yet.
    pub(crate) fn new(hold: Hold, spec: DesktopSpec, found: Option<FoundState>) -> Self {
        let found = found.unwrap_or_else(|| FoundState {
            state: State::Stopped,
            reason: None,
            since: crate::unix_now(),
            pid: None,
        });
        let FoundState { state, reason, since, pid } = found;
        Self { version: VERSION, revision: 0, hold, spec, state, reason, since, pid, boot_id: None }
    }

    /// Reads the record in a desktop's folder; `None` if there is no record.
    ///
    /// # Errors
    /// The record cannot be read, is damaged, or has a newer format.
    pub(crate) fn read(dir: &DesktopDir) -> Result<Option<Self>, RecordError> {
        let path = dir.record();
        let text = match fs::read(&path) {
            Ok(text) => text,
            Err(error) if [io::ErrorKind::NotFound, io::ErrorKind::NotADirectory].contains(&error.kind()) => {
                return Ok(None);
            }
            Err(error) => return Err(RecordError::Io(path, error)),
        };
        parse(&path, &text).map(Some)
    }

    /// Writes the record durably with the next revision.
    ///
    /// # Errors
    /// The record cannot be written; then the caller must not make the change.
    pub(crate) async fn write(&mut self, dir: &DesktopDir) -> Result<(), DesktopError> {
        self.version = VERSION;
        self.revision = self.revision.saturating_add(1);
        let path = dir.record();
        let failed = |error: io::Error| {
            tracing::error!(path = %dir.record().display(), %error, "a desktop's record was not written");
            if is_no_space(&error) {
                return DesktopError::NoRoom(format!(
                    "There is no room for the desktop's record {}; make room on the disk and try again.",
                    dir.record().display()
                ));
            }
            DesktopError::Internal(format!(
                "The desktop's record {} cannot be written ({error}); check the disk.",
                dir.record().display()
            ))
        };
        let text = serde_json::to_vec_pretty(self).map_err(|error| failed(error.into()))?;
        let written = tokio::task::spawn_blocking(move || write_durably(&path, &text)).await;
        written.map_err(io::Error::other).and_then(|written| written).map_err(failed)
    }
}

/// Parses a record; the version is checked first, since a newer format may have other fields.
fn parse(path: &Path, text: &[u8]) -> Result<Record, RecordError> {
    let damaged = |error| RecordError::Damaged(path.to_owned(), error);
    let form: Form = serde_json::from_slice(text).map_err(damaged)?;
    if form.version > VERSION {
        return Err(RecordError::Newer(path.to_owned(), form.version));
    }
    serde_json::from_slice(text).map_err(damaged)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::folder::HostDir;
    use crate::hold::DesktopId;
    use crate::spec::Keyboard;

    #[tokio::test]
    async fn a_record_is_read_as_it_was_written_and_a_newer_one_is_refused() {
        let root = tempfile::tempdir().unwrap();
        let id = DesktopId::new("d1").unwrap();
        let dir = HostDir::open(root.path()).unwrap().desktop(&id);
        assert_eq!(Record::read(&dir).unwrap(), None);
        dir.make().unwrap();
        let spec = DesktopSpec {
            network: "tap:desk*".parse().unwrap(),
            egress: "host/udp/53 any/tcp/443".parse().unwrap(),
            keyboard: Some(Keyboard { layout: "de".into(), variant: String::new() }),
            ..DesktopSpec::new("small")
        };
        let mut record = Record::new(Hold::first(id), spec, None);
        record.write(&dir).await.unwrap();
        record.state = State::Running;
        record.pid = Some(7);
        record.write(&dir).await.unwrap();
        assert_eq!(Record::read(&dir).unwrap(), Some(record.clone()));
        assert_eq!(record.revision, 2);

        let text = fs::read_to_string(dir.record()).unwrap();
        let newer = text.replace("\"version\": 2,", "\"version\": 3, \"later\": true,");
        fs::write(dir.record(), newer).unwrap();
        assert!(matches!(Record::read(&dir), Err(RecordError::Newer(_, 3))));
        let older = text.replace("\"version\": 2,", "\"version\": 1,").replace(",\n  \"boot_id\": null", "");
        assert_ne!(older, text);
        fs::write(dir.record(), older).unwrap();
        assert_eq!(Record::read(&dir).unwrap().unwrap().state, State::Running);
        fs::write(dir.record(), &text[..40]).unwrap();
        assert!(matches!(Record::read(&dir), Err(RecordError::Damaged(..))));
    }
}
