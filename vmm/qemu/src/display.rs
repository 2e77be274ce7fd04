//! The picture as QEMU hands it over, checked and put where [`oriel_display::Screen`] can read it.

mod cursor;
mod framebuffer;
mod picture;
mod pixel_format;
mod shared_map;

pub(crate) use picture::{IsWanted, Picture, PictureError, Scanout};
