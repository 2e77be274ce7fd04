//! Allocation of clusters by reference counts of 16 bits; images with other widths are not written.

use super::header::Header;
use super::table_cache::{Stage, TableCache};
use crate::error::damaged;
use crate::file::ImageFile;
use std::io;

/// Mask of the refcount block's offset in an entry of the refcount table, bits 9 to 63.
const BLOCK_OFFSET: u64 = !0x1FF;
/// Maximum distance in bytes beyond the file's end at which free clusters are searched, more than are ever
/// allocated and not yet written.
const MAX_UNWRITTEN: u64 = 1 << 30;

/// Allocator of the file's clusters.
pub(super) struct Refcounts {
    table: u64,
    blocks: u64,
    cluster_bits: u32,
    /// Number of a cluster before which no cluster is free.
    hint: u64,
}

/// Contiguous clusters of the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Run {
    /// Offset of the first cluster in the file.
    pub host: u64,
    /// Number of clusters.
    pub clusters: u64,
}

impl Refcounts {
    /// Creates the allocator of an image with the header `header`.
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

    /// Returns the number of the first free cluster in the existing refcount blocks.
    fn find_free(&mut self, cache: &mut TableCache, file: &ImageFile) -> io::Result<u64> {
        let mut cluster = self.hint;
        // A search through counts far beyond the file's end could take hours.
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

    /// Returns the offset of the reference count of `cluster`; `None` if its refcount block does not exist.
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

    /// Initialises `cluster` as the refcount block that counts itself.
    fn add_block(&self, cache: &mut TableCache, file: &ImageFile, cluster: u64) -> io::Result<()> {
        let in_block = self.block_bits();
        let index = cluster >> in_block;
        if index >= self.blocks {
            // Neither the guest nor more space on the host can repair this.
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
        // The table must never point to a block that is not written.
        file.sync()?;
        cache.set_word(file, self.table + index * 8, host, Stage::Refcounts)
    }

    /// Returns the binary logarithm of the number of reference counts in a block.
    fn block_bits(&self) -> u32 {
        self.cluster_bits - 1
    }
}
