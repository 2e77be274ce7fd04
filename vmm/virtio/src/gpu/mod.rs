//! virtio-gpu (virtio 1.2, section 5.7): 2D resources, EDID and guest-memory blobs; no 3D.
//!
//! A resource on a scanout is a [`oriel_display::PixelSource`]: a picture is a host copy that
//! the guest fills by TRANSFER_TO_HOST_2D, a blob is read where the guest drew it.

mod backing;
mod blob;
mod commands;
mod cursor;
mod device;
mod display_info;
mod edid;
mod format;
mod pacing;
mod resource_2d;
mod resources;
mod scanout;
mod wire;

#[cfg(test)]
mod tests;

pub use device::Gpu;
pub use display_info::GpuControl;
