//! Pictures and cursors from QEMU: validated, converted and copied to where [`oriel_display::Screen`] reads.

mod cursor;
mod layout;
mod pixel_format;
mod shared_map;
mod surface;
mod surface_buffer;

pub(crate) use layout::{SurfaceError, SurfaceLayout};
pub(crate) use surface::{DisplaySurface, IsEnabled};
