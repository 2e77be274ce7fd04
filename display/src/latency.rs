//! Latency of inputs: histograms of the time from an input to the picture that answers it, stage by stage,
//! over all viewers of a screen.

use crate::counter::Counter;
use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// Upper bounds of the histogram's buckets in microseconds; longer durations are in no bucket.
pub const BOUNDS_US: [u64; 12] =
    [250, 500, 1_000, 2_000, 5_000, 10_000, 20_000, 50_000, 100_000, 200_000, 500_000, 1_000_000];

/// Largest number of frames recorded until their acknowledgement: more than are ever in flight.
const MAX_UNPRESENTED: usize = 16;

/// Times of one input on its way to the flush that answers it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct InputTrace {
    /// Sequence number that the client gave the input.
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
    /// Number of durations above the previous bound and at most at this one.
    buckets: [Counter; BOUNDS_US.len()],
    /// Sum of all durations in microseconds.
    sum_us: Counter,
    /// Number of all durations.
    count: Counter,
}

impl Histogram {
    /// Records one duration.
    pub fn observe(&self, took: Duration) {
        let us = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
        if let Some(bucket) = self.buckets.get(BOUNDS_US.partition_point(|bound| *bound < us)) {
            bucket.add(1);
        }
        self.sum_us.add(us);
        self.count.add(1);
    }

    /// Lists the values of the histogram by metric name.
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

/// Histograms of the stages that the display measures.
#[derive(Debug, Default)]
pub struct Latency {
    /// Time from an input's receipt until the guest could see it.
    input_to_guest: Histogram,
    /// Time from then until the guest's next flush.
    guest_to_flush: Histogram,
    /// Time from the flush until the frame was handed to the socket.
    flush_to_sent: Histogram,
    /// Time from then until the acknowledgement arrived, which the client sends after painting.
    sent_to_presented: Histogram,
}

impl Latency {
    /// Lists all values by metric name. `latency_STAGE_to_BOUND_us` counts durations above the previous bound
    /// up to this one; `latency_STAGE_sum_us` and `latency_STAGE_count` cover all.
    pub fn snapshot(&self) -> impl Iterator<Item = (String, u64)> {
        self.input_to_guest
            .figures("input_to_guest")
            .chain(self.guest_to_flush.figures("guest_to_flush"))
            .chain(self.flush_to_sent.figures("flush_to_sent"))
            .chain(self.sent_to_presented.figures("sent_to_presented"))
    }
}

/// Frames of one viewer (number, time of sending) that answer an input and are not acknowledged.
#[derive(Debug, Default)]
pub struct UnpresentedFrames(VecDeque<(u32, Instant)>);

impl UnpresentedFrames {
    /// Records that frame `id`, which answers an input, was sent at `now`.
    pub fn sent(&mut self, id: u32, trace: &InputTrace, now: Instant, latency: &Latency) {
        latency.input_to_guest.observe(trace.reached.saturating_duration_since(trace.received));
        latency.guest_to_flush.observe(trace.flushed.saturating_duration_since(trace.reached));
        latency.flush_to_sent.observe(now.saturating_duration_since(trace.flushed));
        if self.0.len() == MAX_UNPRESENTED {
            self.0.pop_front();
        }
        self.0.push_back((id, now));
    }

    /// Records the acknowledgement of frame `id` and of those before it, received at `now`.
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
