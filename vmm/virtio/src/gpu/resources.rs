//! Resources of the guest by resource ID, and limits on their cost to the host.

use super::backing::Backing;
use super::blob::Blob;
use super::format::{PIXEL_LEN, PixelFormat};
use super::resource_2d::Resource2d;
use super::wire::GpuError;
use oriel_wire::Size;
use std::collections::HashMap;
use std::sync::Arc;

/// Maximum host memory for all 2D resources in bytes.
const MAX_HOST_BYTES: usize = 256 << 20;
/// Maximum number of resources of any kind.
const MAX_RESOURCES: usize = 4096;
/// Maximum number of segments of all backings together (24 MiB of host memory).
const MAX_SEGMENTS: usize = 1 << 20;
/// Maximum width and height of a 2D resource in pixels.
const MAX_SIDE: u32 = 16384;

/// Resource that the guest created.
pub enum Resource {
    /// 2D resource: the copy on the host, and the attached guest memory if any.
    TwoD { image: Arc<Resource2d>, backing: Option<Backing> },
    /// Blob resource in guest memory.
    Blob(Arc<Blob>),
}

impl Resource {
    /// Returns the number of segments of the backing.
    fn segments(&self) -> usize {
        match self {
            Self::TwoD { backing, .. } => backing.as_ref().map_or(0, Backing::segments),
            Self::Blob(blob) => blob.segments(),
        }
    }

    /// Returns the size of the host's copy in bytes.
    fn host_bytes(&self) -> usize {
        match self {
            Self::TwoD { image, .. } => image.bytes(),
            Self::Blob(_) => 0,
        }
    }
}

/// Table of a device's resources.
#[derive(Default)]
pub struct Resources {
    by_id: HashMap<u32, Resource>,
    host_bytes: usize,
    segments: usize,
}

impl Resources {
    /// Returns the resource with ID `id`.
    ///
    /// # Errors
    /// [`GpuError::InvalidResource`] when no resource has this ID.
    pub fn get(&self, id: u32) -> Result<&Resource, GpuError> {
        self.by_id.get(&id).ok_or(GpuError::InvalidResource)
    }

    /// Creates a 2D resource (RESOURCE_CREATE_2D).
    ///
    /// # Errors
    /// When the ID is taken, the format or size is invalid, or a limit would be exceeded.
    pub fn create_2d(&mut self, id: u32, format: u32, size: Size) -> Result<(), GpuError> {
        self.check_new(id)?;
        let format = PixelFormat::from_wire(format).ok_or(GpuError::InvalidParameter)?;
        if size.bounds().is_empty() || size.width.max(size.height) > MAX_SIDE {
            return Err(GpuError::InvalidParameter);
        }
        let bytes = size.width as usize * size.height as usize * PIXEL_LEN;
        if bytes > MAX_HOST_BYTES - self.host_bytes {
            return Err(GpuError::OutOfMemory);
        }
        let image = Arc::new(Resource2d::new(size, format, bytes));
        self.insert(id, Resource::TwoD { image, backing: None });
        Ok(())
    }

    /// Adds a blob resource (RESOURCE_CREATE_BLOB).
    ///
    /// # Errors
    /// When the ID is taken or a limit would be exceeded.
    pub fn create_blob(&mut self, id: u32, blob: Blob) -> Result<(), GpuError> {
        self.check_new(id)?;
        self.check_segments(blob.segments())?;
        self.insert(id, Resource::Blob(Arc::new(blob)));
        Ok(())
    }

    /// Attaches a backing to a 2D resource that has none (RESOURCE_ATTACH_BACKING).
    ///
    /// # Errors
    /// When there is no such resource or a limit would be exceeded.
    pub fn attach(&mut self, id: u32, new: Backing) -> Result<(), GpuError> {
        let segments = new.segments();
        self.check_segments(segments)?;
        match self.by_id.get_mut(&id).ok_or(GpuError::InvalidResource)? {
            Resource::TwoD { backing: backing @ None, .. } => *backing = Some(new),
            _ => return Err(GpuError::Unspecified),
        }
        self.segments += segments;
        Ok(())
    }

    /// Detaches the backing of a resource (RESOURCE_DETACH_BACKING). Views of a blob fail permanently.
    ///
    /// # Errors
    /// When there is no such resource or no backing.
    pub fn detach(&mut self, id: u32) -> Result<(), GpuError> {
        match self.by_id.get_mut(&id).ok_or(GpuError::InvalidResource)? {
            Resource::TwoD { backing, .. } => {
                let old = backing.take().ok_or(GpuError::Unspecified)?;
                self.segments -= old.segments();
            }
            Resource::Blob(blob) => blob.invalidate(),
        }
        Ok(())
    }

    /// Destroys a resource (RESOURCE_UNREF). Views of a blob fail from then on.
    ///
    /// # Errors
    /// When no resource has this ID.
    pub fn remove(&mut self, id: u32) -> Result<(), GpuError> {
        let resource = self.by_id.remove(&id).ok_or(GpuError::InvalidResource)?;
        self.segments -= resource.segments();
        self.host_bytes -= resource.host_bytes();
        if let Resource::Blob(blob) = resource {
            blob.invalidate();
        }
        Ok(())
    }

    /// Adds a resource and its cost.
    fn insert(&mut self, id: u32, resource: Resource) {
        self.segments += resource.segments();
        self.host_bytes += resource.host_bytes();
        self.by_id.insert(id, resource);
    }

    /// Checks that `id` is free and the number of resources is below the limit.
    fn check_new(&self, id: u32) -> Result<(), GpuError> {
        if id == 0 || self.by_id.contains_key(&id) {
            return Err(GpuError::InvalidResource);
        }
        if self.by_id.len() >= MAX_RESOURCES {
            return Err(GpuError::OutOfMemory);
        }
        Ok(())
    }

    /// Checks that `more` segments are within the limit.
    fn check_segments(&self, more: usize) -> Result<(), GpuError> {
        if more > MAX_SEGMENTS - self.segments { Err(GpuError::OutOfMemory) } else { Ok(()) }
    }
}

impl Drop for Resources {
    /// Invalidates blobs: the guest may reuse its pages after a reset, though viewers still read them.
    fn drop(&mut self) {
        for resource in self.by_id.values() {
            if let Resource::Blob(blob) = resource {
                blob.invalidate();
            }
        }
    }
}
