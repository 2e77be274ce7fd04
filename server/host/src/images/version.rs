//! A version of an image: a manifest that names its blobs by their digests.

use super::RunsAt;
use super::digest::Digest;
use oriel_vmm_api::DiskFormat;
use serde::{Deserialize, Serialize};
use std::fs;
use std::io;
use std::path::Path;

const HEADER: &str = "\
# A version of an image. Each digest names a file below images/blobs/sha256tree: the SHA-256 of
# \"oriel sha256tree 1\", the length as a little-endian 64-bit number, and the SHA-256 of each MiB.
";

/// A file in the store.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Blob {
    /// Its name.
    pub digest: Digest,
    /// Its length.
    pub bytes: u64,
}

/// A disk in the store.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DiskBlob {
    /// Its name.
    pub digest: Digest,
    /// The file's length.
    pub bytes: u64,
    /// How its bytes lie.
    pub format: DiskFormat,
    /// What the guest sees, in bytes.
    pub virtual_size: u64,
}

/// The manifest.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Version {
    /// The image's name.
    pub name: String,
    /// From 1; the highest is what new desktops start from.
    pub version: u32,
    /// For people.
    #[serde(default)]
    pub description: String,
    /// When it was built, RFC 3339.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub built: Option<String>,
    /// When it came into the store, RFC 3339.
    pub imported: String,
    /// Kernel command line.
    #[serde(default)]
    pub cmdline: String,
    /// Below this the guest does not come up.
    #[serde(default)]
    pub min_memory_mib: u32,
    /// Where it runs.
    pub runs_at: RunsAt,
    /// The guest's first disk.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub disk: Option<DiskBlob>,
    /// A Linux bzImage or an ELF with a PVH note; without one, firmware boots the disk.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kernel: Option<Blob>,
    /// Initial RAM disk.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub initrd: Option<Blob>,
}

impl Version {
    /// Reads a manifest.
    ///
    /// # Errors
    /// The file system's, or what is wrong with the text (`InvalidData`).
    pub fn read(path: &Path) -> io::Result<Self> {
        let text = fs::read_to_string(path)?;
        toml::from_str(&text)
            .map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error.message().to_owned()))
    }

    /// Writes it whole or not at all.
    ///
    /// # Errors
    /// The file system's.
    pub fn write(&self, path: &Path) -> io::Result<()> {
        let text = toml::to_string(self).map_err(io::Error::other)?;
        let unfinished = path.with_extension("new");
        let written = fs::File::create(&unfinished).and_then(|file| {
            io::Write::write_all(&mut &file, format!("{HEADER}{text}").as_bytes())?;
            file.sync_all()?;
            fs::rename(&unfinished, path)
        });
        if written.is_err() {
            // The failure to tell of is the writing's.
            let _ = fs::remove_file(&unfinished);
        }
        written
    }

    /// Every file it names, with its length.
    pub fn blobs(&self) -> impl Iterator<Item = (Digest, u64)> {
        let disk = self.disk.as_ref().map(|disk| (disk.digest, disk.bytes));
        let others =
            [&self.kernel, &self.initrd].map(|blob| blob.as_ref().map(|blob| (blob.digest, blob.bytes)));
        [disk].into_iter().chain(others).flatten()
    }

    /// Whether another version is the same but for its number and time.
    pub fn same_content(&self, other: &Self) -> bool {
        let other = Self {
            version: self.version,
            built: self.built.clone(),
            imported: self.imported.clone(),
            ..other.clone()
        };
        *self == other
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_manifest_is_read_as_it_was_written() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("3.toml");
        let digest = super::super::digest::TreeHasher::new(0).finish();
        let version = Version {
            name: "debian".into(),
            version: 3,
            description: "\"quoted\"".into(),
            built: None,
            imported: "2026-01-01T00:00:00Z".into(),
            cmdline: "quiet".into(),
            min_memory_mib: 768,
            runs_at: RunsAt::Kernel,
            disk: Some(DiskBlob { digest, bytes: 5, format: DiskFormat::Qcow2, virtual_size: 6 << 30 }),
            kernel: Some(Blob { digest, bytes: 7 }),
            initrd: None,
        };
        version.write(&path).unwrap();
        assert_eq!(Version::read(&path).unwrap(), version);
        assert_eq!(version.blobs().count(), 2);
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
    }
}
