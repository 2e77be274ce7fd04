//! Flush of data and tables to the medium, and release of clusters that tables no longer reference.

use super::image::{Image, Tables};
use super::table_cache::Stage;
use std::io;

impl Image {
    /// Flushes all completed writes and the tables to the medium.
    pub fn flush(&self) -> io::Result<()> {
        let freed = self.write_tables()?;
        if let Err(error) = self.file.sync() {
            self.tables().freed.extend(freed);
            return Err(error);
        }
        self.free(&freed)
    }

    /// Writes changed tables in the safe order; returns the byte ranges that are unreferenced afterwards.
    /// Reads and in-place writes continue meanwhile.
    fn write_tables(&self) -> io::Result<Vec<(u64, u64)>> {
        let mut tables = self.tables_to_change();
        tables.cache.write_back(&self.file, Stage::Refcounts)?;
        if !tables.cache.is_dirty(Stage::Mapping) {
            return Ok(std::mem::take(&mut tables.freed));
        }
        tables.cache.flushing = true;
        drop(tables);
        let synced = self.file.sync();
        let mut tables = self.tables();
        let written = synced.and_then(|()| tables.cache.write_back(&self.file, Stage::Mapping));
        tables.cache.flushing = false;
        let freed = written.map(|()| std::mem::take(&mut tables.freed));
        drop(tables);
        self.notify();
        freed
    }

    /// Drops the references of the byte ranges `freed` and deallocates their space.
    fn free(&self, freed: &[(u64, u64)]) -> io::Result<()> {
        if freed.is_empty() {
            return Ok(());
        }
        let bits = self.header.cluster_bits;
        let _still = self.stop_moves();
        let mut tables = self.tables_to_change();
        let Tables { cache, refcounts, .. } = &mut *tables;
        let mut holes: Vec<u64> = Vec::new();
        for (host, len) in freed {
            for cluster in (host >> bits)..=((host + len - 1) >> bits) {
                match refcounts.release(cache, &self.file, cluster << bits) {
                    Ok(true) => holes.push(cluster),
                    Ok(false) => {}
                    // In a damaged image the space stays allocated; other data is not affected.
                    Err(error) => {
                        oriel_vmm_api::log_limited!(warn, %error, "room in a disk image stays taken")
                    }
                }
            }
        }
        holes.sort_unstable();
        for run in holes.chunk_by(|one, next| *next == one + 1) {
            if let Some(first) = run.first() {
                // A file system without holes keeps the space for later allocations.
                self.file.punch_hole(first << bits, (run.len() as u64) << bits)?;
            }
        }
        // The next flush writes the counts; after a crash before that, the space is leaked.
        cache.write_back(&self.file, Stage::Refcounts)
    }
}
