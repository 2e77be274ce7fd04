//! virtio-gpu (VIRTIO 1.2, section 5.7): 2D resources, EDID and guest-memory blobs; no 3D.
//!
//! Queues: control queue (0) and cursor queue (1). Features: EDID, which reports sizes and pixel densities of
//! monitors, and RESOURCE_BLOB, which displays guest memory without a copy. Not offered: VIRGL and
//! CONTEXT_INIT (3D), RESOURCE_UUID.
//!
//! A resource on a scanout is a [`oriel_display::PixelSource`]: a 2D resource is a copy on the host that
//! TRANSFER_TO_HOST_2D fills, a blob is read from guest memory. [`GpuControl`] sets the guest's monitors.

mod backing;
mod blob;
mod bounds;
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
