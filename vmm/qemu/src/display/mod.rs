//! The picture as QEMU hands it over, checked and put where [`oriel_display::Screen`] can read it.

mod cursor;
mod layout;
mod pixel_format;
mod shared_map;
mod surface;
mod surface_buffer;

pub(crate) use layout::{SurfaceError, SurfaceLayout};
pub(crate) use surface::{DisplaySurface, IsEnabled};
