//! Descriptor chain, validated completely before a device uses it.

use crate::device::GuestRam;
use virtio_queue::DescriptorChain;
use vm_memory::{Bytes, GuestAddress, GuestMemoryBackend, VolatileSlice};

/// Error of an access past the readable or writable part of a descriptor chain.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("outside of the descriptor chain")]
pub struct OutOfChain;

/// Descriptor chain whose buffers are all in guest memory: first the device-readable buffers, then the
/// device-writable ones (VIRTIO 1.2, section 2.7.4.2).
///
/// A chain must be returned by [`super::DeviceQueue::complete`]. A chain that is dropped instead stays
/// unavailable to the driver until reset.
#[must_use]
#[derive(Debug)]
pub struct Chain {
    head: u16,
    memory: GuestRam,
    readable: Segments,
    writable: Segments,
}

/// Buffers of one part of a chain, readable or writable.
#[derive(Debug, Default)]
struct Segments {
    segments: Vec<(GuestAddress, usize)>,
    len: usize,
}

impl Chain {
    /// Validates the chain `raw`; `None` for a malformed chain.
    pub(super) fn parse(raw: DescriptorChain<GuestRam>, memory: &GuestRam) -> Option<Self> {
        let head = raw.head_index();
        let mut readable = Segments::default();
        let mut writable = Segments::default();
        let mut ended = false;
        // The table's size bounds the walk; an invalid link ends it early.
        for descriptor in raw {
            ended = !descriptor.has_next();
            let segments = match (descriptor.is_write_only(), writable.segments.is_empty()) {
                (true, _) => &mut writable,
                (false, true) => &mut readable,
                (false, false) => return None,
            };
            let len = usize::try_from(descriptor.len()).ok()?;
            if !GuestMemoryBackend::check_range(&**memory, descriptor.addr(), len) {
                return None;
            }
            segments.len = segments.len.checked_add(len)?;
            segments.segments.push((descriptor.addr(), len));
        }
        ended.then(|| Self { head, memory: memory.clone(), readable, writable })
    }

    /// Returns the index of the first descriptor.
    pub(super) fn head(&self) -> u16 {
        self.head
    }

    /// Returns the length of the device-readable part in bytes.
    pub fn readable_len(&self) -> usize {
        self.readable.len
    }

    /// Returns the length of the device-writable part in bytes.
    pub fn writable_len(&self) -> usize {
        self.writable.len
    }

    /// Returns the guest address and length in bytes of each device-writable buffer, in order.
    pub fn writable_ranges(&self) -> impl Iterator<Item = (u64, u64)> {
        self.writable.segments.iter().map(|(start, len)| (start.0, *len as u64))
    }

    /// Returns memory slices of `len` bytes of the device-readable part, from byte `offset` on.
    ///
    /// # Errors
    /// When the range reaches past the readable part.
    pub fn readable_slices(&self, offset: usize, len: usize) -> Result<Vec<VolatileSlice<'_>>, OutOfChain> {
        self.readable.slices(&self.memory, offset, len)
    }

    /// Returns memory slices of `len` bytes of the device-writable part, from byte `offset` on.
    ///
    /// # Errors
    /// When the range reaches past the writable part.
    pub fn writable_slices(&self, offset: usize, len: usize) -> Result<Vec<VolatileSlice<'_>>, OutOfChain> {
        self.writable.slices(&self.memory, offset, len)
    }

    /// Copies `buf.len()` bytes of the device-readable part, from byte `offset` on, into `buf`.
    ///
    /// # Errors
    /// When the range reaches past the readable part; the contents of `buf` are then undefined.
    pub fn read(&self, offset: usize, buf: &mut [u8]) -> Result<(), OutOfChain> {
        self.readable.for_each_segment(offset, buf.len(), |address, at| {
            let piece = buf.get_mut(at.clone()).ok_or(OutOfChain)?;
            self.memory.read_slice(piece, address).map_err(|_| OutOfChain)
        })
    }

    /// Copies `bytes` into the device-writable part, from byte `offset` on.
    ///
    /// # Errors
    /// When the range reaches past the writable part; a part of `bytes` may have been written.
    pub fn write(&self, offset: usize, bytes: &[u8]) -> Result<(), OutOfChain> {
        self.writable.for_each_segment(offset, bytes.len(), |address, at| {
            let piece = bytes.get(at.clone()).ok_or(OutOfChain)?;
            self.memory.write_slice(piece, address).map_err(|_| OutOfChain)
        })
    }
}

impl Segments {
    /// Returns memory slices of `len` bytes from byte `offset` on.
    fn slices<'a>(
        &self,
        memory: &'a GuestRam,
        offset: usize,
        len: usize,
    ) -> Result<Vec<VolatileSlice<'a>>, OutOfChain> {
        let mut slices = Vec::with_capacity(self.segments.len());
        self.for_each_segment(offset, len, |address, at| {
            for slice in GuestMemoryBackend::get_slices(&**memory, address, at.len()) {
                slices.push(slice.map_err(|_| OutOfChain)?);
            }
            Ok(())
        })?;
        Ok(slices)
    }

    /// Calls `copy` for every piece of the range, with the guest address and the offset within the range.
    fn for_each_segment(
        &self,
        offset: usize,
        len: usize,
        mut copy: impl FnMut(GuestAddress, &std::ops::Range<usize>) -> Result<(), OutOfChain>,
    ) -> Result<(), OutOfChain> {
        let mut skip = offset;
        let mut done = 0;
        for &(address, segment_len) in &self.segments {
            if done == len {
                break;
            }
            if skip >= segment_len {
                skip -= segment_len;
                continue;
            }
            let count = (segment_len - skip).min(len - done);
            let start = address.0.checked_add(skip as u64).ok_or(OutOfChain)?;
            copy(GuestAddress(start), &(done..done + count))?;
            skip = 0;
            done += count;
        }
        if done == len { Ok(()) } else { Err(OutOfChain) }
    }
}
