//! Writes: in place to clusters with one reference, otherwise copy-on-write to newly allocated clusters.
//! Tables reference new clusters only after their data is written.

use super::entry::Cluster;
use super::image::{Image, Tables};
use super::refcounts::Run;
use crate::backing::Backing;
use crate::io_buffers::{IoBuffers, IoMode, readable};
use std::io;

/// Maximum number of clusters allocated at once: 2 MiB with the usual cluster size.
const MAX_CLUSTERS: u64 = 32;
/// Number of unreferenced byte ranges at which a flush is due without a request of the guest.
const MAX_FREED: usize = 1024;

/// Location of the next part of a write.
enum Plan {
    /// Overwrites `len` bytes at offset `host` of the file.
    InPlace { host: u64, len: u64 },
    /// Writes to newly allocated clusters.
    Relocate(Relocation),
}

/// Clusters of the disk, from `first` on, that are relocated to newly allocated clusters.
struct Relocation {
    first: u64,
    to: Run,
}

impl Image {
    /// Writes `buffers` at byte `offset`; both are within the disk. A failed write may be repeated.
    pub fn write_buffers(
        &self,
        offset: u64,
        buffers: IoBuffers,
        mode: IoMode,
        below: &dyn Backing,
    ) -> io::Result<()> {
        if mode == IoMode::NoWait {
            // A due flush blocks.
            return match self.is_flush_due() {
                true => Err(io::ErrorKind::WouldBlock.into()),
                false => self.write_locked(offset, buffers, mode, below),
            };
        }
        match self.write_locked(offset, buffers, mode, below) {
            Err(error) if crate::error::is_no_space(&error) && !self.tables().freed.is_empty() => {
                self.flush()?;
                self.write_locked(offset, buffers, mode, below)
            }
            done => done,
        }?;
        self.flush_if_due()
    }

    /// Writes `bytes` at byte `offset`; blocks until completion.
    pub fn write(&self, offset: u64, bytes: &[u8], below: &dyn Backing) -> io::Result<()> {
        // SAFETY: a write to the disk only reads the buffer.
        let slice = unsafe { readable(bytes) };
        self.write_buffers(offset, IoBuffers::new(&[slice]), IoMode::Blocking, below)
    }

    /// Flushes if many clusters are unreferenced and not yet free.
    pub(super) fn flush_if_due(&self) -> io::Result<()> {
        if self.is_flush_due() { self.flush() } else { Ok(()) }
    }

    /// Whether so many clusters are unreferenced that a flush is due.
    fn is_flush_due(&self) -> bool {
        self.tables().freed.len() > MAX_FREED
    }

    /// Writes all of `buffers`, part by part.
    fn write_locked(
        &self,
        mut offset: u64,
        mut buffers: IoBuffers,
        mode: IoMode,
        below: &dyn Backing,
    ) -> io::Result<()> {
        let _moving = self.lock_in_flight();
        while !buffers.is_empty() {
            let plan = self.plan(offset, buffers.len() as u64)?;
            let reach = match &plan {
                Plan::InPlace { len, .. } => *len,
                Plan::Relocate(clusters) => self.end_of(clusters) - offset,
            };
            let (here, rest) = buffers.split_at(reach as usize);
            match plan {
                Plan::InPlace { host, .. } => self.file.write_buffers(host, here)?,
                Plan::Relocate(clusters) => {
                    let filled = self.fill(&clusters, offset, here, mode, below);
                    self.commit(&clusters, filled)?;
                }
            }
            offset += here.len() as u64;
            buffers = rest;
        }
        Ok(())
    }

    /// Returns the offset on the disk of the end of the relocated clusters, possibly beyond the disk's end.
    fn end_of(&self, clusters: &Relocation) -> u64 {
        (clusters.first + clusters.to.clusters) << self.header.cluster_bits
    }

    /// Plans the next part of a write, of at most `wanted` bytes; allocates the clusters of a relocation.
    fn plan(&self, offset: u64, wanted: u64) -> io::Result<Plan> {
        let bits = self.header.cluster_bits;
        let first = offset >> bits;
        let mut tables = self.tables();
        loop {
            if !tables.allocating.contains(&first) {
                if let Cluster::At { host, owned: true } = self.cluster(&mut tables, first)? {
                    return self.in_place(&mut tables, host, offset, wanted);
                }
                if !tables.cache.flushing {
                    break;
                }
            }
            self.wait(&mut tables);
        }
        self.table_to_change(&mut tables, first)?;
        let end = (offset + wanted).div_ceil(1 << bits);
        let end_of_table = (first / self.table_entries() + 1) * self.table_entries();
        let most = (end.min(end_of_table) - first).min(MAX_CLUSTERS);
        let mut count = 1;
        while count < most && self.needs_relocation(&mut tables, first + count)? {
            count += 1;
        }
        let Tables { cache, refcounts, allocating, .. } = &mut *tables;
        let to = refcounts.allocate(cache, &self.file, count)?;
        allocating.extend(first..first + to.clusters);
        Ok(Plan::Relocate(Relocation { first, to }))
    }

    /// Whether a write to cluster `index` must relocate the cluster, and no other thread is relocating it.
    fn needs_relocation(&self, tables: &mut Tables, index: u64) -> io::Result<bool> {
        let in_place = matches!(self.cluster(tables, index)?, Cluster::At { owned: true, .. });
        Ok(!in_place && !tables.allocating.contains(&index))
    }

    /// Plans an overwrite of contiguous clusters with one reference.
    fn in_place(&self, tables: &mut Tables, host: u64, offset: u64, wanted: u64) -> io::Result<Plan> {
        let skip = offset & (self.cluster_len() - 1);
        let mut len = self.cluster_len() - skip;
        let mut index = offset >> self.header.cluster_bits;
        while len < wanted {
            index += 1;
            match self.cluster(tables, index)? {
                Cluster::At { host: next, owned: true } if next == host + skip + len => {
                    len += self.cluster_len();
                }
                _ => break,
            }
        }
        Ok(Plan::InPlace { host: host + skip, len: len.min(wanted) })
    }

    /// Writes `buffers`, which begin at `offset` in the first relocated cluster and end in the last, to the
    /// new clusters. The rest of these clusters gets the disk's current contents.
    fn fill(
        &self,
        clusters: &Relocation,
        offset: u64,
        mut buffers: IoBuffers,
        mode: IoMode,
        below: &dyn Backing,
    ) -> io::Result<()> {
        let cluster_len = self.cluster_len();
        let mut host = clusters.to.host;
        let mut start = clusters.first << self.header.cluster_bits;
        let mut head = offset - start;
        while !buffers.is_empty() {
            let whole = buffers.len() as u64 / cluster_len * cluster_len;
            let at_once = if head == 0 && whole > 0 { whole } else { cluster_len - head };
            let (now, rest) = buffers.split_at(at_once as usize);
            if head == 0 && whole > 0 {
                self.file.write_buffers(host, now)?;
            } else {
                self.fill_around(host, start, head as usize, now, mode, below)?;
            }
            host += head + at_once;
            start += head + at_once;
            head = 0;
            buffers = rest;
        }
        Ok(())
    }

    /// Writes the new cluster at `host` for the cluster at `start` of the disk. Its first `head` bytes and
    /// the bytes after `buffers` keep their contents.
    fn fill_around(
        &self,
        host: u64,
        start: u64,
        head: usize,
        buffers: IoBuffers,
        mode: IoMode,
        below: &dyn Backing,
    ) -> io::Result<()> {
        let mut cluster = vec![0; self.cluster_len() as usize];
        let tail = head + buffers.len();
        // The last cluster of a disk may exceed the disk's end.
        let present = self.cluster_len().min(self.header.size - start) as usize;
        if let Some(before) = cluster.get_mut(..head) {
            self.read_locked(start, IoBuffers::new(&[before.into()]), mode, below)?;
        }
        if let Some(after) = cluster.get_mut(tail..present) {
            self.read_locked(start + tail as u64, IoBuffers::new(&[after.into()]), mode, below)?;
        }
        if let Some(middle) = cluster.get_mut(head..tail) {
            buffers.copy_to(middle);
        }
        self.file.write(host, &cluster)
    }

    /// Updates the tables to the new clusters, or frees the clusters if writing failed.
    fn commit(&self, clusters: &Relocation, filled: io::Result<()>) -> io::Result<()> {
        let mut tables = self.tables_to_change();
        let done = match filled {
            Ok(()) => self.remap(&mut tables, clusters),
            Err(error) => {
                let Tables { cache, refcounts, .. } = &mut *tables;
                for i in 0..clusters.to.clusters {
                    let host = clusters.to.host + (i << self.header.cluster_bits);
                    // Clusters that cannot be freed leak; the first error is returned.
                    let _ = refcounts.release(cache, &self.file, host);
                }
                Err(error)
            }
        };
        for index in clusters.first..clusters.first + clusters.to.clusters {
            tables.allocating.remove(&index);
        }
        drop(tables);
        self.notify();
        done
    }

    /// Changes the table entries to the new clusters.
    fn remap(&self, tables: &mut Tables, clusters: &Relocation) -> io::Result<()> {
        let table = self.table_to_change(tables, clusters.first)?;
        for i in 0..clusters.to.clusters {
            let index = clusters.first + i;
            let old = self.cluster(tables, index)?;
            let host = clusters.to.host + (i << self.header.cluster_bits);
            self.set_entry(tables, table, index, Cluster::owned(host))?;
            tables.freed.extend(old.host_range());
        }
        Ok(())
    }
}
