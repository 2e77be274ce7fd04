//! `image.toml`: description of a recipe's output folder, from which the folder is imported.

use super::error::ImageError;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::{Component, Path, PathBuf};

/// Privilege level at which a guest runs, which decides which machines run the guest at native speed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum RunsAt {
    /// The guest is an operating system with a kernel.
    Kernel,
    /// The guest runs in user mode only, at native speed even on a KVM that interprets guest kernels.
    User,
}

/// Description of an image in a folder. Paths are relative to the folder.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// Name of the image.
    pub name: String,
    /// Description of the image for administrators.
    #[serde(default)]
    pub description: String,
    /// Time of the build (RFC 3339).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub built: Option<String>,
    /// Raw disk of the guest.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub disk: Option<PathBuf>,
    /// Kernel: a Linux bzImage or an ELF with a PVH note.
    pub kernel: PathBuf,
    /// Initial RAM disk of the kernel.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub initrd: Option<PathBuf>,
    /// Kernel command line.
    #[serde(default)]
    pub cmdline: String,
    /// Minimum memory in MiB with which the guest boots; 0 sets no minimum.
    #[serde(default)]
    pub min_memory_mib: u32,
    /// Privilege level at which the guest runs.
    pub runs_at: RunsAt,
    /// SHA-256 digests of the files by the names of the fields above, which earlier recipes wrote. They are
    /// ignored: the store computes digests of its own.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub sha256: BTreeMap<String, String>,
}

impl Manifest {
    /// Reads the `image.toml` of a folder, and checks that the files exist and are not empty. `name` is the
    /// image's name in errors.
    ///
    /// # Errors
    /// [`ImageError::Missing`] without a folder, [`ImageError::Damaged`] for an invalid one.
    pub fn of_folder(dir: &Path, name: &str) -> Result<Self, ImageError> {
        let damaged = |problem: String| ImageError::Damaged { name: name.to_owned(), problem };
        let text = match std::fs::read_to_string(dir.join("image.toml")) {
            Ok(text) => text,
            Err(_) if !dir.exists() => return Err(ImageError::Missing(name.to_owned())),
            Err(error) => return Err(damaged(format!("image.toml: {error}"))),
        };
        let manifest = Self::parse(&text).map_err(|problem| damaged(format!("image.toml: {problem}")))?;
        for file in manifest.files() {
            match std::fs::metadata(dir.join(file)) {
                Ok(metadata) if metadata.is_file() && metadata.len() > 0 => {}
                Ok(_) => return Err(damaged(format!("{} is empty", file.display()))),
                Err(error) => return Err(damaged(format!("{}: {error}", file.display()))),
            }
        }
        Ok(manifest)
    }

    /// Parses the text of an `image.toml`.
    ///
    /// # Errors
    /// A clause: the text is not valid, or a path leads out of the folder.
    pub fn parse(text: &str) -> Result<Self, String> {
        let manifest: Self = toml::from_str(text).map_err(|error| error.message().to_owned())?;
        for file in manifest.files() {
            let plain = file.components().all(|part| matches!(part, Component::Normal(_)));
            if !plain || file.as_os_str().is_empty() {
                return Err(format!("{} leads out of the image's folder", file.display()));
            }
        }
        Ok(manifest)
    }

    /// Lists the paths of the files that the manifest names.
    pub fn files(&self) -> impl Iterator<Item = &Path> {
        [self.disk.as_deref(), Some(self.kernel.as_path()), self.initrd.as_deref()].into_iter().flatten()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_stay_inside_the_folder() {
        for kernel in ["/etc/passwd", "../other/vmlinuz", "a/../../b", ""] {
            let text = format!("name = \"x\"\nkernel = \"{kernel}\"\nruns_at = \"kernel\"\n");
            assert!(Manifest::parse(&text).unwrap_err().contains("leads out"), "{kernel}");
        }
    }

    #[test]
    fn missing_and_damaged_folders_are_told_apart() {
        let dir = tempfile::tempdir().unwrap();
        let of = |dir: &Path| Manifest::of_folder(dir, "x");
        assert!(matches!(of(&dir.path().join("none")), Err(ImageError::Missing(_))));
        assert!(matches!(of(dir.path()), Err(ImageError::Damaged { .. })));
        std::fs::write(dir.path().join("image.toml"), "name = \"x\"\nkernel = \"k\"\nruns_at = \"user\"\n")
            .unwrap();
        assert!(matches!(of(dir.path()), Err(ImageError::Damaged { .. })));
        std::fs::write(dir.path().join("k"), "").unwrap();
        assert!(matches!(of(dir.path()), Err(ImageError::Damaged { .. })));
        std::fs::write(dir.path().join("k"), "kernel").unwrap();
        assert!(of(dir.path()).is_ok());
    }

    #[test]
    fn a_guest_without_a_disk_is_an_image_too() {
        let manifest =
            Manifest::parse("name = \"bench\"\nkernel = \"guest.elf\"\nruns_at = \"user\"\n").unwrap();
        assert_eq!(manifest.disk, None);
        assert_eq!(manifest.files().count(), 1);
    }
}
