//! Lookup and change of the table entries of clusters.

use super::entry::{self, Cluster};
use super::image::{Image, Tables};
use super::table_cache::Stage;
use crate::error::damaged;
use std::io;

impl Image {
    /// Returns the table entry of cluster `index` of the disk.
    pub(super) fn cluster(&self, tables: &mut Tables, index: u64) -> io::Result<Cluster> {
        let Some(table) = self.table(tables, index)? else { return Ok(Cluster::Unallocated) };
        let entry = tables.cache.word(&self.file, table + self.place_in_table(index))?;
        Cluster::parse(entry, &self.header)
    }

    /// Returns the offset of the L2 table with the entry of cluster `index`; `None` if there is no table.
    pub(super) fn table(&self, tables: &mut Tables, index: u64) -> io::Result<Option<u64>> {
        let entry = tables.cache.word(&self.file, self.place_of_table(index)?)?;
        entry::l2_table(entry, &self.header)
    }

    /// Returns the offset of the L2 table of cluster `index` for a change; allocates a missing table.
    ///
    /// # Errors
    /// The host's errors, and [`io::ErrorKind::InvalidData`] for a table that is shared, as only snapshots
    /// do.
    pub(super) fn table_to_change(&self, tables: &mut Tables, index: u64) -> io::Result<u64> {
        let place = self.place_of_table(index)?;
        let entry = tables.cache.word(&self.file, place)?;
        match entry::l2_table(entry, &self.header)? {
            Some(table) if entry::is_owned(entry) => Ok(table),
            Some(_) => Err(damaged("a table is shared though there are no snapshots")),
            None => {
                let host = self.new_table(tables)?;
                tables.cache.set_word(&self.file, place, Cluster::owned(host), Stage::Mapping)?;
                Ok(host)
            }
        }
    }

    /// Changes the entry of cluster `index` in `table`.
    pub(super) fn set_entry(
        &self,
        tables: &mut Tables,
        table: u64,
        index: u64,
        entry: u64,
    ) -> io::Result<()> {
        tables.cache.set_word(&self.file, table + self.place_in_table(index), entry, Stage::Mapping)
    }

    /// Returns the number of entries of one L2 table.
    pub(super) fn table_entries(&self) -> u64 {
        self.cluster_len() / 8
    }

    /// Allocates an L2 table in which every cluster is unallocated.
    fn new_table(&self, tables: &mut Tables) -> io::Result<u64> {
        let Tables { cache, refcounts, .. } = tables;
        let run = refcounts.allocate(cache, &self.file, 1)?;
        cache.invalidate(run.host, self.cluster_len());
        // The flush that writes the L1 table syncs this write before.
        if let Err(error) = self.file.write(run.host, &vec![0; self.cluster_len() as usize]) {
            refcounts.release(cache, &self.file, run.host)?;
            return Err(error);
        }
        Ok(run.host)
    }

    /// Returns the offset in the file of the L1 entry for cluster `index`.
    fn place_of_table(&self, index: u64) -> io::Result<u64> {
        let l1_index = index / self.table_entries();
        if l1_index >= self.header.l1_entries {
            return Err(damaged("its first table is too short for the disk"));
        }
        Ok(self.header.l1_offset + l1_index * 8)
    }

    /// Returns the offset in its L2 table of the entry of cluster `index`.
    fn place_in_table(&self, index: u64) -> u64 {
        index % self.table_entries() * 8
    }
}
