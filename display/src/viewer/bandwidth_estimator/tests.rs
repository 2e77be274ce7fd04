//! Simulated line, as in the tests' relay, with a simulated clock: a queue, a rate, a delay, stalls.

use super::*;

const MS: Duration = Duration::from_millis(1);

/// 1 Mbit/s in bytes per second.
const SLOW: f64 = 125_000.0;

/// Line with a sender that always has data to send.
struct SimulatedLink {
    bandwidth: BandwidthEstimator,
    now: Instant,
    rate: f64,
    round_trip: Duration,
    /// Time at which the bottleneck has sent its queue.
    free_at: Instant,
    /// Acknowledgements on their way: frame number, time of arrival.
    acks: VecDeque<(u32, Instant)>,
    last_id: u32,
    /// Number of bytes that arrived.
    arrived: u64,
    sizes: VecDeque<u64>,
    most_queued: Duration,
}

impl SimulatedLink {
    fn new(rate: f64, round_trip: Duration) -> Self {
        let now = Instant::now();
        Self {
            bandwidth: BandwidthEstimator::new(now),
            now,
            rate,
            round_trip,
            free_at: now,
            acks: VecDeque::new(),
            last_id: 0,
            arrived: 0,
            sizes: VecDeque::new(),
            most_queued: Duration::ZERO,
        }
    }

    fn send(&mut self, bytes: u64) {
        self.last_id += 1;
        self.bandwidth.sent(bytes as usize, self.now);
        self.bandwidth.frame_sent(self.last_id, true, self.now);
        self.free_at = self.free_at.max(self.now) + Duration::from_secs_f64(bytes as f64 / self.rate);
        self.most_queued = self.most_queued.max(self.free_at - self.now);
        self.acks.push_back((self.last_id, self.free_at + self.round_trip));
        self.sizes.push_back(bytes);
    }

    /// Delays all acknowledgements by a stall.
    fn stall(&mut self, lasts: Duration) {
        let until = self.now + lasts;
        self.acks.iter_mut().for_each(|(_, at)| *at = (*at).max(until));
    }

    /// Runs for `time` and sends whatever fits, as with a screen in motion.
    fn run(&mut self, time: Duration) {
        let end = self.now + time;
        while self.now < end {
            while let Some((id, _)) = self.acks.front().copied().filter(|(_, at)| *at <= self.now) {
                self.acks.pop_front();
                self.arrived += self.sizes.pop_front().unwrap_or_default();
                self.bandwidth.acknowledged(id, Duration::ZERO, self.now);
            }
            if self.bandwidth.is_stale(self.now) && !self.bandwidth.must_drain(self.now) {
                self.send(50);
            }
            let room = self.bandwidth.congestion_window().saturating_sub(self.bandwidth.in_flight());
            if self.bandwidth.must_drain(self.now) {
                self.bandwidth.mark_app_limited();
            } else if room >= self.bandwidth.frame() / 2 {
                self.send(room.min(self.bandwidth.frame()));
            }
            self.now += MS;
        }
    }

    /// Returns the estimated rate as a fraction of the real one.
    fn known(&self) -> f64 {
        self.bandwidth.rate().unwrap_or_default() / self.rate
    }
}

#[test]
fn a_slow_line_is_learnt_filled_and_never_holds_more_than_200_ms() {
    let mut link = SimulatedLink::new(SLOW, 100 * MS);
    link.run(2000 * MS);
    assert!((0.9..1.3).contains(&link.known()), "{}", link.known());
    let arrived = link.arrived;
    link.run(20_000 * MS);
    let used = (link.arrived - arrived) as f64 / 20.0 / SLOW;
    assert!(used > 0.85, "only {used} of the line is used");
    assert!(link.most_queued <= 200 * MS, "{:?} were queued", link.most_queued);
}

#[test]
fn a_stall_is_no_slower_line() {
    let mut link = SimulatedLink::new(SLOW, 100 * MS);
    link.run(3000 * MS);
    for _ in 0..5 {
        link.stall(200 * MS);
        for _ in 0..50 {
            link.run(20 * MS);
            assert!((0.8..1.4).contains(&link.known()), "{}", link.known());
        }
        link.run(4000 * MS);
    }
    assert!(link.most_queued <= 200 * MS, "{:?} were queued", link.most_queued);
}

#[test]
fn a_line_that_became_slower_is_learnt_within_a_second_and_a_half() {
    let mut link = SimulatedLink::new(SLOW, 100 * MS);
    link.run(5000 * MS);
    link.rate = SLOW / 4.0;
    link.run(1500 * MS);
    assert!(link.known() < 1.4, "{}", link.known());
    link.run(1000 * MS);
    link.most_queued = Duration::ZERO;
    link.run(5000 * MS);
    assert!(link.most_queued <= 200 * MS, "{:?} were queued", link.most_queued);
}

#[test]
fn a_line_that_became_faster_is_learnt_within_two_seconds() {
    let mut link = SimulatedLink::new(SLOW, 100 * MS);
    link.run(5000 * MS);
    link.rate = SLOW * 20.0;
    link.run(2000 * MS);
    assert!(link.known() > 0.8, "{}", link.known());
}

#[test]
fn small_frames_say_little_of_a_line_and_never_make_it_look_slower() {
    let mut link = SimulatedLink::new(SLOW * 20.0, 30 * MS);
    link.run(2000 * MS);
    let known = link.bandwidth.rate();
    for _ in 0..300 {
        link.bandwidth.mark_app_limited();
        link.send(200);
        link.now += 33 * MS;
        let (id, _) = link.acks.pop_front().unwrap();
        link.sizes.pop_front();
        link.bandwidth.acknowledged(id, Duration::ZERO, link.now);
    }
    assert_eq!(link.bandwidth.rate(), known);
}

#[test]
fn what_the_client_takes_for_itself_is_not_the_lines() {
    let start = Instant::now();
    let mut line = BandwidthEstimator::new(start);
    line.sent(10_000, start);
    line.frame_sent(1, true, start);
    line.acknowledged(1, 400 * MS, start + 410 * MS);
    assert_eq!(line.round_trip(), 10 * MS);
    assert_eq!(line.rate().map(f64::round), Some(1_000_000.0));
}

#[test]
fn a_client_that_lies_about_itself_stays_within_bounds() {
    let start = Instant::now();
    let mut line = BandwidthEstimator::new(start);
    for id in 1..1000 {
        let now = start + MS * id;
        line.sent(100_000, now);
        line.frame_sent(id, true, now);
        line.acknowledged(id, Duration::MAX, now);
        line.acknowledged(id, Duration::ZERO, now);
    }
    assert_eq!(line.in_flight(), 0);
    assert!(line.rate().is_some_and(|rate| rate <= MAX_RATE));
    assert!(line.rates.len() <= 1000 && line.frames.is_empty());
}

#[test]
fn what_no_frame_follows_is_uncovered() {
    let now = Instant::now();
    let mut line = BandwidthEstimator::new(now);
    line.sent(500, now);
    line.frame_sent(1, true, now);
    assert_eq!((line.in_flight(), line.unmarked_bytes()), (500, 0));
    line.sent(70, now);
    assert_eq!((line.in_flight(), line.unmarked_bytes()), (570, 70));
    line.frame_sent(2, false, now);
    assert_eq!((line.unmarked_bytes(), line.update_frames(), line.empty_frames()), (0, 1, 1));
    line.acknowledged(2, Duration::ZERO, now);
    assert_eq!((line.in_flight(), line.unmarked_bytes()), (0, 0));
}
