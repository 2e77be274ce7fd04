//! Version of an image: a manifest in TOML that names the image's blobs by their digests.

use super::RunsAt;
use super::digest::Digest;
use crate::folder::{open_own_file, read_text, write_durably};
use oriel_vmm_api::DiskFormat;
use serde::{Deserialize, Serialize};
use std::io;
use std::path::Path;

/// Comment at the top of a manifest.
const HEADER: &str = "\
# A version of an image. Each digest names a file below images/blobs/sha256tree: the SHA-256 of
# \"oriel sha256tree 1\", the length as a little-endian 64-bit number, and the SHA-256 of each MiB.
";

/// Maximum length of a manifest in bytes.
pub(super) const LONGEST: u64 = 1 << 20;

/// File in the store.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Blob {
    /// Digest of the file's contents, and the file's name in the store.
    pub digest: Digest,
    /// Length of the file in bytes.
    pub bytes: u64,
}

/// Disk file in the store.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DiskBlob {
    /// Digest of the file's contents, and the file's name in the store.
    pub digest: Digest,
    /// Length of the file in bytes.
    pub bytes: u64,
    /// Format of the disk's file.
    pub format: DiskFormat,
    /// Size of the disk in bytes, as the guest sees it.
    pub virtual_size: u64,
}

/// Manifest of a version of an image.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Version {
    /// Name of the image.
    pub name: String,
    /// Number of the version, from 1; new desktops start from the highest.
    pub version: u32,
    /// Description of the image for administrators.
    #[serde(default)]
    pub description: String,
    /// Time of the build by a recipe (RFC 3339).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub built: Option<String>,
    /// Time of the import into the store (RFC 3339).
    pub imported: String,
    /// Kernel command line.
    #[serde(default)]
    pub cmdline: String,
    /// Minimum memory in MiB with which the guest boots; 0 sets no minimum.
    #[serde(default)]
    pub min_memory_mib: u32,
    /// Privilege level at which the guest runs.
    pub runs_at: RunsAt,
    /// Disk below the desktops' root disks.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub disk: Option<DiskBlob>,
    /// Kernel: a Linux bzImage or an ELF with a PVH note; `None` boots the disk by firmware.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kernel: Option<Blob>,
    /// Initial RAM disk of the kernel.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub initrd: Option<Blob>,
}

impl Version {
    /// Reads a manifest from a file.
    ///
    /// # Errors
    /// The file cannot be read, or its text is not a valid manifest (`InvalidData`).
    pub fn read(path: &Path) -> io::Result<Self> {
        let text = read_text(&open_own_file(path)?, LONGEST)?;
        toml::from_str(&text)
            .map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error.message().to_owned()))
    }

    /// Replaces the file of the manifest durably.
    ///
    /// # Errors
    /// The file system's error.
    pub fn write(&self, path: &Path) -> io::Result<()> {
        let text = toml::to_string(self).map_err(io::Error::other)?;
        write_durably(path, format!("{HEADER}{text}").as_bytes())
    }

    /// Lists the digest and the length in bytes of each file that the manifest names.
    pub fn blobs(&self) -> impl Iterator<Item = (Digest, u64)> {
        let disk = self.disk.as_ref().map(|disk| (disk.digest, disk.bytes));
        let others =
            [&self.kernel, &self.initrd].map(|blob| blob.as_ref().map(|blob| (blob.digest, blob.bytes)));
        [disk].into_iter().chain(others).flatten()
    }

    /// Returns whether another version differs at most in its number and its times.
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
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 1);
    }
}
