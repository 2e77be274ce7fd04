//! Entries of L1 and L2 tables.

use super::header::Header;
use crate::error::damaged;
use std::io;

/// Flag QCOW_OFLAG_COPIED of an entry: the reference count is exactly one.
const COPIED: u64 = 1 << 63;
/// Flag QCOW_OFLAG_COMPRESSED of an L2 entry.
const COMPRESSED: u64 = 1 << 62;
/// Mask of the host offset in an entry, bits 9 to 55.
const OFFSET: u64 = 0x00FF_FFFF_FFFF_FE00;
/// Flag of an L2 entry whose cluster reads as zeroes, with or without a host offset (version 3).
const ZERO: u64 = 1;

/// Location of a cluster of the disk, parsed from an L2 entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Cluster {
    /// The cluster is not allocated; the backing image has its contents.
    Unallocated,
    /// The cluster reads as zeroes. The value is the host offset of the preallocated cluster, if any.
    Zero(Option<u64>),
    /// The cluster is at offset `host` of the file; `owned` if its reference count is one.
    At { host: u64, owned: bool },
    /// The cluster is compressed, in at most `len` bytes from offset `host` of the file on.
    Compressed { host: u64, len: u64 },
}

impl Cluster {
    /// Parses an L2 entry.
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

    /// Returns the L2 entry of a plain cluster with one reference.
    pub fn owned(host: u64) -> u64 {
        host | COPIED
    }

    /// Returns the L2 entry of a zero cluster, with or without a preallocated cluster.
    pub fn zero(host_range: Option<u64>) -> u64 {
        ZERO | host_range.map_or(0, Self::owned)
    }

    /// Returns the byte range of the file that the entry references, as offset and length. For an
    /// uncompressed cluster the length is 1, which stands for the whole cluster.
    pub fn host_range(self) -> Option<(u64, u64)> {
        match self {
            Self::Unallocated | Self::Zero(None) => None,
            Self::Zero(Some(host)) | Self::At { host, .. } => Some((host, 1)),
            Self::Compressed { host, len } => Some((host, len)),
        }
    }
}

/// Returns the offset of the L2 table of an L1 entry; `None` if there is no table.
pub(super) fn l2_table(entry: u64, header: &Header) -> io::Result<Option<u64>> {
    match entry & OFFSET {
        0 => Ok(None),
        table if table & (header.cluster_len() - 1) != 0 => {
            Err(damaged("a table does not begin where clusters do"))
        }
        table => Ok(Some(table)),
    }
}

/// Whether the table of an L1 entry has one reference, so that it may be changed in place.
pub(super) fn is_owned(entry: u64) -> bool {
    entry & COPIED != 0
}
