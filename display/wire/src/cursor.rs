//! The image of the guest's pointer.

use crate::geometry::Size;

/// Image of the guest's pointer, from the guest's cursor plane.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CursorImage {
    /// Size of the image; at most 512 pixels in each direction.
    pub size: Size,
    /// Hotspot, in pixels from the image's left edge.
    pub hot_x: u32,
    /// Hotspot, in pixels from the image's top edge.
    pub hot_y: u32,
    /// `width * height * 4` bytes: red, green, blue, alpha (straight, not premultiplied).
    pub rgba: Vec<u8>,
}
