//! Reader of little-endian fields in bytes from the guest, and reads of a configuration space.

/// Reader of little-endian fields, with the unread rest of the bytes. Every method returns `None` when too
/// few bytes are left.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Fields<'a>(pub(crate) &'a [u8]);

impl Fields<'_> {
    /// Reads a 16-bit number.
    pub(crate) fn u16(&mut self) -> Option<u16> {
        self.bytes().map(u16::from_le_bytes)
    }

    /// Reads a 32-bit number.
    pub(crate) fn u32(&mut self) -> Option<u32> {
        self.bytes().map(u32::from_le_bytes)
    }

    /// Reads a 64-bit number.
    pub(crate) fn u64(&mut self) -> Option<u64> {
        self.bytes().map(u64::from_le_bytes)
    }

    /// Reads the next `N` bytes.
    pub(crate) fn bytes<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (first, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(*first)
    }
}

/// Copies the part of a configuration space from `offset` on into `data`; bytes beyond the end become zero.
pub(crate) fn read_config_bytes(config: &[u8], offset: u64, data: &mut [u8]) {
    data.fill(0);
    let Some(rest) = usize::try_from(offset).ok().and_then(|offset| config.get(offset..)) else { return };
    for (to, from) in data.iter_mut().zip(rest) {
        *to = *from;
    }
}
