//! The guest's resources by number, and the limits on what they may cost the host.

use super::backing::Backing;
use super::blob::Blob;
use super::format::{PIXEL_LEN, PixelFormat};
use super::resource_2d::Resource2d;
use super::wire::GpuError;
use oriel_wire::Size;
use std::collections::HashMap;
use std::sync::Arc;

/// Host memory for 2D resources in all.
const MAX_HOST_BYTES: usize = 256 << 20;
/// Resources of either kind.
const MAX_RESOURCES: usize = 4096;
/// Pieces of scatter lists in all (24 MiB of host memory).
const MAX_SEGMENTS: usize = 1 << 20;
/// Either side of a 2D resource.
const MAX_SIDE: u32 = 16384;

/// One resource.
pub enum Resource {
    TwoD { image: Arc<Resource2d>, backing: Option<Backing> },
    Blob(Arc<Blob>),
}

impl Resource {
    fn segments(&self) -> usize {
        match self {
            Self::TwoD { backing, .. } => backing.as_ref().map_or(0, Backing::segments),
            Self::Blob(blob) => blob.segments(),
        }
    }

    fn host_bytes(&self) -> usize {
        match self {
            Self::TwoD { image, .. } => image.bytes(),
            Self::Blob(_) => 0,
        }
    }
}

/// All resources of one device.
#[derive(Default)]
pub struct Resources {
    by_id: HashMap<u32, Resource>,
    host_bytes: usize,
    segments: usize,
}

impl Resources {
    /// The resource of this number.
    pub fn get(&self, id: u32) -> Result<&Resource, GpuError> {
        self.by_id.get(&id).ok_or(GpuError::InvalidResource)
    }

    /// RESOURCE_CREATE_2D.
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

    /// RESOURCE_CREATE_BLOB.
    pub fn create_blob(&mut self, id: u32, blob: Blob) -> Result<(), GpuError> {
        self.check_new(id)?;
        self.check_segments(blob.segments())?;
        self.insert(id, Resource::Blob(Arc::new(blob)));
        Ok(())
    }

    /// RESOURCE_ATTACH_BACKING: 2D resources that have none yet.
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

    /// RESOURCE_DETACH_BACKING. A blob does not recover from it: its views fail from now on.
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

    /// RESOURCE_UNREF. Views of a blob fail from now on.
    pub fn remove(&mut self, id: u32) -> Result<(), GpuError> {
        let resource = self.by_id.remove(&id).ok_or(GpuError::InvalidResource)?;
        self.segments -= resource.segments();
        self.host_bytes -= resource.host_bytes();
        if let Resource::Blob(blob) = resource {
            blob.invalidate();
        }
        Ok(())
    }

    fn insert(&mut self, id: u32, resource: Resource) {
        self.segments += resource.segments();
        self.host_bytes += resource.host_bytes();
        self.by_id.insert(id, resource);
    }

    fn check_new(&self, id: u32) -> Result<(), GpuError> {
        if id == 0 || self.by_id.contains_key(&id) {
            return Err(GpuError::InvalidResource);
        }
        if self.by_id.len() >= MAX_RESOURCES {
            return Err(GpuError::OutOfMemory);
        }
        Ok(())
    }

    fn check_segments(&self, more: usize) -> Result<(), GpuError> {
        if more > MAX_SEGMENTS - self.segments { Err(GpuError::OutOfMemory) } else { Ok(()) }
    }
}

impl Drop for Resources {
    /// The guest may reuse its pages after a reset, whoever still looks at them.
    fn drop(&mut self) {
        for resource in self.by_id.values() {
            if let Resource::Blob(blob) = resource {
                blob.invalidate();
            }
        }
    }
}
