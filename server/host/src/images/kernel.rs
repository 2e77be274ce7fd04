//! Recognition of kernels, before they are imported.

use super::error::{ImageError, at};
use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::Path;

/// Bytes at the beginning of a kernel that are looked at.
const HEAD: usize = 0x210;

/// Checks for the signature of a bzImage (`HdrS`, Linux' Documentation/arch/x86/boot.rst) or of an ELF for
/// x86-64; `given` is the path in errors. The machine checks the rest at boot.
///
/// # Errors
/// [`ImageError::NoKernel`], or the file cannot be read.
pub(super) fn check_kernel(file: &File, given: &Path) -> Result<(), ImageError> {
    let mut head = [0; HEAD];
    let mut read = 0;
    while let Some(rest) = head.get_mut(read..).filter(|rest| !rest.is_empty()) {
        match file.read_at(rest, read as u64).map_err(at(given))? {
            0 => break,
            more => read += more,
        }
    }
    let has = |at: usize, bytes: &[u8]| head.get(at..).is_some_and(|rest| rest.starts_with(bytes));
    let elf = has(0, b"\x7fELF\x02\x01") && has(18, &[62, 0]);
    if is_bz_image(&head) || elf { Ok(()) } else { Err(ImageError::NoKernel(given.to_owned())) }
}

/// Returns whether a file that begins with `head` has the signature of a bzImage.
pub(super) fn is_bz_image(head: &[u8]) -> bool {
    let has = |at: usize, bytes: &[u8]| head.get(at..).is_some_and(|rest| rest.starts_with(bytes));
    has(0x1FE, &[0x55, 0xAA]) && has(0x202, b"HdrS")
}
