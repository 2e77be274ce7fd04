//! Untrusted disk images, up to four in a chain: inspected, checked, read, and written as by a guest.

use crate::image;
use crate::script::Reader;
use oriel_disk::BackingChain;

/// Maximum number of bytes that a request moves or clears.
const MOST: u64 = 256 << 10;
/// Maximum number of bytes that a request discards, as in the device.
const MOST_DISCARDED: u64 = 1 << 30;
/// Maximum number of requests of a script.
const MOST_REQUESTS: usize = 64;

/// Runs the target with one input.
pub fn run(script: &[u8]) {
    let mut script = Reader(script);
    if let Some(disk) = image::open(&mut script) {
        perform(&disk, script.0);
    }
}

/// Performs requests of 8 bytes each.
fn perform(disk: &BackingChain, requests: &[u8]) {
    let mut buffer = vec![7; MOST as usize];
    let sectors = disk.size() / 512;
    for request in requests.chunks_exact(8).take(MOST_REQUESTS) {
        let [kind, place @ .., a, b] = request else { continue };
        let place = place.iter().fold(0, |place, byte| place << 8 | u64::from(*byte));
        let first = place % sectors;
        let count = u64::from(u16::from_be_bytes([*a, *b]));
        let len = (count % (MOST / 512)).min(sectors - first) * 512;
        let start = first * 512;
        let buffer = &mut buffer[..len as usize];
        let _ = match kind % 6 {
            0 | 1 => disk.read(start, buffer),
            2 => disk.write(start, buffer),
            3 => disk.discard(start..(start + (count << 15).min(MOST_DISCARDED)).min(disk.size())),
            4 => disk.write_zeroes(start..start + len, kind & 8 != 0),
            _ => disk.flush(),
        };
    }
}
