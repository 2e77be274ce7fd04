//! A machine's disks as block nodes of QEMU. Every layer is an explicit node with an inherited descriptor, so
//! QEMU never opens a file that an image's header names.

use crate::error::StartError;
use oriel_disk::{BackingChain, ImageError, ImageSource};
use oriel_vmm_api::{Disk, DiskFormat, RateLimit};
use serde_json::{Value, json};
use std::fs::File;
use std::os::fd::RawFd;
use std::path::Path;

/// Largest rate per second that QEMU's throttling accepts (`THROTTLE_VALUE_MAX`).
const MAX_RATE: u64 = 1_000_000_000_000_000;

/// Open image files of one disk, the uppermost layer first.
#[derive(Debug)]
pub struct DiskImages {
    /// Files that QEMU inherits.
    pub for_qemu: Vec<File>,
    /// Second set of descriptors of the same files, for the check before QEMU starts. They are separate open
    /// file descriptions, so closing them keeps QEMU's locks.
    pub for_check: Vec<File>,
}

impl DiskImages {
    /// Opens the image files of `disk`, each twice; the uppermost is writable unless the disk is read-only.
    ///
    /// # Errors
    /// [`StartError::File`] when an image is missing or may not be opened.
    pub fn open(disk: &Disk) -> Result<Self, StartError> {
        let open = |path: &Path, writable| {
            let file = File::options().read(true).write(writable).open(path);
            file.map_err(|error| StartError::File { what: "disk", path: path.to_owned(), error })
        };
        let all = |writable| {
            let below = disk.backing.iter().map(|layer| open(&layer.path, false));
            std::iter::once(open(&disk.path, writable))
                .chain(below)
                .collect::<Result<Vec<File>, StartError>>()
        };
        Ok(Self { for_qemu: all(!disk.read_only)?, for_check: all(false)? })
    }
}

/// Checks the `images` of `disk` before QEMU opens them. Features that make QEMU open other files, such as an
/// external data file, are refused.
///
/// # Errors
/// [`StartError::DiskInUse`] when another process has a lock on an image, [`StartError::Image`] when an image
/// is invalid.
pub(crate) fn check(disk: &Disk, images: Vec<File>) -> Result<(), StartError> {
    let formats = std::iter::once(disk.format).chain(disk.backing.iter().map(|layer| layer.format));
    let mut sources = images.into_iter().zip(formats).map(|(file, format)| ImageSource { file, format });
    let Some(top) = sources.next() else { return Ok(()) };
    // The chain is closed at once: from then on QEMU's own locks protect the images.
    BackingChain::open(top, sources.collect(), true).map(drop).map_err(|(place, error)| {
        let below = place.checked_sub(1).and_then(|place| disk.backing.get(place));
        let path = below.map_or(&disk.path, |layer| &layer.path).clone();
        match error {
            ImageError::InUse => StartError::DiskInUse(path),
            error => StartError::Image { path, error },
        }
    })
}

/// QEMU options of one disk, in the order in which they are appended to the command line.
pub(crate) struct Nodes {
    /// Values of `-add-fd`: one set per layer, with one descriptor each.
    pub fd_sets: Vec<String>,
    /// Value of `-object` for the throttle group, where the disk has a rate limit.
    pub throttle_group: Option<Value>,
    /// Values of `-blockdev`, each after the nodes that it refers to.
    pub blockdevs: Vec<Value>,
    /// Name of the node that the disk device uses.
    pub name: String,
}

/// Builds the nodes of disk number `index`. QEMU inherits the layers as the descriptors `images`, the
/// uppermost first.
pub(crate) fn nodes(index: usize, disk: &Disk, images: &[RawFd]) -> Nodes {
    let layers = disk.backing.iter().map(|layer| (layer.format, true));
    let layers = std::iter::once((disk.format, disk.read_only)).chain(layers).zip(images);
    let mut below = None;
    let (mut fd_sets, mut blockdevs) = (Vec::new(), Vec::new());
    for (depth, ((format, read_only), fd)) in layers.collect::<Vec<_>>().into_iter().enumerate().rev() {
        let name = format!("disk{index}-{depth}");
        fd_sets.push(format!("fd={fd},set={}", fd_set(index, depth)));
        blockdevs.push(layer(&name, &image_name(index, depth), format, read_only, below.as_deref()));
        below = Some(name);
    }
    let mut name = below.unwrap_or_default();
    let throttle_group = limits(disk.limit).map(|limits| {
        let group = format!("limit{index}");
        let node = format!("disk{index}");
        let file = std::mem::replace(&mut name, node.clone());
        blockdevs.push(json!({
            "driver": "throttle",
            "node-name": node,
            "throttle-group": group,
            "read-only": disk.read_only,
            "discard": "unmap",
            "file": file,
        }));
        json!({"qom-type": "throttle-group", "id": group, "limits": limits})
    });
    Nodes { fd_sets, throttle_group, blockdevs, name }
}

/// Numbers of descriptor sets that are reserved for each disk, more than `oriel_disk::MAX_LAYERS`.
const SETS_OF_A_DISK: usize = 100;

/// Returns the number of the descriptor set for the layer at `depth` of disk number `index`.
fn fd_set(index: usize, depth: usize) -> usize {
    index * SETS_OF_A_DISK + depth
}

/// Returns the file name by which QEMU opens the layer at `depth` of disk number `index`, a descriptor set.
pub(crate) fn image_name(index: usize, depth: usize) -> String {
    format!("/dev/fdset/{}", fd_set(index, depth))
}

/// Builds the block node of one layer, on the node `below`.
fn layer(name: &str, file: &str, format: DiskFormat, read_only: bool, below: Option<&str>) -> Value {
    let mut node = json!({
        "node-name": name,
        "read-only": read_only,
        "discard": "unmap",
        "detect-zeroes": "off",
        "file": {
            "driver": "file",
            "filename": file,
            "read-only": read_only,
            "locking": "on",
            "discard": "unmap",
        },
    });
    match format {
        DiskFormat::Raw => node["driver"] = "raw".into(),
        DiskFormat::Qcow2 => {
            node["driver"] = "qcow2".into();
            // Without a name here QEMU would open what the header names.
            node["backing"] = below.into();
        }
    }
    node
}

/// Converts a rate limit to QEMU's `ThrottleLimits`, with bursts of one second's amount.
fn limits(limit: RateLimit) -> Option<Value> {
    let mut limits = serde_json::Map::new();
    for (name, rate) in [("bps-total", limit.bytes), ("iops-total", limit.operations)] {
        if let Some(rate) = rate {
            // QEMU takes zero as no limit.
            let rate = rate.clamp(1, MAX_RATE);
            limits.insert(name.to_owned(), rate.into());
            limits.insert(format!("{name}-max"), rate.into());
        }
    }
    (!limits.is_empty()).then(|| limits.into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use oriel_vmm_api::Layer;

    #[test]
    fn every_layer_names_what_is_below_it() {
        let disk = Disk {
            path: "/top".into(),
            format: DiskFormat::Qcow2,
            backing: vec![
                Layer { path: "/middle".into(), format: DiskFormat::Qcow2 },
                Layer { path: "/base".into(), format: DiskFormat::Qcow2 },
            ],
            limit: RateLimit { bytes: Some(u64::MAX), operations: Some(0) },
            ..Disk::default()
        };
        let Nodes { fd_sets, throttle_group, blockdevs, name } = nodes(3, &disk, &[7, 8, 9]);
        assert_eq!(fd_sets, ["fd=9,set=302", "fd=8,set=301", "fd=7,set=300"]);
        let described: Vec<_> = blockdevs
            .iter()
            .map(|node| (&node["node-name"], &node["backing"], &node["read-only"], &node["file"]))
            .map(|(name, backing, read_only, file)| {
                (
                    name.as_str().unwrap(),
                    backing.as_str(),
                    read_only.as_bool().unwrap(),
                    file["filename"].as_str(),
                )
            })
            .collect();
        assert_eq!(
            described,
            [
                ("disk3-2", None, true, Some("/dev/fdset/302")),
                ("disk3-1", Some("disk3-2"), true, Some("/dev/fdset/301")),
                ("disk3-0", Some("disk3-1"), false, Some("/dev/fdset/300")),
                ("disk3", None, false, None),
            ]
        );
        assert!(blockdevs[0]["backing"].is_null() && blockdevs[0].get("backing").is_some());
        assert_eq!((name.as_str(), &blockdevs[3]["file"]), ("disk3", &json!("disk3-0")));
        let limits = &throttle_group.unwrap()["limits"];
        assert_eq!((&limits["bps-total"], &limits["iops-total"]), (&json!(MAX_RATE), &json!(1)));
    }

    #[test]
    fn a_disk_without_limits_is_not_throttled() {
        let nodes = nodes(0, &Disk { path: "/d".into(), read_only: true, ..Disk::default() }, &[5]);
        assert!(nodes.throttle_group.is_none());
        assert_eq!((nodes.blockdevs.len(), nodes.name.as_str()), (1, "disk0-0"));
        assert!(nodes.blockdevs[0].get("backing").is_none(), "raw takes none");
    }
}
