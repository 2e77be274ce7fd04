//! Discards and zeroing of clusters.

use super::entry::Cluster;
use super::image::Image;
use crate::backing::Backing;
use std::io;
use std::ops::Range;

/// Size in bytes of the zeroes written at a time where a table entry cannot represent them.
const ZEROES: usize = 64 << 10;

impl Image {
    /// Discards the byte range: whole clusters within it are deallocated.
    pub fn discard(&self, range: Range<u64>, below: &dyn Backing) -> io::Result<()> {
        if self.header.version < 3 && !below.is_empty() {
            // An unallocated cluster would show the contents of the backing image.
            return Ok(());
        }
        let nothing = if below.is_empty() { 0 } else { Cluster::zero(None) };
        self.change(self.whole_clusters(&range), |old| match old {
            Cluster::Unallocated | Cluster::Zero(None) => None,
            _ => Some(nothing),
        })?;
        self.flush_if_due()
    }

    /// Zeroes the byte range; clusters stay allocated unless `may_unmap`.
    pub fn write_zeroes(&self, range: Range<u64>, may_unmap: bool, below: &dyn Backing) -> io::Result<()> {
        if self.header.version < 3 && !(may_unmap && below.is_empty()) {
            return self.write_out_zeroes(range, below);
        }
        let clusters = self.whole_clusters(&range);
        if clusters.is_empty() {
            return self.write_out_zeroes(range, below);
        }
        let bits = self.header.cluster_bits;
        let (start, end) = (clusters.start << bits, (clusters.end << bits).min(range.end));
        self.write_out_zeroes(range.start..start, below)?;
        self.write_out_zeroes(end..range.end, below)?;
        let nothing = if below.is_empty() { 0 } else { Cluster::zero(None) };
        self.change(clusters, |old| match old {
            Cluster::Unallocated => (!below.is_empty()).then_some(nothing),
            Cluster::Zero(None) => None,
            Cluster::Zero(Some(_)) => may_unmap.then_some(nothing),
            Cluster::At { host, owned: true } if !may_unmap => Some(Cluster::zero(Some(host))),
            Cluster::At { .. } | Cluster::Compressed { .. } => Some(nothing),
        })?;
        self.flush_if_due()
    }

    /// Writes zeroes as data.
    fn write_out_zeroes(&self, range: Range<u64>, below: &dyn Backing) -> io::Result<()> {
        let zeroes = [0; ZEROES];
        let mut at = range.start;
        while at < range.end {
            let len = (range.end - at).min(ZEROES as u64);
            self.write(at, zeroes.get(..len as usize).unwrap_or(&zeroes), below)?;
            at += len;
        }
        Ok(())
    }

    /// Returns the clusters entirely within `range`; the disk's last cluster may exceed the disk's end.
    fn whole_clusters(&self, range: &Range<u64>) -> Range<u64> {
        let bits = self.header.cluster_bits;
        let end = if range.end >= self.header.size {
            range.end.div_ceil(self.cluster_len())
        } else {
            range.end >> bits
        };
        range.start.div_ceil(self.cluster_len())..end
    }

    /// Replaces the table entry of every cluster for which `new` returns one.
    fn change(&self, clusters: Range<u64>, new: impl Fn(Cluster) -> Option<u64>) -> io::Result<()> {
        let _still = self.stop_moves();
        let mut tables = self.tables_to_change();
        let leaves_unallocated = new(Cluster::Unallocated).is_none();
        let mut index = clusters.start;
        while index < clusters.end {
            if leaves_unallocated && self.table(&mut tables, index)?.is_none() {
                index = (index / self.table_entries() + 1) * self.table_entries();
                continue;
            }
            let old = self.cluster(&mut tables, index)?;
            if let Some(entry) = new(old) {
                let table = self.table_to_change(&mut tables, index)?;
                self.set_entry(&mut tables, table, index, entry)?;
                let kept = Cluster::parse(entry, &self.header)?.host_range();
                tables.freed.extend(
                    old.host_range().filter(|host_range| kept.is_none_or(|kept| kept.0 != host_range.0)),
                );
            }
            index += 1;
        }
        Ok(())
    }
}
