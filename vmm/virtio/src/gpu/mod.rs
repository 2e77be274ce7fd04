//! virtio-gpu (VIRTIO 1.2, section 5.7): 2D resources, EDID and guest-memory blobs; no 3D.
//!
//! Queues: the control queue (0) and the cursor queue (1). Features: EDID, by which a guest learns
//! sizes and pixel densities of monitors, and RESOURCE_BLOB, by which it draws without a copy to the
//! host. Not offered: VIRGL and CONTEXT_INIT (3D), RESOURCE_UUID.
//!
//! A resource on a scanout is a [`oriel_display::PixelSource`]: a 2D resource is a host copy that the
//! guest fills by TRANSFER_TO_HOST_2D, a blob is read where the guest drew it. [`GpuControl`] asks the
//! guest for other monitors.

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
