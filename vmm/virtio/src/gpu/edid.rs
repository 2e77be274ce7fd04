//! EDID of a scanout's monitor: an EDID 1.4 base block with one detailed timing, the preferred mode, with the
//! reduced blanking of VESA CVT 1.1. Sides above 4095 pixels need a DisplayID 1.3 extension, which Linux
//! reads.

use oriel_wire::{MonitorConfig, Size};

/// Size of an EDID block in bytes.
const BLOCK_LEN: usize = 128;

/// Maximum side in a detailed timing, whose fields have 12 bits.
const MAX_SIDE: u32 = 4095;

/// Horizontal blanking in pixels (CVT reduced blanking).
const H_BLANK: u32 = 160;
/// Horizontal front porch in pixels.
const H_FRONT_PORCH: u32 = 48;
/// Width of the horizontal sync in pixels.
const H_SYNC: u32 = 32;
/// Vertical front porch in lines.
const V_FRONT_PORCH: u32 = 3;
/// Minimum vertical back porch in lines.
const MIN_V_BACK_PORCH: u32 = 6;
/// Minimum duration of the vertical blanking in microseconds.
const MIN_V_BLANK_US: u64 = 460;
/// Step of the pixel clock in CVT, in Hz.
const CLOCK_STEP_HZ: u64 = 250_000;
/// Unit of the pixel clock in a detailed timing, a 16-bit field, in Hz.
const CLOCK_UNIT_HZ: u64 = 10_000;
/// Refresh rate in Hz.
const REFRESH_HZ: u64 = 60;

/// Builds the EDID of a monitor whose preferred mode is that of `wanted`, in blocks of 128 bytes. The
/// physical size follows from the pixels per inch; desktops derive their scale from it.
pub fn edid(wanted: &MonitorConfig) -> Vec<u8> {
    // Clamped again, so that all fields below fit.
    let wanted = super::display_info::clamped(wanted);
    let size = wanted.size;
    let mut blocks = Vec::with_capacity(2 * BLOCK_LEN);
    let extended = size.width.max(size.height) > MAX_SIDE;
    let in_base = Size::new(size.width.min(MAX_SIDE), size.height.min(MAX_SIDE));
    let (width_mm, height_mm) = (millimetres(size.width, wanted.dpi), millimetres(size.height, wanted.dpi));
    blocks.extend([0x00, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0x00]);
    blocks.extend(manufacturer(*b"ORL"));
    // Product 1, no serial number, made in week 1 of 2026, EDID 1.4.
    blocks.extend([0x01, 0x00, 0, 0, 0, 0, 1, (2026 - 1990) as u8, 1, 4]);
    // Digital, 8 bits a colour, no particular connector; size in cm; gamma 2.2;
    // RGB 4:4:4, sRGB, the first timing is the native one.
    blocks.extend([0xA0, centimetres(width_mm), centimetres(height_mm), 120, 0b0000_0110]);
    // sRGB's primaries and white point.
    blocks.extend([0xEE, 0x91, 0xA3, 0x54, 0x4C, 0x99, 0x26, 0x0F, 0x50, 0x54]);
    // No established timings, eight unused standard timings.
    blocks.extend([0; 3]);
    blocks.extend([0x01; 16]);
    blocks.extend(detailed_timing(in_base, width_mm, height_mm));
    blocks.extend(text_descriptor(0xFC, b"Oriel"));
    // Two dummy descriptors, then how many extension blocks there are.
    blocks.extend([DUMMY_DESCRIPTOR; 2].as_flattened());
    blocks.push(extended.into());
    blocks.push(checksum(&blocks));
    if extended {
        blocks.extend(displayid_extension(size));
    }
    blocks
}

/// Returns the byte that makes the sum of all bytes 0 modulo 256.
fn checksum(bytes: &[u8]) -> u8 {
    bytes.iter().fold(0u8, |sum, byte| sum.wrapping_add(*byte)).wrapping_neg()
}

/// Encodes a manufacturer ID: three letters of five bits each.
fn manufacturer(letters: [u8; 3]) -> [u8; 2] {
    letters.iter().fold(0u16, |id, letter| id << 5 | u16::from(letter - b'A' + 1)).to_be_bytes()
}

/// Converts pixels to millimetres, rounded.
fn millimetres(pixels: u32, dpi: u32) -> u32 {
    (pixels * 254 + dpi * 5) / (dpi * 10)
}

/// Converts millimetres to centimetres within 1 to 255.
fn centimetres(millimetres: u32) -> u8 {
    (millimetres / 10).clamp(1, 255) as u8
}

/// Encodes a detailed timing descriptor of 18 bytes (EDID 1.4, section 3.10.2).
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

/// Encodes an extension block with a preferred Type I timing (DisplayID 1.3, sections 2.2 and 4.4.1), whose
/// fields have 16 bits and are stored minus 1.
fn displayid_extension(size: Size) -> Vec<u8> {
    const EXTENSION_TAG: u8 = 0x70;
    const VERSION: u8 = 0x13;
    const STANDALONE_MONITOR: u8 = 3;
    const TYPE_I_TIMING: u8 = 0x03;
    const TIMING_LEN: u8 = 20;
    const PREFERRED: u8 = 0x80;
    const NO_ASPECT_RATIO: u8 = 0x08;
    const SYNC_POSITIVE: u32 = 1 << 15;
    let timing = Timing::reduced_blanking(size);
    let field = |value: u32| ((value - 1) as u16).to_le_bytes();
    let [clock_low, clock_middle, clock_high, _] = (u32::from(timing.clock_10khz) - 1).to_le_bytes();
    // Version, bytes of data, product type, no further extensions; then the data block.
    let mut section = vec![VERSION, 3 + TIMING_LEN, STANDALONE_MONITOR, 0, TYPE_I_TIMING, 0, TIMING_LEN];
    section.extend([clock_low, clock_middle, clock_high, PREFERRED | NO_ASPECT_RATIO]);
    for value in [
        size.width,
        H_BLANK,
        H_FRONT_PORCH | SYNC_POSITIVE,
        H_SYNC,
        size.height,
        timing.v_blank,
        V_FRONT_PORCH,
        timing.v_sync,
    ] {
        section.extend(field(value));
    }
    section.push(checksum(&section));
    let mut block = vec![EXTENSION_TAG];
    block.extend(section);
    block.resize(BLOCK_LEN - 1, 0);
    block.push(checksum(&block));
    block
}

/// Part of a timing that depends on the size.
struct Timing {
    clock_10khz: u16,
    v_blank: u32,
    v_sync: u32,
}

impl Timing {
    /// Computes the timing with the reduced blanking of CVT 1.1.
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

/// Returns the width of the vertical sync in lines, by which CVT identifies the aspect ratio.
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

/// Descriptor without contents (tag 0x10).
const DUMMY_DESCRIPTOR: [u8; 18] = [0, 0, 0, 0x10, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];

/// Encodes a display descriptor of up to 13 characters, ended by a line feed and padded with spaces.
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

    fn blocks(width: u32, height: u32, dpi: u32) -> Vec<u8> {
        edid(&MonitorConfig { dpi, ..MonitorConfig::of(Size::new(width, height)) })
    }

    /// Reads the preferred mode back as a driver does: width, height, clock in kHz, totals.
    fn preferred(edid: &[u8]) -> (u32, u32, u32, u32, u32) {
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
        let edid = blocks(1920, 1080, 96);
        assert_eq!(preferred(&edid), (1920, 1080, 138_500, 2080, 1111));
        assert_eq!(edid[64] & 15, 5, "16:9");
        assert_eq!((edid[21], edid[22]), (50, 28));
        assert_eq!(&edid[8..10], &[0x3E, 0x4C]);
        assert!(edid.windows(5).any(|name| name == b"Oriel"));
        assert_eq!(edid.len(), 128);
    }

    #[test]
    fn a_denser_screen_is_a_smaller_one() {
        let millimetres = |edid: &[u8]| u32::from(edid[66]) | u32::from(edid[68] >> 4) << 8;
        assert_eq!(millimetres(&blocks(1920, 1080, 96)), 508);
        assert_eq!(millimetres(&blocks(3840, 2160, 192)), 508);
        assert_eq!(blocks(3840, 2160, 192)[21], 50);
    }

    #[test]
    fn any_size_is_valid_blocks_of_that_size() {
        for width in (320..=4096).step_by(37).chain([1366, 4095, 4096]) {
            for height in (200..=2160).step_by(101).chain([768, 2160]) {
                let edid = blocks(width, height, 96);
                for block in edid.chunks(128) {
                    assert_eq!(block.iter().fold(0u8, |sum, byte| sum.wrapping_add(*byte)), 0);
                }
                let (w, h, clock_khz, h_total, v_total) = preferred(&edid);
                // The driver takes a preferred mode that is up to 16 pixels smaller.
                assert_eq!((w, h), (width.min(4095), height));
                let refresh = f64::from(clock_khz) * 1000.0 / f64::from(h_total * v_total);
                assert!((57.0..61.0).contains(&refresh), "{width}x{height}: {refresh}");
                assert_eq!(edid.len(), if width > 4095 { 256 } else { 128 });
            }
        }
    }

    #[test]
    fn what_a_detailed_timing_cannot_say_a_displayid_block_does() {
        for (width, height) in [(4096, 2160), (2160, 4096)] {
            let edid = blocks(width, height, 96);
            let (base, extension) = edid.split_at(128);
            assert_eq!(base[126], 1);
            assert_eq!(extension[..5], [0x70, 0x13, 23, 3, 0]);
            // As drm_edid reads it: the section's own sum, and fields that count from 1.
            assert_eq!(extension[1..=28].iter().fold(0u8, |sum, byte| sum.wrapping_add(*byte)), 0);
            let field = |at: usize| u32::from(extension[at]) + (u32::from(extension[at + 1]) << 8) + 1;
            assert_eq!((field(12), field(20)), (width, height));
            let clock_khz = (field(8) + (u32::from(extension[10]) << 16)) * 10;
            let refresh = clock_khz * 1000 / ((width + field(14)) * (height + field(22)));
            assert!((58..=60).contains(&refresh), "{refresh}");
        }
    }

    #[test]
    fn absurd_sizes_are_clamped() {
        let absurd = MonitorConfig { x: 0, y: 0, size: Size::new(0, u32::MAX), dpi: 0 };
        assert_eq!(preferred(&edid(&absurd)).0, 320);
        assert_eq!(preferred(&edid(&absurd)).1, 4095);
    }
}
