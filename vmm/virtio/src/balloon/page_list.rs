//! Page frame number lists of the inflate queue (VIRTIO 1.2, section 5.5.6).

/// Page size of the balloon in bytes, whatever pages the guest has.
pub const PAGE: u64 = 4096;
/// Binary logarithm of [`PAGE`].
pub const PAGE_SHIFT: u32 = 12;

/// Range of guest memory: first address and length in bytes.
pub type Range = (u64, u64);

/// Returns the ranges of a list of little-endian 32-bit page numbers: each page once, adjacent pages joined.
/// A truncated number at the end is ignored.
pub fn ranges(list: &[u8]) -> Vec<Range> {
    let (numbers, _) = list.as_chunks::<4>();
    let mut pages: Vec<u64> = numbers.iter().map(|number| u64::from(u32::from_le_bytes(*number))).collect();
    pages.sort_unstable();
    pages.dedup();
    let mut ranges: Vec<Range> = Vec::new();
    for page in pages {
        // A 32-bit number of 12-bit pages is far from the end of 64 bits.
        let address = page << PAGE_SHIFT;
        match ranges.last_mut() {
            Some((start, size)) if *start + *size == address => *size += PAGE,
            _ => ranges.push((address, PAGE)),
        }
    }
    ranges
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list(pages: &[u32]) -> Vec<u8> {
        pages.iter().flat_map(|page| page.to_le_bytes()).collect()
    }

    #[test]
    fn neighbours_are_joined_in_whatever_order_they_come() {
        assert_eq!(ranges(&list(&[7, 5, 6, 5, 9])), [(5 * PAGE, 3 * PAGE), (9 * PAGE, PAGE)]);
        assert_eq!(ranges(&list(&[u32::MAX])), [(u64::from(u32::MAX) << 12, PAGE)]);
    }

    #[test]
    fn a_number_cut_short_is_none() {
        let mut cut = list(&[3]);
        cut.extend([1, 0, 0]);
        assert_eq!(ranges(&cut), [(3 * PAGE, PAGE)]);
        assert_eq!(ranges(&[]), []);
    }
}
