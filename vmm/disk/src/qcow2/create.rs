//! Creation of qcow2 images.

use super::header::{BACKING_FORMAT_EXTENSION, MAGIC, MAX_BACKING_NAME, NEW_CLUSTER_BITS, V3_LEN};
use crate::error::ImageError;
use crate::file::ImageFile;
use crate::limits::{MAX_DISK_LEN, SECTOR_LEN};
use oriel_vmm_api::DiskFormat;
use std::fs::File;

const CLUSTER: u64 = 1 << NEW_CLUSTER_BITS;
/// Offset of the refcount table in a new image, after the header.
const REFCOUNT_TABLE: u64 = CLUSTER;
/// Offset of the first refcount block in a new image.
const REFCOUNT_BLOCK: u64 = 2 * CLUSTER;
/// Offset of the L1 table in a new image.
const L1_TABLE: u64 = 3 * CLUSTER;
/// Length of the version 3 header in bytes, with the compression type and its padding.
const HEADER_LEN: usize = V3_LEN + 8;
/// End marker of the header extensions.
const EXTENSIONS_END: [u8; 8] = [0; 8];

/// Backing file named in the header of a new image.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BackingFile<'a> {
    /// Name of the backing file, for tools that inspect the image later.
    pub name: &'a str,
    /// Format of the backing file.
    pub format: DiskFormat,
}

/// Writes a qcow2 image of `virtual_size` bytes with unallocated clusters into the empty `file`, and syncs
/// it. Without a `backing` the disk reads as zeroes.
///
/// # Errors
/// An [`ImageError`] when size or name are out of range, or the host fails to write.
pub fn create_overlay(file: File, virtual_size: u64, backing: Option<BackingFile>) -> Result<(), ImageError> {
    if virtual_size == 0 || virtual_size > MAX_DISK_LEN || !virtual_size.is_multiple_of(SECTOR_LEN) {
        return Err(ImageError::BadSize(virtual_size));
    }
    if backing.is_some_and(|below| below.name.is_empty() || below.name.len() > MAX_BACKING_NAME) {
        return Err(ImageError::BadBackingName);
    }
    let l1_entries = virtual_size.div_ceil(CLUSTER / 8 * CLUSTER);
    let l1_clusters = (l1_entries * 8).div_ceil(CLUSTER);
    let clusters = 3 + l1_clusters;
    let counts: Vec<u8> = (0..clusters).flat_map(|_| 1u16.to_be_bytes()).collect();

    let file = ImageFile::new(file);
    let zeroes = vec![0; CLUSTER as usize];
    for cluster in 1..clusters {
        file.write(cluster * CLUSTER, &zeroes)?;
    }
    file.write(REFCOUNT_TABLE, &REFCOUNT_BLOCK.to_be_bytes())?;
    file.write(REFCOUNT_BLOCK, &counts)?;
    // The header is written last, so that an incomplete file is no image.
    file.sync()?;
    file.write(0, &header(virtual_size, l1_entries as u32, backing))?;
    file.sync()?;
    Ok(())
}

/// Encodes the header.
fn header(virtual_size: u64, l1_entries: u32, backing: Option<BackingFile>) -> Vec<u8> {
    let extensions = backing.map_or(Vec::new(), |below| {
        let format: &[u8] = match below.format {
            DiskFormat::Raw => b"raw",
            DiskFormat::Qcow2 => b"qcow2",
        };
        let mut extension = BACKING_FORMAT_EXTENSION.to_be_bytes().to_vec();
        extension.extend((format.len() as u32).to_be_bytes());
        extension.extend(format);
        extension.resize(extension.len().next_multiple_of(8), 0);
        extension
    });
    let name = backing.map_or("", |below| below.name);
    let name_at = HEADER_LEN + extensions.len() + EXTENSIONS_END.len();

    let mut header = Vec::with_capacity(CLUSTER as usize);
    let word = u32::to_be_bytes;
    header.extend(word(MAGIC));
    header.extend(word(3));
    header.extend(if backing.is_some() { name_at as u64 } else { 0 }.to_be_bytes());
    header.extend(word(name.len() as u32));
    header.extend(word(NEW_CLUSTER_BITS));
    header.extend(virtual_size.to_be_bytes());
    header.extend(word(0)); // no encryption
    header.extend(word(l1_entries));
    header.extend(L1_TABLE.to_be_bytes());
    header.extend(REFCOUNT_TABLE.to_be_bytes());
    header.extend(word(1)); // clusters of the refcount table
    header.extend(word(0)); // no snapshots
    header.extend([0; 8]);
    header.extend([0; 24]); // no features of any kind
    header.extend(word(4)); // counts of 2^4 bits
    header.extend(word(HEADER_LEN as u32));
    header.extend([0; 8]); // deflate
    header.extend(extensions);
    header.extend(EXTENSIONS_END);
    header.extend(name.as_bytes());
    header.resize(CLUSTER as usize, 0);
    header
}
