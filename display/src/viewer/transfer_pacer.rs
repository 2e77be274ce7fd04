//! Pacing of transfers (clipboard contents and files), which give way to the picture.

use std::time::{Duration, Instant};

/// Longest time between two chunks while frames wait for the client without end.
const MAX_DELAY: Duration = Duration::from_millis(250);

/// Interval of checks while the peer has not received what was sent before.
const POLL_INTERVAL: Duration = Duration::from_millis(4);

/// Time of the last chunk sent; `None` before the first.
#[derive(Debug, Default)]
pub struct TransferPacer {
    last: Option<Instant>,
}

impl TransferPacer {
    /// Returns the earliest time of the next chunk; `None` is now. Chunks wait while a frame waits, or while
    /// line and socket are not `clear`, for 250 ms at most.
    pub fn not_before(&self, frame_waits: bool, clear: bool, now: Instant) -> Option<Instant> {
        let starved = self.last.map_or(now, |last| last + MAX_DELAY);
        if starved <= now || (clear && !frame_waits) {
            return None;
        }
        Some(if frame_waits { starved } else { starved.min(now + POLL_INTERVAL) })
    }

    /// Records that a chunk is sent.
    pub fn sent(&mut self, now: Instant) {
        self.last = Some(now);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_come_first_and_pieces_never_stop() {
        let mut pieces = TransferPacer::default();
        let now = Instant::now();
        assert_eq!(pieces.not_before(true, false, now), None, "the first one begins");
        pieces.sent(now);
        assert_eq!(pieces.not_before(false, true, now), None);
        assert_eq!(pieces.not_before(true, true, now), Some(now + MAX_DELAY));
        assert_eq!(pieces.not_before(false, false, now), Some(now + POLL_INTERVAL));
        assert_eq!(pieces.not_before(true, false, now + MAX_DELAY), None);
    }
}
