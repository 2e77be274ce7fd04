//! Readers of the guest's serial line and of QEMU's standard error.

use crate::counters::Counters;
use std::collections::VecDeque;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::process::ChildStderr;
use std::sync::atomic::Ordering::Relaxed;

/// Copies the guest's serial output from `line` to `log` until `line` ends. While `log` cannot be written (a
/// full disk), output is lost and the guest is not delayed.
pub(crate) fn copy_serial_log(mut line: impl Read, log: &mut impl Write, counters: &Counters) {
    let mut buffer = [0; 4096];
    loop {
        match line.read(&mut buffer) {
            Ok(0) => return,
            Ok(count) => {
                counters.serial_bytes.fetch_add(count as u64, Relaxed);
                if let Err(error) = log.write_all(buffer.get(..count).unwrap_or_default()) {
                    tracing::debug!(%error, "the serial log cannot be written");
                }
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(_) => return,
        }
    }
}

/// Reads QEMU's standard error to its end, and returns the last 8 lines, oldest first.
pub(crate) fn collect_stderr(stderr: ChildStderr) -> Vec<String> {
    const KEPT: usize = 8;
    const LONGEST: u64 = 4096;
    let mut reader = BufReader::new(stderr);
    let mut kept = VecDeque::with_capacity(KEPT);
    loop {
        let mut line = Vec::new();
        match (&mut reader).take(LONGEST).read_until(b'\n', &mut line) {
            Ok(0) => return kept.into(),
            Ok(_) => {
                let text = String::from_utf8_lossy(&line).trim().to_owned();
                if text.is_empty() {
                    continue;
                }
                oriel_vmm_api::log_limited!(info, "QEMU: {text}");
                if kept.len() == KEPT {
                    kept.pop_front();
                }
                kept.push_back(text);
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(_) => return kept.into(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_that_a_guest_says_is_kept_and_counted() {
        let counters = Counters::default();
        let mut log = Vec::new();
        copy_serial_log(&[b'x'; 10_000][..], &mut log, &counters);
        assert_eq!(log, [b'x'; 10_000]);
        assert_eq!(counters.serial_bytes.load(Relaxed), 10_000);
    }
}
