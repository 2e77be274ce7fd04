//! Backing of a resource: a scatter list of ranges in guest memory.

use super::wire::{ENTRY_LEN, GpuError};
use crate::device::GuestRam;
use crate::fields::Fields;
use crate::queue::Chain;
use vm_memory::{Bytes, GuestAddress, GuestMemoryBackend};

/// Maximum number of entries of one resource: the pages of a framebuffer of four screens of 4096x2160 pixels,
/// which X draws as one.
pub const MAX_ENTRIES: u32 = 34560;
/// Number of entries read from a chain at a time.
const BATCH: usize = 256;

/// Scatter list of ranges that are all within guest memory; adjacent ranges are joined.
#[derive(Debug, Default)]
pub struct Backing {
    segments: Vec<Segment>,
    len: u64,
}

/// Contiguous range of guest memory.
#[derive(Debug, Clone, Copy)]
struct Segment {
    /// Offset of the segment's first byte within the resource.
    offset: u64,
    address: u64,
    len: u64,
}

impl Backing {
    /// Parses `count` entries (`struct virtio_gpu_mem_entry`) at byte `offset` of a request.
    ///
    /// # Errors
    /// When there are too many entries, or one lies outside of guest memory or of the request.
    pub fn parse(memory: &GuestRam, chain: &Chain, offset: usize, count: u32) -> Result<Self, GpuError> {
        if count > MAX_ENTRIES {
            return Err(GpuError::InvalidParameter);
        }
        let mut backing = Self::default();
        let mut at = offset;
        let mut left = count as usize;
        let mut batch = [0; BATCH * ENTRY_LEN];
        while left > 0 {
            let entries = left.min(BATCH);
            let bytes = batch.get_mut(..entries * ENTRY_LEN).unwrap_or_default();
            chain.read(at, bytes).map_err(|_| GpuError::InvalidParameter)?;
            for entry in bytes.as_chunks::<ENTRY_LEN>().0 {
                backing.push(memory, entry).ok_or(GpuError::InvalidParameter)?;
            }
            at += bytes.len();
            left -= entries;
        }
        backing.segments.shrink_to_fit();
        Ok(backing)
    }

    /// Appends an entry of the request; `None` if it is outside of guest memory.
    fn push(&mut self, memory: &GuestRam, entry: &[u8; ENTRY_LEN]) -> Option<()> {
        let mut fields = Fields(entry);
        let address = fields.u64()?;
        let len = fields.u32()?;
        if !GuestMemoryBackend::check_range(&**memory, GuestAddress(address), usize::try_from(len).ok()?) {
            return None;
        }
        let len = u64::from(len);
        match self.segments.last_mut() {
            Some(last) if last.address.checked_add(last.len) == Some(address) => last.len += len,
            _ if len == 0 => {}
            _ => self.segments.push(Segment { offset: self.len, address, len }),
        }
        self.len = self.len.checked_add(len)?;
        Some(())
    }

    /// Returns the length of the backing in bytes.
    pub fn len(&self) -> u64 {
        self.len
    }

    /// Returns the number of segments, each of which uses 24 bytes of the host.
    pub fn segments(&self) -> usize {
        self.segments.len()
    }

    /// Copies bytes from `offset` on into `dst`; `None` if the range exceeds the backing.
    pub fn read(&self, memory: &GuestRam, offset: u64, dst: &mut [u8]) -> Option<()> {
        let behind = self.segments.partition_point(|segment| segment.offset <= offset);
        let mut segments = self.segments.get(behind.checked_sub(1)?..)?.iter();
        let mut offset = offset;
        let mut dst = dst;
        while !dst.is_empty() {
            let segment = segments.next()?;
            let skip = offset.checked_sub(segment.offset)?;
            let here = usize::try_from(segment.len.checked_sub(skip)?).ok()?.min(dst.len());
            let (now, rest) = dst.split_at_mut_checked(here)?;
            memory.read_slice(now, GuestAddress(segment.address.checked_add(skip)?)).ok()?;
            offset += here as u64;
            dst = rest;
        }
        Some(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::queue::test_driver::ram;

    fn entry(address: u64, len: u32) -> [u8; ENTRY_LEN] {
        let mut bytes = [0; ENTRY_LEN];
        bytes[..8].copy_from_slice(&address.to_le_bytes());
        bytes[8..12].copy_from_slice(&len.to_le_bytes());
        bytes
    }

    #[test]
    fn reads_across_scattered_pieces() {
        let memory = ram(1);
        memory.write_slice(b"world", GuestAddress(0x100)).unwrap();
        memory.write_slice(b"hello ", GuestAddress(0x900)).unwrap();
        let mut backing = Backing::default();
        for (address, len) in [(0x900, 3), (0x903, 3), (0x500, 0), (0x100, 5)] {
            backing.push(&memory, &entry(address, len)).unwrap();
        }
        assert_eq!((backing.len(), backing.segments()), (11, 2));
        let mut whole = [0; 11];
        backing.read(&memory, 0, &mut whole).unwrap();
        assert_eq!(&whole, b"hello world");
        let mut middle = [0; 4];
        backing.read(&memory, 4, &mut middle).unwrap();
        assert_eq!(&middle, b"o wo");
        assert_eq!(backing.read(&memory, 8, &mut middle), None);
        assert_eq!(backing.read(&memory, u64::MAX, &mut middle), None);
        assert_eq!(Backing::default().read(&memory, 0, &mut middle), None);
    }

    #[test]
    fn pieces_outside_of_memory_are_refused() {
        let memory = ram(1);
        let mut backing = Backing::default();
        assert_eq!(backing.push(&memory, &entry(0xF_FFFF, 2)), None);
        assert_eq!(backing.push(&memory, &entry(u64::MAX, u32::MAX)), None);
    }
}
