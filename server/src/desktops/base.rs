//! What a desktop starts from: the files of its image, and a disk of its own over them.

use super::table::Record;
use crate::images::{DiskProgram, Image, ImageError, ImageStore, Version};
use crate::state::DesktopDir;
use rustix::rand::{GetRandomFlags, getrandom};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// An image, and what the desktop has of its own.
#[derive(Debug, Clone)]
pub struct Base {
    /// With its files.
    pub image: Image,
    /// Its own disk.
    pub disk: OwnDisk,
}

/// A desktop's own disk.
#[derive(Debug, Clone)]
pub enum OwnDisk {
    /// The image has no disk.
    None,
    /// A whole copy of the image's, as desktops of earlier versions have.
    Copy(PathBuf),
    /// A layer over the image's.
    Overlay(PathBuf),
    /// A layer is yet to be made.
    New(Box<Version>),
}

impl Base {
    /// Of a desktop: once it has a disk of its own, what that was made from, even after the image
    /// was built anew; a kernel must fit the modules on its disk.
    ///
    /// # Errors
    /// The image is missing or damaged.
    pub fn of(store: &ImageStore, dir: &DesktopDir, record: &Record) -> Result<Self, ImageError> {
        if dir.image().exists() {
            let image = Image::of_folder(&dir.image(), &record.pool.settings.image)?;
            let disk = image.disk.as_ref().map_or(OwnDisk::None, |disk| OwnDisk::Copy(disk.path.clone()));
            return Ok(Self { image, disk });
        }
        if dir.overlay().exists() {
            let version =
                Version::read(&dir.base()).map_err(|source| ImageError::Io { path: dir.base(), source })?;
            return Ok(Self {
                image: Image::of_version(store, &version)?,
                disk: OwnDisk::Overlay(dir.overlay()),
            });
        }
        let version = store.newest(&record.pool.settings.image)?;
        let image = Image::of_version(store, &version)?;
        let disk = if image.disk.is_some() { OwnDisk::New(Box::new(version)) } else { OwnDisk::None };
        Ok(Self { image, disk })
    }

    /// Makes what the desktop does not have yet.
    ///
    /// # Errors
    /// A sentence; then nothing half made is left.
    pub(super) async fn establish(
        store: &ImageStore,
        disks: &DiskProgram,
        dir: &DesktopDir,
        record: &Record,
    ) -> Result<Self, String> {
        dir.make()
            .map_err(|error| format!("The folder {} cannot be made: {error}.", dir.root().display()))?;
        let (store_too, dir_too, record) = (store.clone(), dir.clone(), record.clone());
        let hold = move || hold(&store_too, &dir_too, &record).map_err(|error| error.to_string());
        let base = tokio::task::spawn_blocking(hold)
            .await
            .map_err(|error| format!("The start broke off: {error}."))??;
        let OwnDisk::New(version) = &base.disk else { return Ok(base) };
        let unfinished = dir.unfinished_overlay();
        let made = make_overlay(store, disks, dir, version).await;
        if made.is_err() {
            // Half an overlay is worth nothing, and the failure to tell of is the making's.
            let _ = fs::remove_file(&unfinished);
        }
        made.map(|()| Self { disk: OwnDisk::Overlay(dir.overlay()), ..base })
    }
}

/// Notes in the desktop's folder which version it stands on, so that its blobs stay.
fn hold(store: &ImageStore, dir: &DesktopDir, record: &Record) -> Result<Base, ImageError> {
    // Under the lock nothing is collected between the look at the version and the note of it.
    let _lock = store.lock()?;
    let base = Base::of(store, dir, record)?;
    let version = match &base.disk {
        OwnDisk::New(version) => (**version).clone(),
        OwnDisk::None if !dir.image().exists() => store.newest(&record.pool.settings.image)?,
        OwnDisk::None | OwnDisk::Copy(_) | OwnDisk::Overlay(_) => return Ok(base),
    };
    version.write(&dir.base()).map_err(|source| ImageError::Io { path: dir.base(), source })?;
    Ok(base)
}

async fn make_overlay(
    store: &ImageStore,
    disks: &DiskProgram,
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
    // A new disk is a new life.
    match fs::remove_file(dir.generation()) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(failed(error)),
        _ => {}
    }
    fs::rename(&unfinished, dir.overlay()).map_err(failed)
}

/// The identifier of this life of the guest (VMGenID): 32 hexadecimal digits, kept in its folder.
///
/// # Errors
/// The file system's.
pub(super) fn generation(dir: &DesktopDir) -> io::Result<String> {
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
