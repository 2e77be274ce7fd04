//! `image.toml`: what is in an image.

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::{Component, Path, PathBuf};

/// Where a guest spends its life, which decides what it needs of a host.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum RunsAt {
    /// In a kernel, as operating systems do.
    Kernel,
    /// In user mode alone; runs natively even where kernels are interpreted.
    User,
}

/// An image's description. Paths are relative to its folder.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// Its name, also the folder's.
    pub name: String,
    /// For people.
    #[serde(default)]
    pub description: String,
    /// When it was built, RFC 3339.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub built: Option<String>,
    /// A raw disk, the guest's first; each desktop gets a copy.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub disk: Option<PathBuf>,
    /// A Linux bzImage or an ELF with a PVH note.
    pub kernel: PathBuf,
    /// Initial RAM disk.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub initrd: Option<PathBuf>,
    /// Kernel command line.
    #[serde(default)]
    pub cmdline: String,
    /// Below this the guest does not come up.
    #[serde(default)]
    pub min_memory_mib: u32,
    /// Where it runs.
    pub runs_at: RunsAt,
    /// Checksums in hexadecimal, by the keys above.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub sha256: BTreeMap<String, String>,
}

impl Manifest {
    /// Reads the text of an `image.toml`.
    ///
    /// # Errors
    /// What is wrong with it.
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

    /// The files it names.
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
    fn a_guest_without_a_disk_is_an_image_too() {
        let manifest =
            Manifest::parse("name = \"bench\"\nkernel = \"guest.elf\"\nruns_at = \"user\"\n").unwrap();
        assert_eq!(manifest.disk, None);
        assert_eq!(manifest.files().count(), 1);
    }
}
