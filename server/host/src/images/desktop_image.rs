//! What a desktop starts from: the files of its image, and a root disk of its own over them.

use super::{DiskTool, Image, ImageError, ImageReference, ImageStore, Version};
use crate::folder::DesktopDir;
use rustix::rand::{GetRandomFlags, getrandom};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// An image, and the root disk that the desktop has of its own.
#[derive(Debug, Clone)]
pub(crate) struct DesktopImage {
    /// The image with the paths of its files.
    pub image: Image,
    /// Root disk of the desktop.
    pub disk: RootDisk,
}

/// Root disk of a desktop: the first disk that its guest sees.
#[derive(Debug, Clone)]
pub(crate) enum RootDisk {
    /// The image has no disk.
    None,
    /// A whole copy of the image's disk, as desktops of early versions have.
    Copy(PathBuf),
    /// A qcow2 overlay of the image's disk.
    Overlay(PathBuf),
    /// The overlay is yet to be made.
    New(Box<Version>),
}

impl DesktopImage {
    /// What a desktop would start from: once it has a disk of its own, the version which that was made from, even after the
    /// image was built anew, because a kernel must fit the modules on the disk.
    ///
    /// # Errors
    /// The image is missing or damaged.
    pub(crate) fn of(
        store: &ImageStore,
        dir: &DesktopDir,
        reference: &ImageReference,
    ) -> Result<Self, ImageError> {
        if dir.image().exists() {
            let image = Image::of_folder(&dir.image(), &reference.name)?;
            let disk = image.disk.as_ref().map_or(RootDisk::None, |disk| RootDisk::Copy(disk.path.clone()));
            return Ok(Self { image, disk });
        }
        if dir.overlay().exists() {
            let version =
                Version::read(&dir.base()).map_err(|source| ImageError::Io { path: dir.base(), source })?;
            return Ok(Self {
                image: Image::of_version(store, &version)?,
                disk: RootDisk::Overlay(dir.overlay()),
            });
        }
        let version = store.find(&reference.name, reference.version)?;
        let image = Image::of_version(store, &version)?;
        let disk = if image.disk.is_some() { RootDisk::New(Box::new(version)) } else { RootDisk::None };
        Ok(Self { image, disk })
    }

    /// Makes the parts that the desktop does not have yet: its folder, and an overlay.
    ///
    /// # Errors
    /// One sentence; then nothing half made is left.
    pub(crate) async fn make(
        store: &ImageStore,
        disks: &DiskTool,
        dir: &DesktopDir,
        reference: &ImageReference,
    ) -> Result<Self, String> {
        dir.make()
            .map_err(|error| format!("The folder {} cannot be made: {error}.", dir.root().display()))?;
        let (store_too, dir_too, reference) = (store.clone(), dir.clone(), reference.clone());
        let pin = move || pin_version(&store_too, &dir_too, &reference).map_err(|error| error.to_string());
        let base = tokio::task::spawn_blocking(pin)
            .await
            .map_err(|error| format!("The start broke off: {error}."))??;
        let RootDisk::New(version) = &base.disk else { return Ok(base) };
        let unfinished = dir.unfinished_overlay();
        let made = make_overlay(store, disks, dir, version).await;
        if made.is_err() {
            // Half an overlay is worth nothing, and the failure to tell of is the making's.
            let _ = fs::remove_file(&unfinished);
        }
        made.map(|()| Self { disk: RootDisk::Overlay(dir.overlay()), ..base })
    }
}

/// Writes the version that the desktop's disk lies over into its folder, so that the version's blobs stay.
fn pin_version(
    store: &ImageStore,
    dir: &DesktopDir,
    reference: &ImageReference,
) -> Result<DesktopImage, ImageError> {
    // Under the lock nothing is collected between the look at the version and the note of it.
    let _lock = store.lock()?;
    let base = DesktopImage::of(store, dir, reference)?;
    let version = match &base.disk {
        RootDisk::New(version) => (**version).clone(),
        RootDisk::None if !dir.image().exists() => store.find(&reference.name, reference.version)?,
        RootDisk::None | RootDisk::Copy(_) | RootDisk::Overlay(_) => return Ok(base),
    };
    version.write(&dir.base()).map_err(|source| ImageError::Io { path: dir.base(), source })?;
    Ok(base)
}

async fn make_overlay(
    store: &ImageStore,
    disks: &DiskTool,
    dir: &DesktopDir,
    version: &Version,
) -> Result<(), String> {
    let Some(disk) = &version.disk else { return Ok(()) };
    let unfinished = dir.unfinished_overlay();
    let failed =
        |error: io::Error| format!("{} cannot be made ({error}); check the disk.", unfinished.display());
    match fs::remove_file(&unfinished) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(failed(error)),
        _ => {}
    }
    // From the desktop's folder, so that qemu-img finds it even after the state folder has moved.
    let blob = store.blob(&disk.digest);
    let name =
        blob.strip_prefix(store.root()).map_or(blob.clone(), |inside| Path::new("../../images").join(inside));
    disks.create_overlay(&unfinished, disk.virtual_size, &name, disk.format).await?;
    // A new disk is a new generation.
    match fs::remove_file(dir.generation()) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(failed(error)),
        _ => {}
    }
    fs::rename(&unfinished, dir.overlay()).map_err(failed)
}

/// The generation identifier of the desktop's disk (VMGenID): 32 hexadecimal digits, kept in its folder.
///
/// # Errors
/// The file system's.
pub(crate) fn generation_id(dir: &DesktopDir) -> io::Result<String> {
    let is_one = |text: &str| text.len() == 32 && text.bytes().all(|c| c.is_ascii_hexdigit());
    match fs::read_to_string(dir.generation()) {
        Ok(text) if is_one(text.trim()) => return Ok(text.trim().to_owned()),
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut bytes = [0_u8; 16];
    getrandom(&mut bytes, GetRandomFlags::empty())?;
    let text: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    fs::write(dir.generation(), &text)?;
    Ok(text)
}
