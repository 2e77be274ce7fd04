//! The picture as QEMU hands it over, checked and put where [`oriel_display::Screen`] can read it.

mod cursor;
mod framebuffer;
mod pixel_format;
mod shared_map;
mod surface;

pub(crate) use surface::{IsWanted, Picture, PictureError, Scanout};
