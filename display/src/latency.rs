//! How long inputs took to become pictures, stage by stage, over all viewers of a screen.

use crate::counter::Counter;
use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// Upper bounds of the buckets, in microseconds; what took longer is in none.
pub const BOUNDS_US: [u64; 12] =
    [250, 500, 1_000, 2_000, 5_000, 10_000, 20_000, 50_000, 100_000, 200_000, 500_000, 1_000_000];

/// Answers remembered until their acknowledgement: more than frames are ever in flight.
const MAX_UNPRESENTED: usize = 16;

/// Moments of one input on its way to the flush that answers it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct InputTrace {
    /// The client's number of the input.
    pub seq: u32,
    /// Moment at which the input was received from the client.
    pub received: Instant,
    /// Moment at which the guest could see the input.
    pub reached: Instant,
    /// Moment of the guest's next flush.
    pub flushed: Instant,
}

/// Histogram of durations in microseconds.
#[derive(Debug, Default)]
pub struct Histogram {
    /// How many were longer than the bound before and at most as long as this one.
    buckets: [Counter; BOUNDS_US.len()],
    sum_us: Counter,
    count: Counter,
}

impl Histogram {
    /// Counts one duration.
    pub fn observe(&self, took: Duration) {
        let us = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
        if let Some(bucket) = self.buckets.get(BOUNDS_US.partition_point(|bound| *bound < us)) {
            bucket.add(1);
        }
        self.sum_us.add(us);
        self.count.add(1);
    }

    fn figures(&self, stage: &str) -> impl Iterator<Item = (String, u64)> {
        let buckets = BOUNDS_US.iter().zip(&self.buckets);
        let buckets =
            buckets.map(move |(bound, counter)| (format!("latency_{stage}_to_{bound}_us"), counter.get()));
        buckets.chain([
            (format!("latency_{stage}_sum_us"), self.sum_us.get()),
            (format!("latency_{stage}_count"), self.count.get()),
        ])
    }
}

/// The stages that can be seen from here.
#[derive(Debug, Default)]
pub struct Latency {
    /// From an input's receipt to the guest seeing it.
    input_to_guest: Histogram,
    /// From there to the guest's flush.
    guest_to_flush: Histogram,
    /// From there to the frame handed to the socket.
    flush_to_sent: Histogram,
    /// From there to the receipt of the acknowledgement, which is sent when the frame was painted.
    sent_to_presented: Histogram,
}

impl Latency {
    /// Everything by name: `latency_STAGE_to_BOUND_us` how many took at most so long and longer than
    /// the bound before, `latency_STAGE_sum_us` and `latency_STAGE_count` over all.
    pub fn snapshot(&self) -> impl Iterator<Item = (String, u64)> {
        self.input_to_guest
            .figures("input_to_guest")
            .chain(self.guest_to_flush.figures("guest_to_flush"))
            .chain(self.flush_to_sent.figures("flush_to_sent"))
            .chain(self.sent_to_presented.figures("sent_to_presented"))
    }
}

/// Frames of one viewer that answer an input and are not known to be presented.
#[derive(Debug, Default)]
pub struct UnpresentedFrames(VecDeque<(u32, Instant)>);

impl UnpresentedFrames {
    /// Frame `id` went out and answers an input.
    pub fn sent(&mut self, id: u32, trace: &InputTrace, now: Instant, latency: &Latency) {
        latency.input_to_guest.observe(trace.reached.saturating_duration_since(trace.received));
        latency.guest_to_flush.observe(trace.flushed.saturating_duration_since(trace.reached));
        latency.flush_to_sent.observe(now.saturating_duration_since(trace.flushed));
        if self.0.len() == MAX_UNPRESENTED {
            self.0.pop_front();
        }
        self.0.push_back((id, now));
    }

    /// The client said at `now` that it presented frame `id`, and so those before it.
    pub fn acknowledged(&mut self, id: u32, now: Instant, latency: &Latency) {
        while let Some((_, sent)) = self.0.pop_front_if(|(first, _)| *first <= id) {
            latency.sent_to_presented.observe(now.saturating_duration_since(sent));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    #[test]
    fn durations_are_counted_in_the_bucket_that_holds_them() {
        let latency = Latency::default();
        for us in [0, 250, 251, 1_000_000, 1_000_001] {
            latency.input_to_guest.observe(Duration::from_micros(us));
        }
        let figures: BTreeMap<String, u64> = latency.snapshot().collect();
        let of = |name: &str| figures[&format!("latency_input_to_guest_{name}")];
        assert_eq!((of("to_250_us"), of("to_500_us"), of("to_1000000_us")), (2, 1, 1));
        assert_eq!((of("sum_us"), of("count")), (2_000_502, 5));
        assert_eq!(figures.len(), 4 * (BOUNDS_US.len() + 2));
    }

    #[test]
    fn an_acknowledgement_presents_all_frames_up_to_its_own() {
        let (latency, mut unpresented, start) =
            (Latency::default(), UnpresentedFrames::default(), Instant::now());
        let trace = InputTrace { seq: 1, received: start, reached: start, flushed: start };
        for id in [3, 5, 6] {
            unpresented.sent(id, &trace, start, &latency);
        }
        unpresented.acknowledged(5, start + Duration::from_millis(7), &latency);
        assert_eq!(
            (latency.sent_to_presented.count.get(), latency.sent_to_presented.sum_us.get()),
            (2, 14_000)
        );
        for id in 10..1000 {
            unpresented.sent(id, &trace, start, &latency);
        }
        assert_eq!(unpresented.0.len(), MAX_UNPRESENTED);
        assert_eq!(latency.flush_to_sent.count.get(), 3 + 990);
    }
}
