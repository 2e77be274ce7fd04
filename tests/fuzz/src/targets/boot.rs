//! A kernel and an initrd out of an image that somebody else made.

use crate::memfd::file_of;
use oriel_virtio::GuestRam;
use oriel_vmm::boot::BootSource;
use oriel_vmm::memory::{self, Backing};
use oriel_vmm_api::{Boot, HugePages};
use std::cell::OnceCell;

const INITRD: &[u8] = b"an initrd is never parsed";

thread_local! {
    static RAM: OnceCell<GuestRam> = const { OnceCell::new() };
}

/// Loads `bytes` into memory as a kernel is.
pub fn run(bytes: &[u8]) {
    let (Ok((_kernel, kernel)), Ok((_initrd, initrd))) = (file_of(bytes), file_of(INITRD)) else { return };
    let boot = Boot { kernel, initrd: Some(initrd), cmdline: "quiet".into() };
    RAM.with(|cell| {
        let backing = Backing { huge_pages: HugePages::Never, share: false };
        let ram = cell.get_or_init(|| memory::allocate(64, backing).expect("64 MiB of memory"));
        if let Ok(source) = BootSource::open(&boot) {
            let _ = source.load(ram, 0xE_0000);
        }
        memory::clear(ram).expect("memory is given back");
    });
}
