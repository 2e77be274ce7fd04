//! `image.toml`: description of a recipe's output folder, from which the folder is imported.

use super::error::ImageError;
use super::version::LONGEST;
use crate::folder::{OpenFolder, read_text};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fs::File;
use std::io;
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

/// Open files that a manifest names, none of them empty.
#[derive(Debug)]
pub struct ImageFiles {
    /// Kernel.
    pub kernel: File,
    /// Initial RAM disk.
    pub initrd: Option<File>,
    /// Disk.
    pub disk: Option<File>,
}

impl Manifest {
    /// Reads the `image.toml` of a folder, and opens the files that it names beneath the folder, through no
    /// link. `name` is the image's name in errors.
    ///
    /// # Errors
    /// [`ImageError::Missing`] without a folder, [`ImageError::Damaged`] for an invalid one.
    pub fn of_folder(dir: &Path, name: &str) -> Result<(Self, ImageFiles), ImageError> {
        let damaged = |problem: String| ImageError::Damaged { name: name.to_owned(), problem };
        let folder = match OpenFolder::open(dir) {
            Ok(folder) => folder,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return Err(ImageError::Missing(name.to_owned()));
            }
            Err(error) => return Err(damaged(format!("{}: {error}", dir.display()))),
        };
        let text = folder
            .file(Path::new("image.toml"))
            .and_then(|file| read_text(&file, LONGEST))
            .map_err(|error| damaged(format!("image.toml: {error}")))?;
        let manifest = Self::parse(&text).map_err(|problem| damaged(format!("image.toml: {problem}")))?;
        let open = |file: &Path| {
            let opened = folder.file(file).and_then(|opened| Ok((opened.metadata()?.len(), opened)));
            match opened {
                Ok((0, _)) => Err(damaged(format!("{} is empty", file.display()))),
                Ok((_, opened)) => Ok(opened),
                Err(error) => Err(damaged(format!("{}: {error}", file.display()))),
            }
        };
        let files = ImageFiles {
            kernel: open(&manifest.kernel)?,
            initrd: manifest.initrd.as_deref().map(open).transpose()?,
            disk: manifest.disk.as_deref().map(open).transpose()?,
        };
        Ok((manifest, files))
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
