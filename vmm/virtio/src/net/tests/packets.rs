//! Packets with valid checksums, computed by a simple reference implementation.

use super::super::header::Header;

pub const TCP: u8 = 6;
pub const UDP: u8 = 17;

/// Returns the checksum of RFC 1071, word by word.
fn reference_sum(parts: &[&[u8]]) -> u16 {
    let bytes: Vec<u8> = parts.concat();
    let mut sum = 0u32;
    for pair in bytes.chunks(2) {
        sum += u32::from(pair[0]) * 256 + u32::from(*pair.get(1).unwrap_or(&0));
        sum = (sum & 0xFFFF) + (sum >> 16);
    }
    sum as u16
}

/// Frame, and the form in which a driver with checksum offload sends it.
pub struct Packet {
    /// Complete frame with a valid checksum.
    pub whole: Vec<u8>,
    /// Frame with the pseudo-header's sum in the checksum field.
    pub partial: Vec<u8>,
    /// Header that belongs to `partial`.
    pub header: Header,
}

/// Returns a TCP or UDP packet over IPv4 (`v6` false) or IPv6 with `data` bytes of payload.
pub fn packet(v6: bool, protocol: u8, data: usize) -> Packet {
    let transport_header = if protocol == TCP { 20 } else { 8 };
    let len = transport_header + data;
    let mut transport: Vec<u8> = super::frame(len, protocol);
    let offset = if protocol == TCP { 16 } else { 6 };
    if protocol == TCP {
        transport[12] = 5 << 4;
    } else {
        transport[4..6].copy_from_slice(&(len as u16).to_be_bytes());
    }
    let mut frame = vec![2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2];
    let pseudo = if v6 {
        let addresses: Vec<u8> = (1..=32).collect();
        frame.extend([0x86, 0xDD, 0x60, 0, 0, 0]);
        frame.extend((len as u16).to_be_bytes());
        frame.extend([protocol, 64]);
        frame.extend(&addresses);
        [&addresses[..], &(len as u32).to_be_bytes(), &[0, 0, 0, protocol]].concat()
    } else {
        let addresses = [192, 0, 2, 1, 198, 51, 100, 2];
        frame.extend([8, 0, 0x45, 0]);
        frame.extend((20 + len as u16).to_be_bytes());
        frame.extend([0, 0, 0, 0, 64, protocol, 0, 0]);
        frame.extend(addresses);
        [&addresses[..], &[0, protocol], &(len as u16).to_be_bytes()].concat()
    };
    let start = frame.len();
    transport[offset..offset + 2].fill(0);
    let full = match !reference_sum(&[&pseudo, &transport]) {
        0 => 0xFFFF,
        sum => sum,
    };
    let with = |sum: u16| {
        let mut all = [&frame[..], &transport].concat();
        all[start + offset..start + offset + 2].copy_from_slice(&sum.to_be_bytes());
        all
    };
    Packet {
        whole: with(full),
        partial: with(reference_sum(&[&pseudo])),
        header: Header {
            flags: 1,
            csum_start: start as u16,
            csum_offset: offset as u16,
            ..Header::default()
        },
    }
}
