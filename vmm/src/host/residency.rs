//! Resident memory of this process, in total and for the guest's memory, from `/proc/self/smaps` (proc(5)).

use parking_lot::Mutex;
use std::fs::File;
use std::io::{self, Read, Seek};
use std::ops::Range;

/// Largest part of `/proc/self/smaps` that is read, in bytes; the file of a machine is far smaller.
const MAX_SMAPS: u64 = 16 << 20;

/// Open file `/proc/self/smaps`. It is opened once, before the jail, in which `/proc` does not exist.
pub struct Residency(Mutex<File>);

impl Residency {
    /// Opens the file for this process.
    ///
    /// # Errors
    /// When `/proc` is not mounted.
    pub fn open() -> io::Result<Self> {
        Ok(Self(Mutex::new(File::open("/proc/self/smaps")?)))
    }

    /// Returns the counters `resident_kib` (whole process) and `guest_resident_kib` (mappings that start in a
    /// range of `guest`, host virtual addresses). The list is empty when reading fails.
    pub fn figures(&self, guest: &[Range<u64>]) -> Vec<(String, u64)> {
        let mut file = self.0.lock();
        let mut smaps = String::new();
        let file = &mut *file;
        // The file has no length in its metadata (proc(5)): read until its end.
        if file.rewind().and_then(|()| file.take(MAX_SMAPS).read_to_string(&mut smaps)).is_err() {
            return Vec::new();
        }
        let (all, of_guest) = sum(&smaps, guest);
        vec![("resident_kib".into(), all), ("guest_resident_kib".into(), of_guest)]
    }
}

/// Returns the sums of the `Rss` lines in KiB: of all mappings, and of those that start in a range of
/// `guest`.
fn sum(smaps: &str, guest: &[Range<u64>]) -> (u64, u64) {
    let (mut all, mut of_guest, mut in_guest) = (0u64, 0u64, false);
    for line in smaps.lines() {
        if let Some(kib) = line.strip_prefix("Rss:") {
            let kib: u64 = kib.split_ascii_whitespace().next().and_then(|n| n.parse().ok()).unwrap_or(0);
            all += kib;
            of_guest += if in_guest { kib } else { 0 };
        } else if let Some(start) = mapping_start(line) {
            in_guest = guest.iter().any(|range| range.contains(&start));
        }
    }
    (all, of_guest)
}

/// Returns the first address in `7f00-7fff rw-p …`, the first line of a mapping.
fn mapping_start(line: &str) -> Option<u64> {
    let (start, _) = line.split_ascii_whitespace().next()?.split_once('-')?;
    u64::from_str_radix(start, 16).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn guest_pages_are_told_apart() {
        let smaps = "1000-3000 rw-p 00000000 00:00 0\nSize: 8 kB\nRss: 8 kB\n\
                     a000-c000 rw-p 00000000 00:00 0 [heap]\nRss:  3 kB\n";
        assert_eq!(sum(smaps, &[0x1000..0x3000, 0x5000..0x6000]), (11, 8));
        assert_eq!(sum(smaps, &[]), (11, 0));
        assert_eq!(sum("garbage - - -\n-\nRss:", &[]), (0, 0));
    }

    #[test]
    fn this_process_has_some_memory() {
        let residency = Residency::open().unwrap();
        assert_eq!(residency.figures(&[]).len(), 2);
        assert!(residency.figures(&[]).iter().any(|(name, kib)| name == "resident_kib" && *kib > 0));
    }
}
