//! Boot files: an untrusted kernel, and an initial RAM disk.

use crate::memfd;
use oriel_virtio::GuestRam;
use oriel_vmm::boot::{BootFiles, BootSource};
use oriel_vmm::memory::{self, Backing};
use oriel_vmm_api::{Boot, HugePages};
use std::cell::OnceCell;
use std::path::PathBuf;

const INITRD: &[u8] = b"an initrd is never parsed";

thread_local! {
    static RAM: OnceCell<GuestRam> = const { OnceCell::new() };
}

/// Loads `bytes` into memory as a kernel.
pub fn run(bytes: &[u8]) {
    let (Ok(kernel), Ok(initrd)) = (memfd::file_of(bytes), memfd::file_of(INITRD)) else { return };
    let path = || PathBuf::from("a file");
    let boot = Boot { kernel: path(), initrd: Some(path()), cmdline: "quiet".into() };
    let files = BootFiles { kernel, initrd: Some(initrd) };
    RAM.with(|cell| {
        let backing = Backing { huge_pages: HugePages::Never, ..Backing::default() };
        let ram = cell.get_or_init(|| memory::allocate(64, backing).expect("64 MiB of memory"));
        if let Ok(source) = BootSource::new(&boot, files) {
            let _ = source.load(ram, 0xE_0000);
        }
        memory::clear(ram).expect("memory is given back");
    });
}
