//! virtio-blk: requests to a raw disk or a chain of two images, performed by the device's threads while the
//! driver continues with its script.

use crate::{Guest, memfd};
use oriel_disk::{BackingChain, BackingFile, ImageSource, create_overlay};
use oriel_virtio::block::BlockConfig;
use oriel_virtio::{Block, DeviceCounters, RateLimit};
use oriel_vmm_api::DiskFormat;
use std::os::unix::fs::FileExt;
use std::sync::Arc;

const DISK_LEN: u64 = 1 << 20;

/// Runs the target with one input.
pub fn run(script: &[u8]) {
    let Some((mode, script)) = script.split_first() else { return };
    let Some(disk) = disk(mode & 1 == 1, mode & 2 == 2) else { return };
    let config = BlockConfig {
        serial: *b"a disk to be fuzzed.",
        limit: RateLimit::default(),
        on_disk_full: Box::new(|_| ()),
        thread_setup: Arc::new(|| ()),
    };
    let Ok(mut block) = Block::new(disk, config, Arc::new(DeviceCounters::default())) else { return };
    let mut guest = Guest::new(&mut block);
    guest.perform(&mut block, script, |_| ());
    guest.settle(&block);
}

/// Creates a disk with contents, with or without an empty overlay, which is slower.
fn disk(read_only: bool, with_overlay: bool) -> Option<BackingChain> {
    let base = memfd::empty().ok()?;
    base.set_len(DISK_LEN).ok()?;
    base.write_all_at(b"something", 0).ok()?;
    let base = ImageSource { file: base, format: DiskFormat::Raw };
    if !with_overlay {
        return BackingChain::open(base, Vec::new(), read_only).ok();
    }
    let overlay = memfd::empty().ok()?;
    let backing = BackingFile { name: "base", format: DiskFormat::Raw };
    create_overlay(overlay.try_clone().ok()?, DISK_LEN, Some(backing)).ok()?;
    let top = ImageSource { file: overlay, format: DiskFormat::Qcow2 };
    BackingChain::open(top, vec![base], read_only).ok()
}
