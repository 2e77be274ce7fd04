//! Cache of an image's tables in memory.
//!
//! All tables are accessed through one cache of 4 KiB pages of the file, so the memory of an image does not
//! depend on the sizes in its header.

use crate::error::damaged;
use crate::file::ImageFile;
use std::collections::HashMap;
use std::io;

/// Size of a page in bytes.
const PAGE: usize = 4096;
/// Maximum number of cached pages; 1 MiB of L2 entries maps 8 GiB of disk.
const MAX_PAGES: usize = 256;

/// Stage of a flush in which a changed page may be written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stage {
    /// Pages of reference counts, which may be written at any time.
    Refcounts,
    /// Pages of L1 and L2 tables, written once the reference counts of their clusters are on the medium.
    Mapping,
}

/// Cached page.
struct Page {
    bytes: Box<[u8; PAGE]>,
    dirty: Option<Stage>,
    last_used: u64,
}

/// Write-back cache of table pages.
#[derive(Default)]
pub(super) struct TableCache {
    pages: HashMap<u64, Page>,
    clock: u64,
    /// Whether a flush is between its two stages, in which mapping pages must not change.
    pub flushing: bool,
}

impl TableCache {
    /// Returns the big-endian 64-bit word at `offset`, which is a multiple of 8.
    pub fn word(&mut self, file: &ImageFile, offset: u64) -> io::Result<u64> {
        self.read(file, offset).map(u64::from_be_bytes)
    }

    /// Returns the big-endian 16-bit value at `offset`, which is a multiple of 2.
    pub fn half_word(&mut self, file: &ImageFile, offset: u64) -> io::Result<u16> {
        self.read(file, offset).map(u16::from_be_bytes)
    }

    /// Changes the 64-bit word at `offset`.
    pub fn set_word(&mut self, file: &ImageFile, offset: u64, value: u64, stage: Stage) -> io::Result<()> {
        self.write(file, offset, value.to_be_bytes(), stage)
    }

    /// Changes the 16-bit value at `offset`.
    pub fn set_half_word(&mut self, file: &ImageFile, offset: u64, value: u16) -> io::Result<()> {
        self.write(file, offset, value.to_be_bytes(), Stage::Refcounts)
    }

    /// Whether a changed page of this stage is not written yet.
    pub fn is_dirty(&self, stage: Stage) -> bool {
        self.pages.values().any(|page| page.dirty == Some(stage))
    }

    /// Writes the changed pages of one stage to the file, by ascending offset.
    pub fn write_back(&mut self, file: &ImageFile, stage: Stage) -> io::Result<()> {
        let mut dirty: Vec<_> = self.pages.iter_mut().filter(|(_, page)| page.dirty == Some(stage)).collect();
        dirty.sort_unstable_by_key(|(at, _)| **at);
        for (at, page) in dirty {
            file.write(*at, &page.bytes[..])?;
            page.dirty = None;
        }
        Ok(())
    }

    /// Drops cached pages of a byte range that was written around the cache.
    pub fn invalidate(&mut self, offset: u64, len: u64) {
        self.pages.retain(|at, _| !(offset..offset.saturating_add(len)).contains(at));
    }

    /// Reads `N` bytes at `offset`.
    fn read<const N: usize>(&mut self, file: &ImageFile, offset: u64) -> io::Result<[u8; N]> {
        let (at, within) = split(offset);
        if !self.load(file, at)? {
            // No page can be evicted now, so this read bypasses the cache.
            let mut bytes = [0; N];
            file.read(offset, &mut bytes)?;
            return Ok(bytes);
        }
        let page = self.pages.get(&at).and_then(|page| page.bytes.get(within..)?.first_chunk());
        page.copied().ok_or_else(misplaced)
    }

    /// Changes `N` bytes at `offset`.
    fn write<const N: usize>(
        &mut self,
        file: &ImageFile,
        offset: u64,
        value: [u8; N],
        stage: Stage,
    ) -> io::Result<()> {
        let (at, within) = split(offset);
        if !self.load(file, at)? {
            return Err(io::Error::other("tables were changed during a flush"));
        }
        let page = self.pages.get_mut(&at).ok_or_else(misplaced)?;
        let place = page.bytes.get_mut(within..).and_then(|rest| rest.first_chunk_mut());
        *place.ok_or_else(misplaced)? = value;
        // A page of a damaged image may have both types of tables; the later stage is safe for both.
        page.dirty = Some(if page.dirty == Some(Stage::Mapping) { Stage::Mapping } else { stage });
        Ok(())
    }

    /// Loads the page at offset `at`; false if the cache has no free page until a flush has ended.
    fn load(&mut self, file: &ImageFile, at: u64) -> io::Result<bool> {
        self.clock += 1;
        if let Some(page) = self.pages.get_mut(&at) {
            page.last_used = self.clock;
            return Ok(true);
        }
        if self.pages.len() >= MAX_PAGES && !self.evict(file)? {
            return Ok(false);
        }
        let mut bytes = Box::new([0; PAGE]);
        file.read(at, &mut bytes[..])?;
        self.pages.insert(at, Page { bytes, dirty: None, last_used: self.clock });
        Ok(true)
    }

    /// Evicts the least recently used clean page; writes pages back if there is none.
    fn evict(&mut self, file: &ImageFile) -> io::Result<bool> {
        if self.oldest_clean().is_none() {
            if self.flushing {
                return Ok(false);
            }
            self.write_back(file, Stage::Refcounts)?;
            if self.oldest_clean().is_none() {
                file.sync()?;
                self.write_back(file, Stage::Mapping)?;
            }
        }
        let oldest = self.oldest_clean();
        Ok(oldest.is_some_and(|at| self.pages.remove(&at).is_some()))
    }

    /// Returns the offset of the least recently used clean page.
    fn oldest_clean(&self) -> Option<u64> {
        let clean = self.pages.iter().filter(|(_, page)| page.dirty.is_none());
        clean.min_by_key(|(_, page)| page.last_used).map(|(at, _)| *at)
    }
}

/// Splits an offset into the offset of its page and the offset within the page.
fn split(offset: u64) -> (u64, usize) {
    let within = offset % PAGE as u64;
    (offset - within, within as usize)
}

/// Creates the error of an unaligned access.
fn misplaced() -> io::Error {
    damaged("a table entry does not lie where entries do")
}
