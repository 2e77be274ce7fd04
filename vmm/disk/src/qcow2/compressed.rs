//! Decompression of clusters. Compressed clusters are only read: a write allocates a plain cluster.

use super::header::Compression;
use crate::error::damaged;
use miniz_oxide::inflate::decompress_slice_iter_to_slice;
use std::io;
use zstd_safe::{DCtx, DParameter, InBuffer, OutBuffer};

/// Binary logarithm of the maximum zstd window in bytes. A cluster has at most 2 MiB, so no valid frame needs
/// a larger window.
const ZSTD_WINDOW_LOG: u32 = 23;

/// Decompresses `packed`, which may have trailing bytes, into exactly `cluster`.
pub(super) fn decompress(kind: Compression, packed: &[u8], cluster: &mut [u8]) -> io::Result<()> {
    let complete = match kind {
        Compression::Deflate => {
            // Raw deflate, without zlib's header and checksum.
            let len = decompress_slice_iter_to_slice(cluster, std::iter::once(packed), false, true);
            len.is_ok_and(|len| len == cluster.len())
        }
        Compression::Zstd => decompress_zstd(packed, cluster),
    };
    if complete { Ok(()) } else { Err(damaged("a compressed cluster cannot be unpacked")) }
}

/// Decompresses a zstd frame into exactly `cluster`; false if the frame is invalid.
fn decompress_zstd(packed: &[u8], cluster: &mut [u8]) -> bool {
    let mut context = DCtx::create();
    if context.set_parameter(DParameter::WindowLogMax(ZSTD_WINDOW_LOG)).is_err() {
        return false;
    }
    let len = cluster.len();
    let (mut out, mut packed) = (OutBuffer::around(cluster), InBuffer::around(packed));
    // Every turn but the last consumes or produces something.
    loop {
        let before = (out.pos(), packed.pos);
        match context.decompress_stream(&mut out, &mut packed) {
            Err(_) => return false,
            Ok(_) if out.pos() == len => return true,
            Ok(_) if (out.pos(), packed.pos) == before => return false,
            Ok(_) => {}
        }
    }
}
