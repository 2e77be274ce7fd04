//! Creation of virtio block devices from the open image files of a configuration's disks.
//!
//! `oriel-disk` reads and writes the images; this module joins an image chain, its limits and the reports of
//! a full host disk to one device.

use super::error::DeviceError;
use super::vm_event::VmEvent;
use crate::disk_images::DiskError;
use oriel_disk::{BackingChain, ImageError, ImageSource};
use oriel_jail::seccomp::{ThreadKind, apply_thread_filter};
use oriel_virtio::block::{BlockConfig, DiskSerial};
use oriel_virtio::{Block, DeviceCounters};
use oriel_vmm_api::Disk;
use std::fs::File;
use std::io::ErrorKind;
use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::Sender;

/// Creates the block device of the disk with the number `index` from its open `images`, the uppermost layer
/// first. When the host has no space for a write, the device reports it to `vm_events`.
///
/// # Errors
/// A [`DeviceError`] when an image is in use, damaged or of an unsupported format, or the host is out of
/// descriptors.
pub fn device(
    index: usize,
    disk: &Disk,
    images: Vec<File>,
    vm_events: &Sender<VmEvent>,
    counters: &Arc<DeviceCounters>,
) -> Result<Block, DeviceError> {
    let failed = |(place, error): (usize, ImageError)| {
        let below = place.checked_sub(1).and_then(|place| disk.backing.get(place));
        let path = below.map_or(&disk.path, |layer| &layer.path).clone();
        DiskError { path, error }
    };
    let formats = std::iter::once(disk.format).chain(disk.backing.iter().map(|layer| layer.format));
    let mut sources = images.into_iter().zip(formats).map(|(file, format)| ImageSource { file, format });
    let top = sources.next().ok_or_else(|| failed((0, std::io::Error::from(ErrorKind::NotFound).into())))?;
    let stack = BackingChain::open(top, sources.collect(), disk.read_only).map_err(failed)?;
    let vm_events = vm_events.clone();
    let config = BlockConfig {
        serial: serial(&disk.path),
        limit: disk.limit,
        thread_setup: Arc::new(|| apply_thread_filter(ThreadKind::Disk)),
        // The state driver receives no events any more once the machine has ended.
        on_disk_full: Box::new(move |event| drop(vm_events.send(VmEvent::DiskFull(index, event)))),
    };
    Ok(Block::new(stack, config, counters.clone())?)
}

/// Returns the serial number of the disk at `path`: the file's name without its extension, cut to 20 bytes,
/// with `-` for all but ASCII letters and digits.
fn serial(path: &Path) -> DiskSerial {
    let name = path.file_stem().unwrap_or_default().as_encoded_bytes();
    let mut id = DiskSerial::default();
    for (to, from) in id.iter_mut().zip(name) {
        *to = if from.is_ascii_alphanumeric() { *from } else { b'-' };
    }
    id
}
