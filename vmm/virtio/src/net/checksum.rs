//! Internet checksum (RFC 1071) of frames whose checksum the driver left to the device.

/// Returns the one's complement sum of `bytes` as big-endian 16-bit words, the last padded with zero; the sum
/// is not complemented.
pub fn sum(bytes: &[u8]) -> u16 {
    // The sum does not depend on byte order (RFC 1071, section 2), nor on the width of its words.
    let (words, rest) = bytes.as_chunks::<8>();
    let mut total: u64 = 0;
    for word in words {
        let word = u64::from_be_bytes(*word);
        // Each word adds less than 2^33, so 2^31 words do not overflow.
        total = total.wrapping_add(word >> 32).wrapping_add(word & 0xFFFF_FFFF);
    }
    let (pairs, odd) = rest.as_chunks::<2>();
    for pair in pairs {
        total = total.wrapping_add(u64::from(u16::from_be_bytes(*pair)));
    }
    if let [last] = odd {
        total = total.wrapping_add(u64::from(*last) << 8);
    }
    while total >> 16 != 0 {
        total = (total >> 16).wrapping_add(total & 0xFFFF);
    }
    total as u16
}

/// Completes a checksum whose field contains the pseudo-header's sum: covers `start` to the end of the
/// frame and is stored at `start + offset` (VIRTIO 1.2, section 5.1.6.2). `None` if the field is not
/// within the frame.
#[must_use]
pub fn complete(frame: &mut [u8], start: u16, offset: u16) -> Option<()> {
    let covered = frame.get_mut(usize::from(start)..)?;
    let checksum = match !sum(covered) {
        // Zero means no checksum in UDP (RFC 768); elsewhere 0 and 0xFFFF are equivalent.
        0 => 0xFFFF,
        checksum => checksum,
    };
    let field = covered.get_mut(usize::from(offset)..)?.first_chunk_mut::<2>()?;
    *field = checksum.to_be_bytes();
    Some(())
}
