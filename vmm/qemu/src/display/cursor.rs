//! Conversion of the guest's cursor image from QEMU's format.

use oriel_wire::{CursorImage, Size};

/// Maximum side of a cursor in pixels, as on the wire.
const LARGEST: u32 = 512;

/// Converts QEMU's ARGB pixels (host order, so blue, green, red, alpha in memory) to a cursor image. `None`
/// when size, hotspot and data are inconsistent.
///
/// Guests differ in whether colours are premultiplied by alpha. A colour above its alpha proves that an image
/// is not premultiplied.
pub(super) fn cursor(width: i32, height: i32, hot_x: i32, hot_y: i32, argb: &[u8]) -> Option<CursorImage> {
    let side = |side: i32| u32::try_from(side).ok().filter(|side| (1..=LARGEST).contains(side));
    let size = Size::new(side(width)?, side(height)?);
    let count = size.width as usize * size.height as usize;
    let pixels = argb.as_chunks::<4>().0.get(..count)?;
    let premultiplied = pixels.iter().all(|&[b, g, r, a]| b <= a && g <= a && r <= a);
    let straight = |colour: u8, alpha: u8| match alpha {
        0 | 255 => colour,
        _ if !premultiplied => colour,
        _ => ((u32::from(colour) * 255 + u32::from(alpha) / 2) / u32::from(alpha)).min(255) as u8,
    };
    let rgba =
        pixels.iter().flat_map(|&[b, g, r, a]| [straight(r, a), straight(g, a), straight(b, a), a]).collect();
    let hot = |hot: i32, side: u32| u32::try_from(hot).unwrap_or(0).min(side - 1);
    Some(CursorImage { size, hot_x: hot(hot_x, size.width), hot_y: hot(hot_y, size.height), rgba })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colours_multiplied_by_alpha_are_divided_again() {
        // Half transparent white, opaque blue, nothing.
        let image = cursor(3, 1, 1, 0, &[128, 128, 128, 128, 255, 0, 0, 255, 0, 0, 0, 0]).unwrap();
        assert_eq!(image.rgba, [255, 255, 255, 128, 0, 0, 255, 255, 0, 0, 0, 0]);
        assert_eq!((image.hot_x, image.hot_y), (1, 0));
    }

    #[test]
    fn straight_colours_are_left_alone() {
        let image = cursor(2, 1, 0, 0, &[200, 0, 0, 100, 50, 50, 50, 100]).unwrap();
        assert_eq!(image.rgba, [0, 0, 200, 100, 50, 50, 50, 100]);
    }

    #[test]
    fn what_does_not_fit_is_refused_and_a_stray_hotspot_brought_inside() {
        assert_eq!(cursor(2, 2, 0, 0, &[0; 15]), None);
        assert_eq!(cursor(-1, 2, 0, 0, &[0; 64]), None);
        assert_eq!(cursor(i32::MAX, i32::MAX, 0, 0, &[0; 64]), None);
        let image = cursor(2, 2, 99, -5, &[0; 16]).unwrap();
        assert_eq!((image.hot_x, image.hot_y), (1, 0));
    }
}
