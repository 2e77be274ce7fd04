//! Writing. Where a cluster has a place of its own the data goes there; otherwise a new place is
//! filled, with what was there before around the new data, and only then do the tables point to it.

use super::entry::Cluster;
use super::image::{Image, Tables};
use super::refcounts::Run;
use crate::pieces::{Pace, Pieces, readable};
use crate::stack::Below;
use std::io;

/// Clusters that move together: 2 MiB of the usual ones.
const MOST_CLUSTERS: u64 = 32;
/// With so many clusters waiting to be free, a flush is due whether the guest asks for one or not.
const MOST_FREED: usize = 1024;

/// Where data goes.
enum Plan {
    InPlace { host: u64, len: u64 },
    Move(Move),
}

/// Clusters of the disk, from `first` on, that get a new place.
struct Move {
    first: u64,
    to: Run,
}

impl Image {
    /// Writes `pieces` at `offset`; both lie within the disk. A write that failed may be repeated.
    pub fn write_pieces(&self, offset: u64, pieces: Pieces, pace: Pace, below: Below) -> io::Result<()> {
        if pace == Pace::Now {
            // What comes due after a write, or makes room for one, takes a while.
            return match self.is_relief_due() {
                true => Err(io::ErrorKind::WouldBlock.into()),
                false => self.write_moving(offset, pieces, pace, below),
            };
        }
        match self.write_moving(offset, pieces, pace, below) {
            Err(error) if crate::stack::is_no_space(&error) && !self.tables().freed.is_empty() => {
                self.flush()?;
                self.write_moving(offset, pieces, pace, below)
            }
            done => done,
        }?;
        self.relieve()
    }

    /// Writes `bytes` at `offset`, for as long as it takes.
    pub fn write(&self, offset: u64, bytes: &[u8], below: Below) -> io::Result<()> {
        // SAFETY: what is written to the disk is only read from.
        let slice = unsafe { readable(bytes) };
        self.write_pieces(offset, Pieces::new(&[slice]), Pace::Wait, below)
    }

    /// Frees what waits for it, if that is a lot.
    pub(super) fn relieve(&self) -> io::Result<()> {
        if self.is_relief_due() { self.flush() } else { Ok(()) }
    }

    fn is_relief_due(&self) -> bool {
        self.tables().freed.len() > MOST_FREED
    }

    fn write_moving(&self, mut offset: u64, mut pieces: Pieces, pace: Pace, below: Below) -> io::Result<()> {
        let _moving = self.move_data();
        while !pieces.is_empty() {
            let plan = self.plan(offset, pieces.len() as u64)?;
            let reach = match &plan {
                Plan::InPlace { len, .. } => *len,
                Plan::Move(clusters) => self.end_of(clusters) - offset,
            };
            let (here, rest) = pieces.split_at(reach as usize);
            match plan {
                Plan::InPlace { host, .. } => self.file.write_pieces(host, here)?,
                Plan::Move(clusters) => {
                    let filled = self.fill(&clusters, offset, here, pace, below);
                    self.conclude(&clusters, filled)?;
                }
            }
            offset += here.len() as u64;
            pieces = rest;
        }
        Ok(())
    }

    fn end_of(&self, clusters: &Move) -> u64 {
        (clusters.first + clusters.to.clusters) << self.header.cluster_bits
    }

    fn plan(&self, offset: u64, wanted: u64) -> io::Result<Plan> {
        let bits = self.header.cluster_bits;
        let first = offset >> bits;
        let mut tables = self.tables();
        loop {
            if !tables.allocating.contains(&first) {
                if let Cluster::At { host, owned: true } = self.cluster(&mut tables, first)? {
                    return self.in_place(&mut tables, host, offset, wanted);
                }
                if !tables.pages.flushing {
                    break;
                }
            }
            tables = self.wait(tables);
        }
        self.table_to_change(&mut tables, first)?;
        let end = (offset + wanted).div_ceil(1 << bits);
        let end_of_table = (first / self.table_entries() + 1) * self.table_entries();
        let most = (end.min(end_of_table) - first).min(MOST_CLUSTERS);
        let mut count = 1;
        while count < most && self.moves(&mut tables, first + count)? {
            count += 1;
        }
        let Tables { pages, refcounts, allocating, .. } = &mut *tables;
        let to = refcounts.allocate(pages, &self.file, count)?;
        allocating.extend(first..first + to.clusters);
        Ok(Plan::Move(Move { first, to }))
    }

    /// Whether a write to cluster `index` needs a new place for it, and nobody is at it yet.
    fn moves(&self, tables: &mut Tables, index: u64) -> io::Result<bool> {
        let in_place = matches!(self.cluster(tables, index)?, Cluster::At { owned: true, .. });
        Ok(!in_place && !tables.allocating.contains(&index))
    }

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

    /// Fills the new places with `pieces`, which begin at `offset` in the first of the clusters and
    /// end in the last, and around them with what the disk holds there now.
    fn fill(
        &self,
        clusters: &Move,
        offset: u64,
        mut pieces: Pieces,
        pace: Pace,
        below: Below,
    ) -> io::Result<()> {
        let cluster_len = self.cluster_len();
        let mut host = clusters.to.host;
        let mut start = clusters.first << self.header.cluster_bits;
        let mut head = offset - start;
        while !pieces.is_empty() {
            let whole = pieces.len() as u64 / cluster_len * cluster_len;
            let at_once = if head == 0 && whole > 0 { whole } else { cluster_len - head };
            let (now, rest) = pieces.split_at(at_once as usize);
            if head == 0 && whole > 0 {
                self.file.write_pieces(host, now)?;
            } else {
                self.fill_around(host, start, head as usize, now, pace, below)?;
            }
            host += head + at_once;
            start += head + at_once;
            head = 0;
            pieces = rest;
        }
        Ok(())
    }

    /// Fills one new place at `host` for the cluster at `start` of the disk, of which the first
    /// `head` bytes stay as they are, and so does what comes behind `pieces`.
    fn fill_around(
        &self,
        host: u64,
        start: u64,
        head: usize,
        pieces: Pieces,
        pace: Pace,
        below: Below,
    ) -> io::Result<()> {
        let mut cluster = vec![0; self.cluster_len() as usize];
        let tail = head + pieces.len();
        // The last cluster of a disk may reach past its end.
        let present = self.cluster_len().min(self.header.size - start) as usize;
        if let Some(before) = cluster.get_mut(..head) {
            self.read_moving(start, Pieces::new(&[before.into()]), pace, below)?;
        }
        if let Some(after) = cluster.get_mut(tail..present) {
            self.read_moving(start + tail as u64, Pieces::new(&[after.into()]), pace, below)?;
        }
        if let Some(middle) = cluster.get_mut(head..tail) {
            pieces.copy_to(middle);
        }
        self.file.write(host, &cluster)
    }

    /// Points the tables to the new places, or gives those back if they could not be filled.
    fn conclude(&self, clusters: &Move, filled: io::Result<()>) -> io::Result<()> {
        let mut tables = self.tables_to_change();
        let done = match filled {
            Ok(()) => self.adopt(&mut tables, clusters),
            Err(error) => {
                let Tables { pages, refcounts, .. } = &mut *tables;
                for i in 0..clusters.to.clusters {
                    let host = clusters.to.host + (i << self.header.cluster_bits);
                    // What cannot be given back leaks; the first error is the one to tell.
                    let _ = refcounts.release(pages, &self.file, host);
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

    fn adopt(&self, tables: &mut Tables, clusters: &Move) -> io::Result<()> {
        let table = self.table_to_change(tables, clusters.first)?;
        for i in 0..clusters.to.clusters {
            let index = clusters.first + i;
            let old = self.cluster(tables, index)?;
            let host = clusters.to.host + (i << self.header.cluster_bits);
            self.set_entry(tables, table, index, Cluster::owned(host))?;
            tables.freed.extend(old.room());
        }
        Ok(())
    }
}
