//! Entries of L1 and L2 tables.

use super::header::Header;
use crate::error::damaged;
use std::io;

/// This is the only reference to what the entry points to.
const COPIED: u64 = 1 << 63;
const COMPRESSED: u64 = 1 << 62;
/// Bits 9 to 55.
const OFFSET: u64 = 0x00FF_FFFF_FFFF_FE00;
/// The cluster reads as zeroes, wherever it may point (version 3).
const ZERO: u64 = 1;

/// What an L2 entry says of its cluster.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Cluster {
    /// The layer below has it.
    Unallocated,
    /// Zeroes; the room kept for it, if any.
    Zero(Option<u64>),
    /// At this offset of the file; `owned` is without a second reference.
    At { host: u64, owned: bool },
    /// Compressed, in so many bytes at most from this offset on.
    Compressed { host: u64, len: u64 },
}

impl Cluster {
    /// Reads an L2 entry.
    pub fn parse(entry: u64, header: &Header) -> io::Result<Self> {
        if entry & COMPRESSED != 0 {
            // Bits 0 to x-1 are the offset, x to 61 the number of further sectors.
            let offset_bits = 62 - (header.cluster_bits - 8);
            let host = entry & ((1 << offset_bits) - 1);
            let sectors = (entry & (COMPRESSED - 1)) >> offset_bits;
            return Ok(Self::Compressed { host, len: (sectors + 1) * 512 - host % 512 });
        }
        let host = entry & OFFSET;
        if host & (header.cluster_len() - 1) != 0 {
            return Err(damaged("a cluster does not begin where clusters do"));
        }
        Ok(match (host, entry & ZERO != 0 && header.version > 2) {
            (0, true) => Self::Zero(None),
            (_, true) => Self::Zero(Some(host)),
            (0, false) => Self::Unallocated,
            (_, false) => Self::At { host, owned: entry & COPIED != 0 },
        })
    }

    /// An entry for a cluster that nothing else refers to.
    pub fn owned(host: u64) -> u64 {
        host | COPIED
    }

    /// An entry for zeroes, with or without room kept for them.
    pub fn zero(host_range: Option<u64>) -> u64 {
        ZERO | host_range.map_or(0, Self::owned)
    }

    /// The clusters of the file that this one takes, as offset and length.
    pub fn host_range(self) -> Option<(u64, u64)> {
        match self {
            Self::Unallocated | Self::Zero(None) => None,
            Self::Zero(Some(host)) | Self::At { host, .. } => Some((host, 1)),
            Self::Compressed { host, len } => Some((host, len)),
        }
    }
}

/// Where the L2 table of an L1 entry lies, if there is one.
pub(super) fn l2_table(entry: u64, header: &Header) -> io::Result<Option<u64>> {
    match entry & OFFSET {
        0 => Ok(None),
        table if table & (header.cluster_len() - 1) != 0 => {
            Err(damaged("a table does not begin where clusters do"))
        }
        table => Ok(Some(table)),
    }
}

/// Whether an L1 entry's table may be changed in place.
pub(super) fn is_owned(entry: u64) -> bool {
    entry & COPIED != 0
}
