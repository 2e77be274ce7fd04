//! How much of this process lies in memory, and how much of that is the guest's.

use parking_lot::Mutex;
use std::fs::File;
use std::io::{self, Read, Seek};
use std::ops::Range;

/// More than any process of ours has.
const LONGEST: u64 = 16 << 20;

/// Where the kernel tells it: opened once, for a jailed process has no /proc.
pub struct Residency(Mutex<File>);

impl Residency {
    /// Of this process.
    ///
    /// # Errors
    /// When there is no /proc.
    pub fn open() -> io::Result<Self> {
        Ok(Self(Mutex::new(File::open("/proc/self/smaps")?)))
    }

    /// Figures `resident_kib` and `guest_resident_kib`; empty when they cannot be read.
    pub fn figures(&self, guest: &[Range<u64>]) -> Vec<(String, u64)> {
        let mut file = self.0.lock();
        let mut smaps = String::new();
        let file = &mut *file;
        // Read in pieces: the kernel does not tell the length of such a file.
        if file.rewind().and_then(|()| file.take(LONGEST).read_to_string(&mut smaps)).is_err() {
            return Vec::new();
        }
        let (all, of_guest) = sum(&smaps, guest);
        vec![("resident_kib".into(), all), ("guest_resident_kib".into(), of_guest)]
    }
}

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

/// The first address in `7f00-7fff rw-p …`, the line that begins a mapping.
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
