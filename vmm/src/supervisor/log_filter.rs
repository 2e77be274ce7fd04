//! Bounds on what a process may write to a log: bytes a second, and the length of a line.
//!
//! What exceeds the rate is dropped and counted; the log says how much, once there is room again.

use oriel_virtio::{RateLimit, RateLimiter};
use std::time::Instant;

/// Maximum length in bytes of a line; the rest of a longer one is cut off.
const MAX_LINE: usize = 4096;

/// Kind of output that a filter passes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Output {
    /// Lines of text. Control characters are replaced, so that a log can be shown in a terminal.
    Lines,
    /// Bytes, passed as they are.
    Bytes,
}

/// Filter of one source of a log.
#[derive(Debug)]
pub(super) struct LogFilter {
    output: Output,
    limiter: RateLimiter,
    /// Beginning of the current line, at most [`MAX_LINE`] bytes.
    line: Vec<u8>,
    /// Bytes of the current line beyond the maximum.
    cut: u64,
    /// Dropped lines or bytes since the last ones that passed.
    dropped: u64,
}

impl LogFilter {
    /// Creates a filter that passes `rate` bytes a second of lines, and as many at once.
    pub fn lines(rate: u64) -> Self {
        Self::new(Output::Lines, rate)
    }

    /// Creates a filter that passes `rate` bytes a second, and as many at once.
    pub fn bytes(rate: u64) -> Self {
        Self::new(Output::Bytes, rate)
    }

    fn new(output: Output, rate: u64) -> Self {
        let limiter = RateLimiter::new(RateLimit { bytes: Some(rate), operations: None });
        Self { output, limiter, line: Vec::new(), cut: 0, dropped: 0 }
    }

    /// Takes `bytes` from the source at `now`, and appends to `passed` what goes to the log.
    pub fn push(&mut self, bytes: &[u8], now: Instant, passed: &mut Vec<u8>) {
        if self.output == Output::Bytes {
            if self.limiter.take(now, bytes.len() as u64).is_ok() {
                self.report_dropped("bytes of output", passed);
                passed.extend_from_slice(bytes);
            } else {
                self.dropped = self.dropped.saturating_add(bytes.len() as u64);
            }
            return;
        }
        for piece in bytes.split_inclusive(|byte| *byte == b'\n') {
            let (piece, ended) = piece.strip_suffix(b"\n").map_or((piece, false), |line| (line, true));
            let (kept, cut) = piece.split_at(piece.len().min(MAX_LINE.saturating_sub(self.line.len())));
            self.line.extend(kept.iter().map(|byte| match byte {
                b'\t' => b'\t',
                byte if byte.is_ascii_control() => b'.',
                byte => *byte,
            }));
            self.cut = self.cut.saturating_add(cut.len() as u64);
            if ended {
                self.end_line(now, passed);
            }
        }
    }

    /// Ends the current line, if one is begun, at the end of the source.
    pub fn finish(&mut self, now: Instant, passed: &mut Vec<u8>) {
        if !self.line.is_empty() {
            self.end_line(now, passed);
        }
        self.report_dropped(if self.output == Output::Lines { "lines" } else { "bytes of output" }, passed);
    }

    fn end_line(&mut self, now: Instant, passed: &mut Vec<u8>) {
        if self.limiter.take(now, self.line.len().saturating_add(1) as u64).is_ok() {
            self.report_dropped("lines", passed);
            passed.append(&mut self.line);
            if self.cut > 0 {
                passed.extend_from_slice(format!(" [{} more bytes]", self.cut).as_bytes());
            }
            passed.push(b'\n');
        } else {
            self.dropped = self.dropped.saturating_add(1);
        }
        self.line.clear();
        self.cut = 0;
    }

    /// Says in the log how much was dropped, if anything was.
    fn report_dropped(&mut self, what: &str, passed: &mut Vec<u8>) {
        let dropped = std::mem::take(&mut self.dropped);
        if dropped > 0 {
            passed
                .extend_from_slice(format!("[{dropped} {what} were dropped: too many at once]\n").as_bytes());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn lines_are_cut_cleaned_and_put_together() {
        let mut filter = LogFilter::lines(1 << 20);
        let (now, mut passed) = (Instant::now(), Vec::new());
        filter.push(b"one\ntw", now, &mut passed);
        filter.push(b"o\x1b[2J\n", now, &mut passed);
        filter.push(&vec![b'x'; 1 << 16], now, &mut passed);
        filter.push(b"\nrest", now, &mut passed);
        filter.finish(now, &mut passed);
        let long = format!("{} [61440 more bytes]", "x".repeat(4096));
        assert_eq!(String::from_utf8(passed).unwrap(), format!("one\ntwo.[2J\n{long}\nrest\n"));
    }

    #[test]
    fn a_flood_is_dropped_and_counted() {
        let mut filter = LogFilter::lines(100);
        let (start, mut passed) = (Instant::now(), Vec::new());
        for _ in 0..1000 {
            filter.push(b"123456789\n", start, &mut passed);
        }
        assert_eq!(passed.len(), 100);
        filter.push(b"later\n", start + Duration::from_secs(1), &mut passed);
        let text = String::from_utf8(passed).unwrap();
        assert!(text.ends_with("\n[990 lines were dropped: too many at once]\nlater\n"), "{text}");
    }

    #[test]
    fn bytes_pass_as_they_are_until_they_are_too_many() {
        let mut filter = LogFilter::bytes(1000);
        let (start, mut passed) = (Instant::now(), Vec::new());
        filter.push(b"\x00\x1b\xff", start, &mut passed);
        assert_eq!(passed, b"\x00\x1b\xff");
        for _ in 0..10 {
            filter.push(&[b'x'; 500], start, &mut passed);
        }
        assert_eq!(passed.len(), 503);
        filter.finish(start, &mut passed);
        assert!(passed.ends_with(b"[4500 bytes of output were dropped: too many at once]\n"));
    }
}
