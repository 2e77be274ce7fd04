//! Import of images into the store, complete or not at all.
//!
//! Files are staged first; then the blobs and, last, the manifest enter the store under its lock.

use super::disk_format::recognise;
use super::disk_tool::{DiskFacts, DiskTool};
use super::error::{ImageError, at};
use super::kernel::check_kernel;
use super::manifest::{Manifest, RunsAt};
use super::sparse::data_bytes;
use super::staging::{Staged, Staging};
use super::store::{ImageStore, StoreLock};
use super::version::{Blob, DiskBlob, Version};
use crate::folder::{make_private_dir, open_file};
use oriel_vmm_api::DiskFormat;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use tokio_util::sync::CancellationToken;

/// Files and settings from which an image is imported.
#[derive(Debug, Clone)]
pub struct NewImage {
    /// Name of the image.
    pub name: String,
    /// Path of the kernel: a Linux bzImage or an ELF for x86-64; `None` boots the disk by firmware.
    pub kernel: Option<PathBuf>,
    /// Path of the initial RAM disk.
    pub initrd: Option<PathBuf>,
    /// Path of the disk, raw or qcow2.
    pub disk: Option<PathBuf>,
    /// Format of the disk as an administrator states it; `None` recognises it by the file's contents.
    pub disk_format: Option<DiskFormat>,
    /// Kernel command line.
    pub cmdline: String,
    /// Privilege level at which the guest runs.
    pub runs_at: RunsAt,
}

/// Result of an import.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Imported {
    /// Version that is now the image's newest.
    pub version: Version,
    /// Whether the import made a new version; `false` if the newest version has the same contents.
    pub new: bool,
}

/// Callback with the progress of an import in percent, 0 to 100.
pub type Progress = Arc<dyn Fn(u8) + Send + Sync>;

/// Copies files into the store as the next version of an image. An import with the contents of the newest
/// version makes no new one.
///
/// # Errors
/// See [`ImageError`]. No version is added then.
pub async fn import(
    store: &ImageStore,
    disks: &DiskTool,
    new: NewImage,
    progress: Progress,
    cancelled: CancellationToken,
) -> Result<Imported, ImageError> {
    ImageStore::check_name(&new.name)?;
    if new.kernel.is_none() && new.disk.is_none() {
        return Err(ImageError::Nothing);
    }
    let given = Given::open(&new)?;
    if let Some((kernel, path)) = &given.kernel {
        check_kernel(kernel, path)?;
    }
    // An invalid disk is reported before gigabytes are copied; the copy is inspected again and decides.
    if let Some((disk, path)) = &given.disk {
        inspect(disks, disk, path, new.disk_format).await?;
    }
    let store_too = store.clone();
    let stage = move || stage(&store_too, &given, &progress, &cancelled);
    let (staging, files) = tokio::task::spawn_blocking(stage).await.map_err(|_| ImageError::Cancelled)??;
    let disk = match (&files.disk, &new.disk) {
        (Some(staged), Some(path)) => {
            Some(disk_blob(staged, inspect(disks, &staged.file, path, new.disk_format).await?))
        }
        _ => None,
    };
    let version = Version {
        name: new.name,
        version: 0,
        description: String::new(),
        built: None,
        imported: now(),
        cmdline: new.cmdline,
        min_memory_mib: 0,
        runs_at: new.runs_at,
        disk,
        kernel: files.kernel.as_ref().map(blob),
        initrd: files.initrd.as_ref().map(blob),
    };
    put(store, &staging, &files, version)
}

/// Imports a recipe's output folder as the image `name`, and removes the folder. Files are hard-linked where
/// possible.
///
/// # Errors
/// See [`ImageError`]. The folder then stays; only its removal can fail after the import.
pub fn take_folder(store: &ImageStore, dir: &Path, name: &str) -> Result<Imported, ImageError> {
    ImageStore::check_name(name)?;
    let (manifest, opened) = Manifest::of_folder(dir, name)?;
    check_kernel(&opened.kernel, &dir.join(&manifest.kernel))?;
    if let (Some(disk), Some(file)) = (&opened.disk, &manifest.disk) {
        check_recipe_disk(disk, &dir.join(file))?;
    }
    let staging = Staging::new(store)?;
    let take = |file: Option<File>, path: Option<&Path>, name: &str| match (file, path) {
        (Some(file), Some(path)) => staging.take(file, &dir.join(path), name, &mut |_| true).map(Some),
        _ => Ok(None),
    };
    let files = Files {
        kernel: take(Some(opened.kernel), Some(&manifest.kernel), "kernel")?,
        initrd: take(opened.initrd, manifest.initrd.as_deref(), "initrd")?,
        disk: take(opened.disk, manifest.disk.as_deref(), "disk")?,
    };
    let raw = |staged: &Staged| DiskBlob {
        digest: staged.digest,
        bytes: staged.bytes,
        format: DiskFormat::Raw,
        virtual_size: staged.bytes,
    };
    let version = Version {
        name: name.to_owned(),
        version: 0,
        description: manifest.description,
        built: manifest.built,
        imported: now(),
        cmdline: manifest.cmdline,
        min_memory_mib: manifest.min_memory_mib,
        runs_at: manifest.runs_at,
        disk: files.disk.as_ref().map(raw),
        kernel: files.kernel.as_ref().map(blob),
        initrd: files.initrd.as_ref().map(blob),
    };
    let imported = put(store, &staging, &files, version)?;
    fs::remove_dir_all(dir).map_err(at(dir))?;
    Ok(imported)
}

/// Checks a recipe's disk, which is raw by definition: one that is recognised as anything else is refused.
///
/// # Errors
/// The disk has another format, or cannot be read.
fn check_recipe_disk(disk: &File, path: &Path) -> Result<(), ImageError> {
    match recognise(disk, path, None) {
        Ok(DiskFormat::Raw) | Err(ImageError::UnknownFormat(_)) => Ok(()),
        Ok(DiskFormat::Qcow2) => Err(ImageError::BadDisk(format!(
            "The recipe made a qcow2 disk, {}, and a recipe's disk is raw; have it written raw.",
            path.display()
        ))),
        Err(error) => Err(error),
    }
}

/// Files of an image that an administrator named, each opened once, with the paths for errors.
struct Given {
    kernel: Option<(File, PathBuf)>,
    initrd: Option<(File, PathBuf)>,
    disk: Option<(File, PathBuf)>,
}

impl Given {
    /// Opens the files.
    ///
    /// # Errors
    /// A file is missing, is no regular file, or may not be read.
    fn open(new: &NewImage) -> Result<Self, ImageError> {
        let open = |path: &Option<PathBuf>| match path {
            Some(path) => Ok(Some((open_file(path).map_err(at(path))?, path.clone()))),
            None => Ok(None),
        };
        Ok(Self { kernel: open(&new.kernel)?, initrd: open(&new.initrd)?, disk: open(&new.disk)? })
    }
}

/// Staged files of an image.
struct Files {
    disk: Option<Staged>,
    kernel: Option<Staged>,
    initrd: Option<Staged>,
}

/// Copies the files of an image into a new staging folder.
///
/// # Errors
/// A file cannot be copied, or the import was cancelled.
fn stage(
    store: &ImageStore,
    given: &Given,
    progress: &Progress,
    cancelled: &CancellationToken,
) -> Result<(Staging, Files), ImageError> {
    let parts = [(&given.kernel, "kernel"), (&given.initrd, "initrd"), (&given.disk, "disk")];
    let mut total = 0_u64;
    for (file, path) in parts.iter().filter_map(|(part, _)| part.as_ref()) {
        total = total.saturating_add(data_bytes(file).map_err(at(path))?);
    }
    let (mut done, mut told) = (0_u64, None);
    let mut count = |bytes| {
        done = done.saturating_add(bytes);
        // 100 is reported at the end.
        let percent = done.saturating_mul(100).checked_div(total).unwrap_or(99).min(99);
        let percent = u8::try_from(percent).unwrap_or(99);
        if told != Some(percent) {
            told = Some(percent);
            progress(percent);
        }
        !cancelled.is_cancelled()
    };
    let staging = Staging::new(store)?;
    let mut staged = parts
        .map(|(part, name)| part.as_ref().map(|part| (part, name)))
        .into_iter()
        .map(|part| part.map(|((file, path), name)| staging.copy(file, path, name, &mut count)).transpose());
    let mut next = || staged.next().transpose().map(Option::flatten);
    let (kernel, initrd, disk) = (next()?, next()?, next()?);
    drop(staged);
    progress(100);
    Ok((staging, Files { disk, kernel, initrd }))
}

/// Moves staged files into the store under its lock, the manifest last, and collects superseded versions.
fn put(
    store: &ImageStore,
    staging: &Staging,
    files: &Files,
    version: Version,
) -> Result<Imported, ImageError> {
    let lock = store.lock()?;
    let placed = place(store, staging, &lock, files, version);
    // Also after a failure, to remove blobs without a manifest. The result of the import matters more than a
    // failed collection, which the server repeats at its start.
    if let Err(error) = store.collect(&lock) {
        tracing::warn!(%error, "superseded images were not collected");
    }
    placed
}

/// Moves staged blobs into the store, and writes the manifest of the next version if the contents are new.
fn place(
    store: &ImageStore,
    staging: &Staging,
    lock: &StoreLock,
    files: &Files,
    version: Version,
) -> Result<Imported, ImageError> {
    let newest = store.versions(&version.name)?.pop();
    for staged in [&files.disk, &files.kernel, &files.initrd].into_iter().flatten() {
        staging.put(lock, staged)?;
    }
    if let Some(newest) = newest.as_ref().filter(|newest| newest.same_content(&version)) {
        return Ok(Imported { version: newest.clone(), new: false });
    }
    let number = newest.map_or(1, |newest| newest.version.saturating_add(1));
    let version = Version { version: number, ..version };
    let path = store.manifest(&version.name, number);
    if let Some(dir) = path.parent() {
        make_private_dir(dir).map_err(at(dir))?;
    }
    version.write(&path).map_err(at(&path))?;
    Ok(Imported { version, new: true })
}

/// Recognises the format of a disk's open file, unless it is stated, and inspects the file; `given` is the
/// path in errors.
///
/// # Errors
/// The disk is not of a supported format, is not valid, is empty, or has a backing file.
async fn inspect(
    disks: &DiskTool,
    file: &File,
    given: &Path,
    stated: Option<DiskFormat>,
) -> Result<DiskFacts, ImageError> {
    let empty =
        || ImageError::BadDisk(format!("The disk {} is empty; name a disk with contents.", given.display()));
    if file.metadata().map_err(at(given))?.len() == 0 {
        return Err(empty());
    }
    let format = recognise(file, given, stated)?;
    let facts = disks.inspect(file, format, given).await.map_err(ImageError::BadDisk)?;
    match facts.backing {
        Some(backing) => Err(ImageError::Backed { disk: given.to_owned(), backing }),
        None if facts.virtual_size == 0 => Err(empty()),
        None => Ok(facts),
    }
}

/// Returns the manifest's entry of a staged file.
fn blob(staged: &Staged) -> Blob {
    Blob { digest: staged.digest, bytes: staged.bytes }
}

/// Returns the manifest's entry of a staged disk.
fn disk_blob(staged: &Staged, facts: DiskFacts) -> DiskBlob {
    DiskBlob {
        digest: staged.digest,
        bytes: staged.bytes,
        format: facts.format,
        virtual_size: facts.virtual_size,
    }
}

/// Returns the current time in seconds (RFC 3339).
fn now() -> String {
    let now = OffsetDateTime::now_utc();
    now.replace_nanosecond(0).unwrap_or(now).format(&Rfc3339).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::folder::HostDir;
    use std::os::unix::fs::symlink;

    /// Makes a store, and an output folder of a recipe with a kernel and a disk.
    fn recipe_output(dir: &Path) -> (ImageStore, std::path::PathBuf) {
        let store = ImageStore::open(&HostDir::open(&dir.join("state")).unwrap()).unwrap();
        let out = dir.join("out");
        fs::create_dir(&out).unwrap();
        let mut kernel = b"\x7fELF\x02\x01".to_vec();
        kernel.resize(64, 0);
        kernel[18] = 62;
        fs::write(out.join("vmlinuz"), kernel).unwrap();
        let mut disk = vec![0; 4096];
        disk[510..512].copy_from_slice(&[0x55, 0xAA]);
        fs::write(out.join("disk.raw"), disk).unwrap();
        describe(&out, "disk.raw");
        (store, out)
    }

    fn describe(out: &Path, disk: &str) {
        let text = format!("name = \"r\"\ndisk = \"{disk}\"\nkernel = \"vmlinuz\"\nruns_at = \"kernel\"\n");
        fs::write(out.join("image.toml"), text).unwrap();
    }

    fn blobs(store: &ImageStore) -> usize {
        fs::read_dir(store.root().join("blobs/sha256tree")).unwrap().count()
    }

    #[test]
    fn the_files_of_a_recipe_s_output_are_taken() {
        let dir = tempfile::tempdir().unwrap();
        let (store, out) = recipe_output(dir.path());
        let imported = take_folder(&store, &out, "r").unwrap();
        assert_eq!(imported.version.disk.unwrap().format, DiskFormat::Raw);
        assert_eq!(blobs(&store), 2);
        assert!(!out.exists());
    }

    #[test]
    fn a_link_in_a_recipe_s_output_is_not_followed() {
        let dir = tempfile::tempdir().unwrap();
        let (store, out) = recipe_output(dir.path());
        let secrets = dir.path().join("etc");
        fs::create_dir(&secrets).unwrap();
        fs::rename(out.join("disk.raw"), secrets.join("shadow")).unwrap();
        symlink(&secrets, out.join("x")).unwrap();
        symlink(secrets.join("shadow"), out.join("shadow")).unwrap();
        for disk in ["x/shadow", "shadow"] {
            describe(&out, disk);
            let error = take_folder(&store, &out, "r").unwrap_err().to_string();
            assert!(error.contains(disk), "{error}");
        }
        describe(&out, "disk.raw");
        fs::rename(&out, dir.path().join("elsewhere")).unwrap();
        symlink(dir.path().join("elsewhere"), &out).unwrap();
        assert!(take_folder(&store, &out, "r").is_err());
        assert_eq!(blobs(&store), 0);
    }

    #[test]
    fn a_pipe_in_a_recipe_s_output_does_not_block_the_import() {
        let dir = tempfile::tempdir().unwrap();
        let (store, out) = recipe_output(dir.path());
        fs::remove_file(out.join("image.toml")).unwrap();
        rustix::fs::mknodat(
            rustix::fs::CWD,
            out.join("image.toml"),
            rustix::fs::FileType::Fifo,
            rustix::fs::Mode::RUSR,
            0,
        )
        .unwrap();
        let (done, wait) = std::sync::mpsc::channel();
        std::thread::spawn(move || done.send(take_folder(&store, &out, "r").is_err()));
        assert_eq!(wait.recv_timeout(std::time::Duration::from_secs(30)), Ok(true));
    }

    #[test]
    fn a_recipe_s_disk_of_another_format_than_raw_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let (store, out) = recipe_output(dir.path());
        let mut disk = b"QFI\xFB\0\0\0\x03".to_vec();
        disk.resize(4096, 0);
        fs::write(out.join("disk.raw"), disk).unwrap();
        let error = take_folder(&store, &out, "r").unwrap_err().to_string();
        assert!(error.contains("qcow2") && error.contains("disk.raw"), "{error}");
        assert_eq!(blobs(&store), 0);
    }
}
