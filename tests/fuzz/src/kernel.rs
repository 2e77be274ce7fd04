//! Booting from bytes that claim to be a kernel.

use oriel_virtio::GuestRam;
use oriel_vmm::boot::BootSource;
use oriel_vmm::memory::{self, Backing};
use oriel_vmm_api::{Boot, HugePages};
use std::cell::OnceCell;
use std::fs::File;
use std::io::Write;
use std::os::fd::{AsRawFd, FromRawFd};
use std::path::PathBuf;

const INITRD: &[u8] = b"an initrd is never parsed";

thread_local! {
    static RAM: OnceCell<GuestRam> = const { OnceCell::new() };
}

/// A file of `bytes` that lies nowhere, and the path by which it can be opened as long as it lives.
fn file_of(bytes: &[u8]) -> std::io::Result<(File, PathBuf)> {
    // SAFETY: the name is a C string.
    let fd = unsafe { libc::memfd_create(c"image".as_ptr(), libc::MFD_CLOEXEC) };
    if fd < 0 {
        return Err(std::io::Error::last_os_error());
    }
    // SAFETY: the descriptor is new and nobody else's.
    let mut file = unsafe { File::from_raw_fd(fd) };
    file.write_all(bytes)?;
    let path = format!("/proc/self/fd/{}", file.as_raw_fd()).into();
    Ok((file, path))
}

/// Loads `bytes` into memory as a kernel is; all but a crash is right.
pub fn load(bytes: &[u8]) {
    let (Ok((_kernel, kernel)), Ok((_initrd, initrd))) = (file_of(bytes), file_of(INITRD)) else { return };
    let boot = Boot { kernel, initrd: Some(initrd), cmdline: "quiet".into() };
    RAM.with(|cell| {
        let ram = cell.get_or_init(|| memory::allocate(64, Backing { huge_pages: HugePages::Never, share: false }).expect("64 MiB of memory"));
        if let Ok(source) = BootSource::open(&boot) {
            let _ = source.load(ram, 0xE_0000);
        }
        memory::clear(ram).expect("memory is given back");
    });
}
