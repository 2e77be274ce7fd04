//! Disks encoded as bytes: images are pieces in otherwise empty files, so that a real image with clusters of
//! 64 KiB is a few hundred bytes.
//!
//! A disk is `u8 mode`, then its layers, the uppermost first. A layer is `u8 format` (even: raw), `u16
//! length` in pages of 4 KiB, `u8 pieces`, and for each piece `u32 offset, u16 length, bytes`.

use crate::memfd;
use crate::script::Reader;
use oriel_disk::{BackingChain, ImageSource, check, inspect};
use oriel_vmm_api::DiskFormat;
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;

/// Bit of a disk's mode that inspects and checks every image first, which is slow.
const LOOK: u8 = 8;
/// Unit of an image's length in bytes.
const PAGE: u64 = 4096;
/// Size in bytes of the blocks of a file that are scanned for pieces.
const BLOCK: usize = 32;

/// Image file and its format.
struct Layer {
    file: File,
    format: DiskFormat,
}

/// Opens the disk at the front of `script`; `None` if it is invalid.
pub fn open(script: &mut Reader) -> Option<BackingChain> {
    let mode = script.u8();
    let read_only = mode & 1 == 1;
    let top = layer(script).ok()?;
    let below: Vec<Layer> = (0..mode >> 1 & 3).map(|_| layer(script)).collect::<Result<_, _>>().ok()?;
    if mode & LOOK != 0 {
        for image in std::iter::once(&top).chain(&below) {
            look(&image.file).ok()?;
        }
    }
    let below = below.into_iter().map(source).collect();
    BackingChain::open(source(top), below, read_only).ok()
}

fn source(Layer { file, format }: Layer) -> ImageSource {
    ImageSource { file, format }
}

/// Reads a layer of the script.
fn layer(script: &mut Reader) -> io::Result<Layer> {
    let format = if script.u8() & 1 == 0 { DiskFormat::Raw } else { DiskFormat::Qcow2 };
    let len = u64::from(script.u16()) * PAGE;
    let file = memfd::empty()?;
    file.set_len(len)?;
    for _ in 0..script.u8() {
        let (offset, count) = (u64::from(script.u32()), usize::from(script.u16()));
        file.write_all_at(script.bytes(count), offset % len.max(1))?;
    }
    Ok(Layer { file, format })
}

/// Inspects and checks an image; errors are valid results.
fn look(file: &File) -> io::Result<()> {
    for format in [DiskFormat::Raw, DiskFormat::Qcow2] {
        let _ = inspect(file.try_clone()?, format);
    }
    let _ = check(file.try_clone()?);
    Ok(())
}

/// Encodes a disk of these images, the uppermost first, so that [`open`] reads it, for seeds. `None` if they
/// are too many or too large.
pub fn encode(read_only: bool, images: &[(DiskFormat, Vec<u8>)]) -> Option<Vec<u8>> {
    let below = u8::try_from(images.len().checked_sub(1)?).ok().filter(|below| *below < 4)?;
    let look = if below == 0 { LOOK } else { 0 };
    let mut bytes = vec![look | below << 1 | u8::from(read_only)];
    for (format, image) in images {
        let pages = u16::try_from(image.len().div_ceil(PAGE as usize)).ok()?;
        let pieces = pieces(image);
        bytes.push(u8::from(*format == DiskFormat::Qcow2));
        bytes.extend(pages.to_le_bytes());
        bytes.push(u8::try_from(pieces.len()).ok()?);
        for (offset, piece) in pieces {
            bytes.extend(u32::try_from(offset).ok()?.to_le_bytes());
            bytes.extend(u16::try_from(piece.len()).ok()?.to_le_bytes());
            bytes.extend(piece);
        }
    }
    Some(bytes)
}

/// Returns the non-zero pieces of `image` with their offsets.
fn pieces(image: &[u8]) -> Vec<(usize, &[u8])> {
    let mut runs: Vec<std::ops::Range<usize>> = Vec::new();
    for (index, block) in image.chunks(BLOCK).enumerate() {
        if block.iter().all(|byte| *byte == 0) {
            continue;
        }
        let start = index * BLOCK;
        match runs.last_mut().filter(|run| run.end == start && run.len() < PAGE as usize) {
            Some(run) => run.end = start + block.len(),
            None => runs.push(start..start + block.len()),
        }
    }
    runs.into_iter().map(|run| (run.start, &image[run])).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_encoded_is_opened_again() {
        let mut image = vec![0; 64 << 10];
        image[5000..5010].fill(7);
        image[65535] = 9;
        let bytes = encode(true, &[(DiskFormat::Raw, image.clone())]).unwrap();
        assert!(bytes.len() < 200, "{}", bytes.len());
        let disk = open(&mut Reader(&bytes)).unwrap();
        let mut back = vec![1; image.len()];
        disk.read(0, &mut back).unwrap();
        assert!(back == image);
    }
}
