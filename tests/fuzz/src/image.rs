//! Disk images out of arbitrary bytes, and a guest's requests to them.

use crate::memfd;
use oriel_disk::{DiskStack, Source, check, create_overlay, inspect};
use oriel_vmm_api::DiskFormat;
use std::fs::File;
use std::os::unix::fs::FileExt;

const DISK_LEN: u64 = 1 << 30;
const CLUSTER: u64 = 64 << 10;
/// Tables and data of an image that was used a little.
const CLUSTERS: u64 = 10;
/// The most that one request moves or clears.
const MOST: u64 = 256 << 10;

/// `bytes` are the image, which is only read.
pub fn whole(bytes: &[u8]) {
    let Ok((file, _path)) = memfd::file_of(bytes) else { return };
    look(&file);
    if let Some(disk) = open(&file, true) {
        perform(&disk, bytes);
    }
}

/// A good image with entries of its header and tables changed, then used; 12 bytes a change: cluster,
/// operation, offset, value.
pub fn changed(bytes: &[u8]) {
    let Ok((file, _path)) = memfd::file_of(&[]) else { return };
    let Ok(clone) = file.try_clone() else { return };
    if create_overlay(clone, DISK_LEN, None).is_err() {
        return;
    }
    if let Some(disk) = open(&file, false) {
        let _ = disk.write(0, &[1; 3 * CLUSTER as usize]);
        let _ = disk.write_zeroes(0..CLUSTER, false);
    }
    let (changes, requests) = bytes.split_at(bytes.len() / 2);
    for change in changes.chunks_exact(12) {
        let [cluster, operation, high, low, value @ ..] = change else { continue };
        let within = u64::from(u16::from_be_bytes([*high, *low])) & !7;
        let offset = u64::from(*cluster) % CLUSTERS * CLUSTER + within;
        let mut word = [0; 8];
        word.copy_from_slice(value);
        if operation % 2 == 0 {
            // What points into the image hurts more than what does not.
            word = (u64::from(value[0]) % CLUSTERS * CLUSTER | u64::from(value[1] & 3) << 62).to_be_bytes();
        }
        let _ = file.write_all_at(&word, offset);
    }
    look(&file);
    if let Some(disk) = open(&file, false) {
        perform(&disk, requests);
    }
}

fn look(file: &File) {
    for format in [None, Some(DiskFormat::Qcow2)] {
        if let Ok(clone) = file.try_clone() {
            let _ = inspect(clone, format);
        }
    }
    if let Ok(clone) = file.try_clone() {
        let _ = check(clone);
    }
}

fn open(file: &File, read_only: bool) -> Option<DiskStack> {
    let source = Source { file: file.try_clone().ok()?, format: DiskFormat::Qcow2 };
    DiskStack::open(source, Vec::new(), read_only).ok()
}

/// Requests of 8 bytes each.
fn perform(disk: &DiskStack, requests: &[u8]) {
    let mut buffer = vec![7; MOST as usize];
    let sectors = disk.size() / 512;
    for request in requests.chunks_exact(8).take(32) {
        let [kind, place @ .., a, b] = request else { continue };
        let place = place.iter().fold(0, |place, byte| place << 8 | u64::from(*byte));
        let start = place % sectors;
        let len = (u64::from(u16::from_be_bytes([*a, *b])) % (MOST / 512)).min(sectors - start) * 512;
        let start = start * 512;
        let Some(buffer) = buffer.get_mut(..len as usize) else { continue };
        let _ = match kind % 6 {
            0 | 1 => disk.read(start, buffer),
            2 => disk.write(start, buffer),
            3 => disk.discard(start..start + len),
            4 => disk.write_zeroes(start..start + len, kind & 8 != 0),
            _ => disk.flush(),
        };
    }
}
