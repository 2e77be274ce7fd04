//! The guest's resources by number, and the limits on what they may cost the host.

use super::backing::Backing;
use super::blob::Blob;
use super::format::{PIXEL_LEN, PixelFormat};
use super::picture::Picture;
use super::wire::Refusal;
use oriel_display::Size;
use std::collections::HashMap;
use std::sync::Arc;

/// Host memory for 2D resources in all.
const MAX_PICTURE_BYTES: usize = 256 << 20;
/// Resources of either kind.
const MAX_RESOURCES: usize = 4096;
/// Pieces of scatter lists in all (24 MiB of host memory).
const MAX_PIECES: usize = 1 << 20;
/// Either side of a 2D resource.
const MAX_SIDE: u32 = 16384;

/// One resource.
pub enum Resource {
    Picture { picture: Arc<Picture>, backing: Option<Backing> },
    Blob(Arc<Blob>),
}

impl Resource {
    fn pieces(&self) -> usize {
        match self {
            Self::Picture { backing, .. } => backing.as_ref().map_or(0, Backing::pieces),
            Self::Blob(blob) => blob.pieces(),
        }
    }

    fn picture_bytes(&self) -> usize {
        match self {
            Self::Picture { picture, .. } => picture.bytes(),
            Self::Blob(_) => 0,
        }
    }
}

/// All resources of one device.
#[derive(Default)]
pub struct Resources {
    by_number: HashMap<u32, Resource>,
    picture_bytes: usize,
    pieces: usize,
}

impl Resources {
    /// The resource of this number.
    pub fn get(&self, number: u32) -> Result<&Resource, Refusal> {
        self.by_number.get(&number).ok_or(Refusal::InvalidResource)
    }

    /// RESOURCE_CREATE_2D.
    pub fn create_picture(&mut self, number: u32, format: u32, size: Size) -> Result<(), Refusal> {
        self.check_new(number)?;
        let format = PixelFormat::from_wire(format).ok_or(Refusal::InvalidParameter)?;
        if size.bounds().is_empty() || size.width.max(size.height) > MAX_SIDE {
            return Err(Refusal::InvalidParameter);
        }
        let bytes = size.width as usize * size.height as usize * PIXEL_LEN;
        if bytes > MAX_PICTURE_BYTES - self.picture_bytes {
            return Err(Refusal::OutOfMemory);
        }
        let picture = Arc::new(Picture::new(size, format, bytes));
        self.insert(number, Resource::Picture { picture, backing: None });
        Ok(())
    }

    /// RESOURCE_CREATE_BLOB.
    pub fn create_blob(&mut self, number: u32, blob: Blob) -> Result<(), Refusal> {
        self.check_new(number)?;
        self.check_pieces(blob.pieces())?;
        self.insert(number, Resource::Blob(Arc::new(blob)));
        Ok(())
    }

    /// RESOURCE_ATTACH_BACKING: 2D resources that have none yet.
    pub fn attach(&mut self, number: u32, new: Backing) -> Result<(), Refusal> {
        let pieces = new.pieces();
        self.check_pieces(pieces)?;
        match self.by_number.get_mut(&number).ok_or(Refusal::InvalidResource)? {
            Resource::Picture { backing: backing @ None, .. } => *backing = Some(new),
            _ => return Err(Refusal::Unspecified),
        }
        self.pieces += pieces;
        Ok(())
    }

    /// RESOURCE_DETACH_BACKING. A blob does not recover from it: its views fail from now on.
    pub fn detach(&mut self, number: u32) -> Result<(), Refusal> {
        match self.by_number.get_mut(&number).ok_or(Refusal::InvalidResource)? {
            Resource::Picture { backing, .. } => {
                let old = backing.take().ok_or(Refusal::Unspecified)?;
                self.pieces -= old.pieces();
            }
            Resource::Blob(blob) => blob.lose(),
        }
        Ok(())
    }

    /// RESOURCE_UNREF. Views of a blob fail from now on.
    pub fn remove(&mut self, number: u32) -> Result<(), Refusal> {
        let resource = self.by_number.remove(&number).ok_or(Refusal::InvalidResource)?;
        self.pieces -= resource.pieces();
        self.picture_bytes -= resource.picture_bytes();
        if let Resource::Blob(blob) = resource {
            blob.lose();
        }
        Ok(())
    }

    fn insert(&mut self, number: u32, resource: Resource) {
        self.pieces += resource.pieces();
        self.picture_bytes += resource.picture_bytes();
        self.by_number.insert(number, resource);
    }

    fn check_new(&self, number: u32) -> Result<(), Refusal> {
        if number == 0 || self.by_number.contains_key(&number) {
            return Err(Refusal::InvalidResource);
        }
        if self.by_number.len() >= MAX_RESOURCES {
            return Err(Refusal::OutOfMemory);
        }
        Ok(())
    }

    fn check_pieces(&self, more: usize) -> Result<(), Refusal> {
        if more > MAX_PIECES - self.pieces { Err(Refusal::OutOfMemory) } else { Ok(()) }
    }
}

impl Drop for Resources {
    /// The guest may reuse its pages after a reset, whoever still looks at them.
    fn drop(&mut self) {
        for resource in self.by_number.values() {
            if let Resource::Blob(blob) = resource {
                blob.lose();
            }
        }
    }
}
