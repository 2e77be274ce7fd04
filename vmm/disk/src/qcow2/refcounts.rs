//! Allocation of clusters by reference counts. Only for 16-bit reference counts: no other images are
//! written.

use super::header::Header;
use super::table_cache::{Stage, TableCache};
use crate::error::damaged;
use crate::file::ImageFile;
use std::io;

/// Bits 9 to 63 of an entry of the refcount table: the offset of a refcount block.
const BLOCK_OFFSET: u64 = !0x1FF;
/// More than what is ever allocated and still being written.
const MAX_UNWRITTEN: u64 = 1 << 30;

/// Allocator of the file's clusters.
pub(super) struct Refcounts {
    table: u64,
    blocks: u64,
    cluster_bits: u32,
    /// Cluster before which no cluster is free.
    hint: u64,
}

/// Contiguous clusters of the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Run {
    pub host: u64,
    pub clusters: u64,
}

impl Refcounts {
    pub fn new(header: &Header) -> Self {
        let blocks = (header.refcount_table_clusters << header.cluster_bits) / 8;
        Self { table: header.refcount_table_offset, blocks, cluster_bits: header.cluster_bits, hint: 0 }
    }

    /// Allocates 1 to `most` contiguous clusters with undefined contents.
    pub fn allocate(&mut self, cache: &mut TableCache, file: &ImageFile, most: u64) -> io::Result<Run> {
        let first = self.find_free(cache, file)?;
        let mut clusters = 0;
        while clusters < most {
            let Some(place) = self.place(cache, file, first + clusters)? else { break };
            if cache.half_word(file, place)? != 0 {
                break;
            }
            cache.set_half_word(file, place, 1)?;
            clusters += 1;
        }
        self.hint = first + clusters;
        Ok(Run { host: first << self.cluster_bits, clusters })
    }

    /// Drops one reference to the cluster at offset `host`; returns whether it was the last.
    pub fn release(&mut self, cache: &mut TableCache, file: &ImageFile, host: u64) -> io::Result<bool> {
        let cluster = host >> self.cluster_bits;
        let unused = || damaged("a cluster that is in use is not counted as such");
        let place = self.place(cache, file, cluster)?.ok_or_else(unused)?;
        let left = cache.half_word(file, place)?.checked_sub(1).ok_or_else(unused)?;
        cache.set_half_word(file, place, left)?;
        if left == 0 {
            self.hint = self.hint.min(cluster);
        }
        Ok(left == 0)
    }

    /// First free cluster of the existing refcount blocks.
    fn find_free(&mut self, cache: &mut TableCache, file: &ImageFile) -> io::Result<u64> {
        let mut cluster = self.hint;
        // Counts of clusters far behind the file's end would keep the search going for hours.
        let last = file.len()?.saturating_add(MAX_UNWRITTEN) >> self.cluster_bits;
        loop {
            if cluster > last {
                return Err(damaged("clusters behind the end of the file are counted as in use"));
            }
            match self.place(cache, file, cluster)? {
                Some(place) if cache.half_word(file, place)? == 0 => return Ok(cluster),
                Some(_) => cluster += 1,
                None => {
                    self.add_block(cache, file, cluster)?;
                    cluster += 1;
                }
            }
            self.hint = cluster;
        }
    }

    /// Offset of the reference count of `cluster`; `None` if its refcount block does not exist.
    fn place(&self, cache: &mut TableCache, file: &ImageFile, cluster: u64) -> io::Result<Option<u64>> {
        let in_block = self.block_bits();
        let index = cluster >> in_block;
        if index >= self.blocks {
            return Ok(None);
        }
        let block = cache.word(file, self.table + index * 8)? & BLOCK_OFFSET;
        if !block.is_multiple_of(1 << self.cluster_bits) || block > i64::MAX as u64 {
            return Err(damaged("a block of reference counts does not begin where clusters do"));
        }
        Ok((block != 0).then(|| block + (cluster & ((1 << in_block) - 1)) * 2))
    }

    /// Makes `cluster` the refcount block that counts itself.
    fn add_block(&self, cache: &mut TableCache, file: &ImageFile, cluster: u64) -> io::Result<()> {
        let in_block = self.block_bits();
        let index = cluster >> in_block;
        if index >= self.blocks {
            // Nothing that the guest does mends this, nor room on the host.
            return Err(io::Error::new(
                io::ErrorKind::FileTooLarge,
                "the image's table of reference counts is full",
            ));
        }
        let host = cluster << self.cluster_bits;
        let mut block = vec![0; 1 << self.cluster_bits];
        let own = ((cluster & ((1 << in_block) - 1)) * 2) as usize;
        if let Some(count) = block.get_mut(own..).and_then(|rest| rest.first_chunk_mut()) {
            *count = 1u16.to_be_bytes();
        }
        cache.invalidate(host, 1 << self.cluster_bits);
        file.write(host, &block)?;
        // The table must never point to a block that is not there.
        file.sync()?;
        cache.set_word(file, self.table + index * 8, host, Stage::Refcounts)
    }

    /// Binary logarithm of the number of clusters that a refcount block counts.
    fn block_bits(&self) -> u32 {
        self.cluster_bits - 1
    }
}
