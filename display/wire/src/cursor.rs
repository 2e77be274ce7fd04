//! Image of the guest's pointer, the body of the message CursorShape.

use crate::geometry::Size;

/// Image of the guest's pointer, from the guest's cursor plane.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CursorImage {
    /// Size of the image; at most 512 pixels in each direction.
    pub size: Size,
    /// Column of the hotspot, in pixels from the image's left edge.
    pub hot_x: u32,
    /// Row of the hotspot, in pixels from the image's top edge.
    pub hot_y: u32,
    /// Pixels row by row, 4 bytes each: red, green, blue, and straight (not premultiplied) alpha.
    pub rgba: Vec<u8>,
}
