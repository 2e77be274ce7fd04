//! The image of the guest's pointer.

use crate::geometry::Size;

/// Image of the guest's pointer, from its cursor plane.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CursorImage {
    /// At most 512 pixels across, at most 512 down.
    pub size: Size,
    /// The pixel that points, from the left.
    pub hot_x: u32,
    /// The pixel that points, from the top.
    pub hot_y: u32,
    /// `width * height * 4` bytes: red, green, blue, alpha (straight, not premultiplied).
    pub rgba: Vec<u8>,
}
