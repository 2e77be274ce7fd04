//! How many frames may be on their way to the client.
//!
//! A frame more in flight keeps the connection busy while the client paints; a frame too many
//! waits in some buffer and is old when it is seen. So the limit follows what acknowledgements
//! take: up while they come as fast as they ever did, down when frames begin to queue.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

const LEAST: usize = 1;
const MOST: usize = 3;
const START: usize = 2;

/// The screen is looked at this far apart at least, a little more than 60 times a second, unless an
/// input is answered: a guest that flushes without end costs no more.
const INTERVAL: Duration = Duration::from_millis(15);

/// Acknowledgements that took longer than the quickest by this are a sign of a queue …
const QUEUED: Duration = Duration::from_millis(50);

/// … and by less than this, of none.
const CLEAR: Duration = Duration::from_millis(15);

/// An acknowledgement of a frame that was never sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("an acknowledgement of frame {0}, which was never sent")]
pub struct NeverSent(pub u32);

/// The frames in flight.
#[derive(Debug)]
pub struct Flow {
    in_flight: VecDeque<(u32, Instant)>,
    limit: usize,
    last_id: u32,
    last_look: Option<Instant>,
    /// What the quickest of the recent acknowledgements took.
    quickest: Option<Duration>,
    /// A frame could have been sent but for the limit, since the limit last changed.
    held_back: bool,
}

impl Flow {
    pub fn new() -> Self {
        Self {
            in_flight: VecDeque::new(),
            limit: START,
            last_id: 0,
            last_look: None,
            quickest: None,
            held_back: false,
        }
    }

    /// Whether a frame may be sent; asked only when there is one to send.
    pub fn has_credit(&mut self) -> bool {
        let credit = self.in_flight.len() < self.limit;
        self.held_back |= !credit;
        credit
    }

    /// When to look at the screen next, if no input is answered.
    pub fn not_before(&self) -> Option<Instant> {
        self.last_look.map(|look| look + INTERVAL)
    }

    /// The screen is looked at.
    pub fn looked(&mut self, now: Instant) {
        self.last_look = Some(now);
    }

    /// The number of the next frame.
    pub fn next_id(&mut self) -> u32 {
        self.last_id = self.last_id.wrapping_add(1).max(1);
        self.last_id
    }

    /// The frame numbered last goes out.
    pub fn sent(&mut self, now: Instant) {
        self.in_flight.push_back((self.last_id, now));
    }

    /// The client presented frame `id`, and with it those before it.
    ///
    /// # Errors
    /// When there never was such a frame.
    pub fn acknowledged(&mut self, id: u32, now: Instant) -> Result<(), NeverSent> {
        if id == 0 || id > self.last_id {
            return Err(NeverSent(id));
        }
        let mut took = None;
        while let Some((first, sent)) = self.in_flight.front().copied() {
            if first > id {
                break;
            }
            self.in_flight.pop_front();
            took = Some(now.saturating_duration_since(sent));
        }
        if let Some(took) = took {
            self.adapt(took);
        }
        Ok(())
    }

    fn adapt(&mut self, took: Duration) {
        // It creeps up, so that a path that became longer is learnt in time.
        let quickest = self.quickest.map_or(took, |quickest| took.min(quickest + quickest / 64));
        self.quickest = Some(quickest);
        if took > quickest * 2 + QUEUED && self.limit > LEAST {
            self.limit -= 1;
            self.held_back = false;
        } else if self.held_back && took < quickest + quickest / 2 + CLEAR && self.limit < MOST {
            self.limit += 1;
            self.held_back = false;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ms(n: u64) -> Duration {
        Duration::from_millis(n)
    }

    /// Sends whenever there is credit, with each acknowledgement taking `took`; gives the limit reached.
    fn settle(flow: &mut Flow, mut now: Instant, took: Duration, rounds: usize) -> (usize, Instant) {
        for _ in 0..rounds {
            while flow.has_credit() {
                flow.next_id();
                flow.sent(now);
            }
            now += took;
            flow.acknowledged(flow.last_id, now).unwrap();
        }
        (flow.limit, now)
    }

    #[test]
    fn a_clear_path_gets_three_and_a_queue_one() {
        let mut flow = Flow::new();
        let (limit, now) = settle(&mut flow, Instant::now(), ms(20), 20);
        assert_eq!(limit, MOST);
        let (limit, now) = settle(&mut flow, now, ms(400), 4);
        assert_eq!(limit, LEAST);
        let (limit, _) = settle(&mut flow, now, ms(20), 20);
        assert_eq!(limit, MOST, "it recovers");
    }

    #[test]
    fn without_acknowledgement_nothing_more_goes_out() {
        let mut flow = Flow::new();
        let now = Instant::now();
        for _ in 0..START {
            assert!(flow.has_credit());
            flow.next_id();
            flow.sent(now);
        }
        assert!(!flow.has_credit());
        flow.acknowledged(1, now).unwrap();
        assert!(flow.has_credit());
        assert_eq!(flow.acknowledged(1, now), Ok(()), "once more does no harm");
        assert_eq!(flow.acknowledged(3, now), Err(NeverSent(3)));
        assert_eq!(flow.acknowledged(0, now), Err(NeverSent(0)));
    }
}
