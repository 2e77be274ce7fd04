//! Image and root disk of one desktop: which version the desktop starts from, and how its overlay is made.

use super::{DiskTool, Image, ImageError, ImageReference, ImageStore, Version};
use crate::folder::DesktopDir;
use rustix::rand::{GetRandomFlags, getrandom};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// Image from which a desktop starts, and the desktop's root disk.
#[derive(Debug, Clone)]
pub(crate) struct DesktopImage {
    /// Image with the paths of its files.
    pub image: Image,
    /// Root disk of the desktop.
    pub disk: RootDisk,
}

/// Root disk of a desktop: the first disk that its guest sees.
#[derive(Debug, Clone)]
pub(crate) enum RootDisk {
    /// The image has no disk, and neither has the desktop.
    None,
    /// Full copy of the image's disk, which desktops of early versions have.
    Copy(PathBuf),
    /// Qcow2 overlay of the image's disk.
    Overlay(PathBuf),
    /// The overlay of the version's disk is still to be made.
    New(Box<Version>),
}

impl DesktopImage {
    /// Determines the image for a desktop's next start. A desktop with a root disk keeps the version from
    /// which the disk was made, even if the image has a newer one: the kernel must fit the modules on the
    /// disk.
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

    /// Creates what the desktop lacks: its folder, the manifest of its version, and the overlay. A new
    /// overlay gets a new generation identifier.
    ///
    /// # Errors
    /// One sentence; no unfinished overlay is left.
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
            .map_err(|error| format!("The start was interrupted: {error}."))??;
        let RootDisk::New(version) = &base.disk else { return Ok(base) };
        let unfinished = dir.unfinished_overlay();
        let made = make_overlay(store, disks, dir, version).await;
        if made.is_err() {
            // The caller needs the error of the creation, not that of the removal.
            let _ = fs::remove_file(&unfinished);
        }
        made.map(|()| Self { disk: RootDisk::Overlay(dir.overlay()), ..base })
    }
}

/// Writes the manifest of the desktop's image version into its folder, so that the store keeps the version's
/// blobs.
fn pin_version(
    store: &ImageStore,
    dir: &DesktopDir,
    reference: &ImageReference,
) -> Result<DesktopImage, ImageError> {
    // Under the lock no blob is collected between the choice of the version and its manifest in the folder.
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

/// Makes the overlay under a temporary name, removes the old generation identifier, and renames the overlay
/// into place.
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
    // Relative to the desktop's folder, so that qemu-img finds the file after the state folder was moved.
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

/// Returns the generation identifier of the desktop's root disk (VMGenID), as 32 hexadecimal digits. A random
/// one is made and stored in the desktop's folder if there is none.
///
/// # Errors
/// The file cannot be read or written, or the kernel gives no random bytes.
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
