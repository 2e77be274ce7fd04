//! The monitor that a scanout pretends to be: an EDID 1.4 base block with one detailed timing,
//! the preferred mode, computed as VESA CVT 1.1 does with reduced blanking.

use oriel_display::Size;

/// Bytes of a base block.
pub const EDID_LEN: usize = 128;

/// What a detailed timing can say: 12 bits.
const MAX_SIDE: u32 = 4095;
/// What a guest can be asked to draw on.
const MIN_SIDE: u32 = 320;

/// CVT reduced blanking, horizontally in pixels.
const H_BLANK: u32 = 160;
const H_FRONT_PORCH: u32 = 48;
const H_SYNC: u32 = 32;
/// And vertically in lines, of which the blanking takes at least 460 µs.
const V_FRONT_PORCH: u32 = 3;
const MIN_V_BACK_PORCH: u32 = 6;
const MIN_V_BLANK_US: u64 = 460;
/// The pixel clock is counted in these.
const CLOCK_STEP_HZ: u64 = 250_000;
/// A detailed timing counts it in these, in 16 bits.
const CLOCK_UNIT_HZ: u64 = 10_000;
const REFRESH_HZ: u64 = 60;

/// As near to `size` as a detailed timing comes.
pub fn clamp(size: Size) -> Size {
    Size::new(size.width.clamp(MIN_SIDE, MAX_SIDE), size.height.clamp(MIN_SIDE, MAX_SIDE))
}

/// The base block of a monitor that prefers `size`.
pub fn edid(size: Size) -> [u8; EDID_LEN] {
    let size = clamp(size);
    let mut block = Vec::with_capacity(EDID_LEN);
    block.extend([0x00, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0x00]);
    block.extend(manufacturer(*b"ORL"));
    // Product 1, no serial number, made in week 1 of 2026, EDID 1.4.
    block.extend([0x01, 0x00, 0, 0, 0, 0, 1, (2026 - 1990) as u8, 1, 4]);
    // Digital, 8 bits a colour, no particular connector; size in cm; gamma 2.2;
    // RGB 4:4:4, sRGB, the first timing is the native one.
    let (width_mm, height_mm) = (millimetres(size.width), millimetres(size.height));
    block.extend([0xA0, centimetres(width_mm), centimetres(height_mm), 120, 0b0000_0110]);
    // sRGB's primaries and white point.
    block.extend([0xEE, 0x91, 0xA3, 0x54, 0x4C, 0x99, 0x26, 0x0F, 0x50, 0x54]);
    // No established timings, eight unused standard timings.
    block.extend([0; 3]);
    block.extend([0x01; 16]);
    block.extend(detailed_timing(size, width_mm, height_mm));
    block.extend(text_descriptor(0xFC, b"Oriel"));
    // Two dummy descriptors, no extension blocks.
    block.extend(text_descriptor(0x10, b""));
    block.extend(text_descriptor(0x10, b""));
    block.push(0);
    let sum = block.iter().fold(0u8, |sum, byte| sum.wrapping_add(*byte));
    block.push(sum.wrapping_neg());

    let mut edid = [0; EDID_LEN];
    edid.copy_from_slice(&block);
    edid
}

/// Three letters in five bits each.
fn manufacturer(letters: [u8; 3]) -> [u8; 2] {
    letters.iter().fold(0u16, |id, letter| id << 5 | u16::from(letter - b'A' + 1)).to_be_bytes()
}

/// At 96 pixels to the inch, so that no desktop takes it for a high-density screen.
fn millimetres(pixels: u32) -> u32 {
    (pixels * 254 + 480) / 960
}

fn centimetres(millimetres: u32) -> u8 {
    (millimetres / 10).clamp(1, 255) as u8
}

/// 18 bytes (EDID 1.4, section 3.10.2).
fn detailed_timing(size: Size, width_mm: u32, height_mm: u32) -> [u8; 18] {
    let timing = Timing::reduced_blanking(size);
    let low = |value: u32| (value & 0xFF) as u8;
    let high = |value: u32| (value >> 8) as u8;
    let [clock_low, clock_high] = timing.clock_10khz.to_le_bytes();
    [
        clock_low,
        clock_high,
        low(size.width),
        low(H_BLANK),
        high(size.width) << 4 | high(H_BLANK),
        low(size.height),
        low(timing.v_blank),
        high(size.height) << 4 | high(timing.v_blank),
        low(H_FRONT_PORCH),
        low(H_SYNC),
        (V_FRONT_PORCH << 4 | timing.v_sync) as u8,
        0,
        low(width_mm),
        low(height_mm),
        high(width_mm) << 4 | high(height_mm),
        0,
        0,
        // Separate syncs, horizontal positive, vertical negative: CVT's mark of reduced blanking.
        0b0001_1010,
    ]
}

/// What of a timing depends on the size.
struct Timing {
    clock_10khz: u16,
    v_blank: u32,
    v_sync: u32,
}

impl Timing {
    fn reduced_blanking(size: Size) -> Self {
        let v_sync = vertical_sync(size);
        // Lines that fit into the shortest blanking, at the line period that leaves room for it.
        let active_us = 1_000_000 / REFRESH_HZ - MIN_V_BLANK_US;
        let blank_lines = (MIN_V_BLANK_US * u64::from(size.height) / active_us + 1) as u32;
        let v_blank = blank_lines.max(V_FRONT_PORCH + v_sync + MIN_V_BACK_PORCH);
        let frame = u64::from(size.width + H_BLANK) * u64::from(size.height + v_blank);
        let clock = frame * REFRESH_HZ / CLOCK_STEP_HZ * CLOCK_STEP_HZ;
        // Beyond 655 MHz the mode keeps its size and refreshes less often.
        let clock_10khz = u16::try_from(clock / CLOCK_UNIT_HZ).unwrap_or(u16::MAX);
        Self { clock_10khz, v_blank, v_sync }
    }
}

/// CVT tells the aspect ratio by the width of the vertical sync.
fn vertical_sync(Size { width, height }: Size) -> u32 {
    let is = |across: u32, down: u32| height * across / down == width;
    match () {
        () if is(4, 3) => 4,
        () if is(16, 9) => 5,
        () if is(16, 10) => 6,
        () if is(5, 4) || is(15, 9) => 7,
        () => 10,
    }
}

/// A display descriptor of 13 characters, ended by a line feed and padded with spaces.
fn text_descriptor(tag: u8, text: &[u8]) -> [u8; 18] {
    let mut descriptor = [b' '; 18];
    let (head, body) = descriptor.split_at_mut(5);
    head.copy_from_slice(&[0, 0, 0, tag, 0]);
    for (to, from) in body.iter_mut().zip(text.iter().chain(b"\n")) {
        *to = *from;
    }
    descriptor
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Reads the preferred mode back as a driver does: width, height, clock in kHz, totals.
    fn preferred(edid: &[u8; EDID_LEN]) -> (u32, u32, u32, u32, u32) {
        let timing: [u32; 18] = std::array::from_fn(|i| u32::from(edid[54 + i]));
        let width = timing[2] | (timing[4] >> 4) << 8;
        let h_total = width + (timing[3] | (timing[4] & 15) << 8);
        let height = timing[5] | (timing[7] >> 4) << 8;
        let v_total = height + (timing[6] | (timing[7] & 15) << 8);
        (width, height, (timing[0] | timing[1] << 8) * 10, h_total, v_total)
    }

    #[test]
    fn known_mode_of_the_standard() {
        // CVT's own spreadsheet: 1920x1080 at 60 Hz with reduced blanking is 138.5 MHz, 2080x1111.
        let edid = edid(Size::new(1920, 1080));
        assert_eq!(preferred(&edid), (1920, 1080, 138_500, 2080, 1111));
        assert_eq!(edid[64] & 15, 5, "16:9");
        assert_eq!((edid[21], edid[22]), (50, 28));
        assert_eq!(&edid[8..10], &[0x3E, 0x4C]);
        assert!(edid.windows(5).any(|name| name == b"Oriel"));
    }

    #[test]
    fn any_size_is_a_valid_block_of_that_size() {
        for width in (320..=4095).step_by(37).chain([1366, 4095]) {
            for height in (320..=4095).step_by(101).chain([768, 4095]) {
                let edid = edid(Size::new(width, height));
                assert_eq!(edid.iter().fold(0u8, |sum, byte| sum.wrapping_add(*byte)), 0);
                let (w, h, clock_khz, h_total, v_total) = preferred(&edid);
                assert_eq!((w, h), (width, height));
                let refresh = f64::from(clock_khz) * 1000.0 / f64::from(h_total * v_total);
                let bounded_by_clock = clock_khz > 655_000;
                assert!((57.0..61.0).contains(&refresh) || bounded_by_clock, "{width}x{height}: {refresh}");
            }
        }
    }

    #[test]
    fn absurd_sizes_are_clamped() {
        assert_eq!(preferred(&edid(Size::new(0, u32::MAX))).0, MIN_SIDE);
        assert_eq!(preferred(&edid(Size::new(0, u32::MAX))).1, MAX_SIDE);
    }
}
