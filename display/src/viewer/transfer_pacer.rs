//! When a piece of a clipboard's contents or of a file may be sent: the picture comes first.

use std::time::{Duration, Instant};

/// While frames wait for the client without end, a piece goes out now and then nevertheless.
const MAX_DELAY: Duration = Duration::from_millis(250);

/// While the peer has not taken what was sent before, look again after so long.
const POLL_INTERVAL: Duration = Duration::from_millis(4);

/// The pieces sent so far.
#[derive(Debug, Default)]
pub struct TransferPacer {
    last: Option<Instant>,
}

impl TransferPacer {
    /// When the next piece may be sent; `None` is now. Nothing is sent while a frame waits, nor
    /// while the line or the socket is not `clear`: a frame would have to wait behind it.
    pub fn not_before(&self, frame_waits: bool, clear: bool, now: Instant) -> Option<Instant> {
        let starved = self.last.map_or(now, |last| last + MAX_DELAY);
        if starved <= now || (clear && !frame_waits) {
            return None;
        }
        Some(if frame_waits { starved } else { starved.min(now + POLL_INTERVAL) })
    }

    /// A piece is sent.
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
