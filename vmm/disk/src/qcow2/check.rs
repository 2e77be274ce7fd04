//! Consistency check of an image's tables and reference counts, as `qemu-img check` does.

use super::entry::{self, Cluster};
use super::header::Header;
use crate::error::ImageError;
use crate::file::ImageFile;
use serde::Serialize;
use std::fs::File;
use std::io;

/// Maximum number of clusters of a file that is checked; a check uses two bytes of memory for each.
const MAX_CLUSTERS: u64 = 1 << 27;

/// Result of a consistency check.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct CheckReport {
    /// Size of the disk in bytes.
    pub virtual_size: u64,
    /// Number of the disk's clusters that are allocated in the file.
    pub allocated_clusters: u64,
    /// Number of the file's clusters with too high a reference count: lost space without other harm.
    pub leaked_clusters: u64,
    /// Number of table entries that point outside of the file or to a cluster of another entry, and of
    /// clusters with too low a reference count.
    pub corruptions: u64,
}

/// Walks all tables of the qcow2 image in `file`, each once.
///
/// # Errors
/// An [`ImageError`] when the image cannot be read, or uses features or sizes that the check does not
/// support.
pub fn check(file: File) -> Result<CheckReport, ImageError> {
    let file = ImageFile::new(file);
    let header = Header::read(&file)?;
    if header.snapshots != 0 {
        return Err(ImageError::Unsupported("snapshots inside of the image"));
    }
    let clusters = file.len()?.div_ceil(header.cluster_len());
    if clusters > MAX_CLUSTERS {
        return Err(ImageError::Unsupported("more clusters than can be checked"));
    }
    let report = CheckReport { virtual_size: header.size, ..CheckReport::default() };
    let mut checker = Checker { file, header, references: vec![0; clusters as usize], report };
    checker.check_mappings()?;
    checker.check_refcounts()?;
    Ok(checker.report)
}

/// State of a check.
struct Checker {
    file: ImageFile,
    header: Header,
    /// Number of references found to each cluster of the file.
    references: Vec<u16>,
    report: CheckReport,
}

impl Checker {
    /// Checks L1 and L2 tables and counts their references.
    fn check_mappings(&mut self) -> io::Result<()> {
        self.reference(0, 1);
        self.reference(self.header.l1_offset, self.header.l1_entries * 8);
        for l1_entry in self.words(self.header.l1_offset, self.header.l1_entries)? {
            let Ok(table) = entry::l2_table(l1_entry, &self.header) else {
                self.report.corruptions += 1;
                continue;
            };
            let Some(table) = table else { continue };
            // A table that was found before is not walked again.
            if !self.reference(table, 1) {
                continue;
            }
            if !entry::is_owned(l1_entry) {
                self.report.corruptions += 1;
            }
            for l2_entry in self.words(table, self.header.cluster_len() / 8)? {
                self.cluster(l2_entry);
            }
        }
        Ok(())
    }

    /// Checks an L2 entry and counts its references.
    fn cluster(&mut self, l2_entry: u64) {
        let Ok(cluster) = Cluster::parse(l2_entry, &self.header) else {
            self.report.corruptions += 1;
            return;
        };
        let Some((host, len)) = cluster.host_range() else { return };
        self.report.allocated_clusters += 1;
        if let Cluster::Compressed { .. } = cluster {
            self.reference_shared(host, len);
        } else if self.reference(host, 1) && matches!(cluster, Cluster::At { owned: false, .. }) {
            self.report.corruptions += 1;
        }
    }

    /// Counts references to clusters with exactly one owner. False, and a corruption, if a cluster is outside
    /// of the file or already has an owner.
    fn reference(&mut self, host: u64, len: u64) -> bool {
        let mut valid = true;
        for cluster in self.clusters_in(host, len) {
            match usize::try_from(cluster).ok().and_then(|cluster| self.references.get_mut(cluster)) {
                Some(references) => {
                    valid &= *references == 0;
                    *references = references.saturating_add(1);
                }
                None => valid = false,
            }
        }
        self.report.corruptions += u64::from(!valid);
        valid
    }

    /// Counts references to clusters that several compressed clusters may share.
    fn reference_shared(&mut self, host: u64, len: u64) {
        let end = self.references.len() as u64;
        for cluster in self.clusters_in(host, len) {
            match usize::try_from(cluster).ok().and_then(|cluster| self.references.get_mut(cluster)) {
                Some(references) => *references = references.saturating_add(1),
                // The last sectors may exceed the end of the file.
                None => self.report.corruptions += u64::from(cluster > end),
            }
        }
    }

    /// Returns the numbers of the file's clusters that contain the byte range.
    fn clusters_in(&self, host: u64, len: u64) -> std::ops::RangeInclusive<u64> {
        let bits = self.header.cluster_bits;
        (host >> bits)..=(host.saturating_add(len.saturating_sub(1)) >> bits)
    }

    /// Checks the refcount table, then compares all reference counts with the references found.
    fn check_refcounts(&mut self) -> io::Result<()> {
        let bits = self.header.cluster_bits;
        let table_len = self.header.refcount_table_clusters << bits;
        self.reference(self.header.refcount_table_offset, table_len);
        let blocks = self.words(self.header.refcount_table_offset, table_len / 8)?;
        let mut valid = Vec::new();
        for (index, block) in (0u64..).zip(blocks) {
            if block == 0 {
                continue;
            }
            if !block.is_multiple_of(1 << bits) {
                self.report.corruptions += 1;
            } else if self.reference(block, 1) {
                valid.push((index, block));
            }
        }
        let in_block = (8 << bits) >> self.header.refcount_order;
        let mut counted = vec![false; self.references.len()];
        for (index, block) in valid {
            let mut bytes = vec![0; 1 << bits];
            self.file.read(block, &mut bytes)?;
            for i in 0..in_block {
                let count = count_at(&bytes, i, self.header.refcount_order);
                let cluster = index.saturating_mul(in_block).saturating_add(i);
                self.compare(cluster, count, &mut counted);
            }
        }
        let uncounted =
            self.references.iter().zip(counted).filter(|(found, counted)| **found != 0 && !counted);
        self.report.corruptions += uncounted.count() as u64;
        Ok(())
    }

    /// Compares a reference count of the image with the references found.
    fn compare(&mut self, cluster: u64, count: u64, counted: &mut [bool]) {
        let place = usize::try_from(cluster).ok();
        let found = place.and_then(|place| self.references.get(place)).copied().unwrap_or(0);
        if let Some(counted) = place.and_then(|place| counted.get_mut(place)) {
            *counted = true;
        }
        match count.cmp(&found.into()) {
            std::cmp::Ordering::Less => self.report.corruptions += 1,
            std::cmp::Ordering::Equal => {}
            std::cmp::Ordering::Greater => self.report.leaked_clusters += 1,
        }
    }

    /// Reads `count` big-endian 64-bit words of a table.
    fn words(&self, offset: u64, count: u64) -> io::Result<Vec<u64>> {
        let mut bytes = vec![0; (count * 8) as usize];
        self.file.read(offset, &mut bytes)?;
        let (words, _) = bytes.as_chunks();
        Ok(words.iter().map(|word| u64::from_be_bytes(*word)).collect())
    }
}

/// Returns reference count number `i` of a block with counts of 2 to the power of `order` bits.
fn count_at(block: &[u8], i: u64, order: u32) -> u64 {
    let byte = |at: u64| block.get(at as usize).copied().map_or(0, u64::from);
    if order < 3 {
        let width = 1 << order;
        let bit = i * width;
        return (byte(bit / 8) >> (bit % 8)) & ((1 << width) - 1);
    }
    let bytes = 1 << (order - 3);
    (0..bytes).fold(0, |count, at| (count << 8) | byte(i * bytes + at))
}
