//! Parser of block requests (VIRTIO 1.2, section 5.2.6).

use crate::fields::Fields;
use crate::queue::Chain;
use oriel_disk::SECTOR_LEN;
use std::ops::Range;
use virtio_bindings::virtio_blk::{
    VIRTIO_BLK_T_DISCARD, VIRTIO_BLK_T_FLUSH, VIRTIO_BLK_T_GET_ID, VIRTIO_BLK_T_IN, VIRTIO_BLK_T_OUT,
    VIRTIO_BLK_T_WRITE_ZEROES, VIRTIO_BLK_WRITE_ZEROES_FLAG_UNMAP,
};

/// Size of the header of `struct virtio_blk_req` in bytes: the fields before the data.
pub const HEADER_LEN: usize = 16;
/// Size of `struct virtio_blk_discard_write_zeroes` in bytes.
const RANGE_LEN: usize = 16;
/// Maximum number of ranges in a discard or write-zeroes request.
pub const MAX_RANGES: usize = 32;
/// Maximum number of sectors in a range (1 GiB).
pub const MAX_RANGE_SECTORS: u32 = 1 << 21;

/// Parsed block request; all byte ranges lie within the disk.
#[derive(Debug, PartialEq, Eq)]
pub enum Request {
    /// Byte range to read into the chain's device-writable part (VIRTIO_BLK_T_IN).
    Read(Range<u64>),
    /// Byte range to write from the device-readable part behind the header (VIRTIO_BLK_T_OUT).
    Write(Range<u64>),
    /// Flush of completed writes to the medium (VIRTIO_BLK_T_FLUSH).
    Flush,
    /// Read of the serial number (VIRTIO_BLK_T_GET_ID).
    GetId,
    /// Byte ranges whose contents the guest does not need any more (VIRTIO_BLK_T_DISCARD).
    Discard(Vec<Range<u64>>),
    /// Ranges that read as zeroes afterwards (VIRTIO_BLK_T_WRITE_ZEROES).
    WriteZeroes(Vec<ZeroRange>),
}

/// Segment of a write-zeroes request.
#[derive(Debug, PartialEq, Eq)]
pub struct ZeroRange {
    /// Byte range on the disk.
    pub bytes: Range<u64>,
    /// Whether the host may deallocate the range (VIRTIO_BLK_WRITE_ZEROES_FLAG_UNMAP).
    pub may_unmap: bool,
}

/// Error of a request that is refused before the disk is touched.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RequestError {
    /// The request is out of bounds, not in whole sectors, or writes to a read-only disk: answered with
    /// VIRTIO_BLK_S_IOERR.
    Invalid,
    /// The request has a type or flag that the device does not offer: answered with
    /// VIRTIO_BLK_S_UNSUPP.
    Unsupported,
}

impl Request {
    /// Returns the number of data bytes that the request copies between guest and disk.
    pub fn bytes_moved(&self) -> u64 {
        match self {
            Self::Read(range) | Self::Write(range) => range.end - range.start,
            Self::Flush | Self::GetId | Self::Discard(_) | Self::WriteZeroes(_) => 0,
        }
    }

    /// Whether the request may block on the host's disk even when all data is in the page cache.
    pub fn may_block(&self) -> bool {
        !matches!(self, Self::Read(_) | Self::GetId)
    }

    /// Parses the request in `chain`; `None` without a whole header or a byte for the status.
    pub fn parse(chain: &Chain, sectors: u64, read_only: bool) -> Option<Result<Self, RequestError>> {
        let data_out = chain.readable_len().checked_sub(HEADER_LEN)?;
        let data_in = chain.writable_len().checked_sub(1)?;
        let mut header = [0; HEADER_LEN];
        chain.read(0, &mut header).ok()?;
        let mut fields = Fields(&header);
        let kind = fields.u32()?;
        let _priority = fields.u32()?;
        let sector = fields.u64()?;
        let disk = Bounds { sectors };
        Some(match kind {
            VIRTIO_BLK_T_IN => disk.span(sector, data_in).map(Self::Read),
            VIRTIO_BLK_T_FLUSH => Ok(Self::Flush),
            VIRTIO_BLK_T_GET_ID => Ok(Self::GetId),
            VIRTIO_BLK_T_OUT | VIRTIO_BLK_T_DISCARD | VIRTIO_BLK_T_WRITE_ZEROES if read_only => {
                Err(RequestError::Invalid)
            }
            VIRTIO_BLK_T_OUT => disk.span(sector, data_out).map(Self::Write),
            VIRTIO_BLK_T_DISCARD => disk.discard_ranges(chain, data_out).map(Self::Discard),
            VIRTIO_BLK_T_WRITE_ZEROES => disk.zero_ranges(chain, data_out).map(Self::WriteZeroes),
            _ => Err(RequestError::Unsupported),
        })
    }
}

/// Size of the disk that requests are validated against.
#[derive(Clone, Copy)]
struct Bounds {
    sectors: u64,
}

impl Bounds {
    /// Returns the byte range of `len` bytes from `sector` on, if these are whole sectors within the disk.
    fn span(self, sector: u64, len: usize) -> Result<Range<u64>, RequestError> {
        let len = len as u64;
        let count = len / SECTOR_LEN;
        let inside = sector.checked_add(count).is_some_and(|end| end <= self.sectors);
        if !inside || !len.is_multiple_of(SECTOR_LEN) {
            return Err(RequestError::Invalid);
        }
        // The disk's length in bytes is a file length, so these products do not overflow.
        let start = sector * SECTOR_LEN;
        Ok(start..start + len)
    }

    /// Parses the ranges of a discard request, which has no flags.
    fn discard_ranges(self, chain: &Chain, len: usize) -> Result<Vec<Range<u64>>, RequestError> {
        self.ranges(chain, len, 0).map(|ranges| ranges.into_iter().map(|(bytes, _)| bytes).collect())
    }

    /// Parses the ranges of a write-zeroes request.
    fn zero_ranges(self, chain: &Chain, len: usize) -> Result<Vec<ZeroRange>, RequestError> {
        let ranges = self.ranges(chain, len, VIRTIO_BLK_WRITE_ZEROES_FLAG_UNMAP)?;
        let zero = |(bytes, flags)| ZeroRange { bytes, may_unmap: flags != 0 };
        Ok(ranges.into_iter().map(zero).collect())
    }

    /// Parses the ranges of a request with their flags, of which only `known` are allowed.
    fn ranges(self, chain: &Chain, len: usize, known: u32) -> Result<Vec<(Range<u64>, u32)>, RequestError> {
        let count = len / RANGE_LEN;
        if count == 0 || count > MAX_RANGES || !len.is_multiple_of(RANGE_LEN) {
            return Err(RequestError::Invalid);
        }
        (0..count).map(|i| self.range(chain, HEADER_LEN + i * RANGE_LEN, known)).collect()
    }

    /// Parses the range at byte `at` of the chain.
    fn range(self, chain: &Chain, at: usize, known: u32) -> Result<(Range<u64>, u32), RequestError> {
        let mut bytes = [0; RANGE_LEN];
        chain.read(at, &mut bytes).map_err(|_| RequestError::Invalid)?;
        let mut fields = Fields(&bytes);
        let (Some(sector), Some(count), Some(flags)) = (fields.u64(), fields.u32(), fields.u32()) else {
            return Err(RequestError::Invalid);
        };
        if flags & !known != 0 {
            return Err(RequestError::Unsupported);
        }
        if count > MAX_RANGE_SECTORS {
            return Err(RequestError::Invalid);
        }
        Ok((self.span(sector, count as usize * SECTOR_LEN as usize)?, flags))
    }
}
