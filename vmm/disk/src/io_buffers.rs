//! Scatter-gather lists of memory, into which a range of a disk is read or from which it is written.

use vm_memory::VolatileSlice;

/// Scatter-gather list of volatile memory, which a guest may change at any time.
#[derive(Clone, Copy)]
pub struct IoBuffers<'a> {
    slices: &'a [VolatileSlice<'a>],
    /// Number of bytes of the first slice that do not belong to the list any more.
    skip: usize,
    len: usize,
}

/// Whether an operation may block.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum IoMode {
    /// The operation fails with [`std::io::ErrorKind::WouldBlock`] instead of waiting for a disk.
    NoWait,
    /// The operation blocks until completion.
    Blocking,
}

impl<'a> IoBuffers<'a> {
    /// Creates a list of all bytes of `slices`.
    pub fn new(slices: &'a [VolatileSlice<'a>]) -> Self {
        let len = slices.iter().map(VolatileSlice::len).fold(0, usize::saturating_add);
        Self { slices, skip: 0, len }
    }

    /// Returns the number of bytes in the list.
    pub fn len(self) -> usize {
        self.len
    }

    /// Whether the list has no bytes.
    pub fn is_empty(self) -> bool {
        self.len == 0
    }

    /// Splits the list after its first `count` bytes, or at its end.
    pub fn split_at(self, count: usize) -> (Self, Self) {
        let count = count.min(self.len);
        let mut rest = Self { len: self.len - count, skip: self.skip.saturating_add(count), ..self };
        while let Some((first, others)) = rest.slices.split_first().filter(|(s, _)| s.len() <= rest.skip) {
            rest.skip -= first.len();
            rest.slices = others;
        }
        (Self { len: count, ..self }, rest)
    }

    /// Fills the list with zeroes.
    pub fn fill_zero(self) {
        const ZEROES: [u8; 4096] = [0; 4096];
        self.each(|slice| {
            let mut left = *slice;
            while !left.is_empty() {
                left.copy_from(&ZEROES);
                left = left.offset(left.len().min(ZEROES.len())).unwrap_or(left);
            }
        });
    }

    /// Copies `bytes` into the list, up to the shorter length.
    pub fn copy_from(self, mut bytes: &[u8]) {
        self.each(|slice| {
            slice.copy_from(bytes);
            bytes = bytes.get(slice.len()..).unwrap_or_default();
        });
    }

    /// Copies the list into `bytes`, up to the shorter length.
    pub fn copy_to(self, bytes: &mut [u8]) {
        let mut at = 0;
        self.each(|slice| at += slice.copy_to(bytes.get_mut(at..).unwrap_or_default()));
    }

    /// Returns the first I/O vectors of the list, as many as one system call takes. The pointers are valid
    /// for `'a`; only the kernel and volatile accesses may use the pointers.
    pub(crate) fn iovecs(self) -> Vec<libc::iovec> {
        let mut iovecs = Vec::with_capacity(self.slices.len().min(MAX_IOVECS));
        self.each(|slice| {
            if iovecs.len() < MAX_IOVECS {
                let iov_base = slice.ptr_guard_mut().as_ptr().cast();
                iovecs.push(libc::iovec { iov_base, iov_len: slice.len() });
            }
        });
        iovecs
    }

    /// Calls `act` with each slice of the list.
    fn each(self, mut act: impl FnMut(&VolatileSlice<'a>)) {
        let (mut skip, mut left) = (self.skip, self.len);
        for slice in self.slices {
            let count = slice.len().saturating_sub(skip).min(left);
            if let Ok(part) = slice.subslice(skip, count)
                && count > 0
            {
                act(&part);
            }
            skip = 0;
            left -= count;
            if left == 0 {
                break;
            }
        }
    }
}

/// Maximum number of vectors of one system call on Linux (`UIO_MAXIOV`).
const MAX_IOVECS: usize = 1024;

/// Creates a volatile slice of `bytes`, for [`IoBuffers`] that are only read.
///
/// # Safety
/// The returned slice must not be written.
pub(crate) unsafe fn readable(bytes: &[u8]) -> VolatileSlice<'_> {
    // SAFETY: the bytes live as long as the slice, and the caller does not write to them.
    unsafe { VolatileSlice::new(bytes.as_ptr().cast_mut(), bytes.len()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_are_one_row_of_bytes() {
        let (mut one, mut two, mut three) = ([0; 3], [0; 0], [0; 9000]);
        let slices: Vec<VolatileSlice> =
            vec![(&mut one[..]).into(), (&mut two[..]).into(), (&mut three[..]).into()];
        let all = IoBuffers::new(&slices);
        let bytes: Vec<u8> = (0..9003u32).map(|i| (i % 251) as u8 + 1).collect();
        all.copy_from(&bytes);
        for cut in [0, 1, 3, 4, 9002, 9003, 9004] {
            let (before, after) = all.split_at(cut);
            let cut = cut.min(9003);
            assert_eq!((before.len(), after.len()), (cut, 9003 - cut));
            let mut read = vec![0; 9003];
            before.copy_to(&mut read[..cut]);
            after.copy_to(&mut read[cut..]);
            assert!(read == bytes, "cut at {cut}");
            assert_eq!(before.iovecs().iter().map(|v| v.iov_len).sum::<usize>(), cut);
        }
        let (_, tail) = all.split_at(2);
        tail.split_at(9000).0.fill_zero();
        let mut read = vec![1; 9003];
        all.copy_to(&mut read);
        assert!(read[..2] == bytes[..2] && read[9002..] == bytes[9002..]);
        assert!(read[2..9002].iter().all(|byte| *byte == 0));
    }
}
