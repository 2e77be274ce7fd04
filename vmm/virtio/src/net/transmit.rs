//! Transmit queue: frames from the driver to the backend.

use super::backend::{Backend, MAX_FRAME};
use super::checksum;
use super::header::{HEADER_LEN, Header};
use super::offloads::Offloads;
use super::poll_budget::{NextPoll, PollBudget};
use crate::counters::DeviceCounters;
use crate::queue::{Chain, DeviceQueue};
use crate::rate_limiter::RateLimiter;
use std::sync::Arc;
use std::time::Instant;

/// Minimum length of a frame in bytes: an Ethernet header.
const MIN_FRAME: usize = 14;

/// Device side of the transmit queue, which sends the driver's frames.
pub struct Transmitter {
    queue: DeviceQueue,
    counters: Arc<DeviceCounters>,
    /// Offloads that the driver may leave to the device.
    negotiated: Offloads,
    /// Chain delayed by the rate limiter.
    deferred: Option<Chain>,
    /// Buffer for the current frame, as long as the longest frame so far.
    frame: Vec<u8>,
}

impl Transmitter {
    /// Creates the transmit queue of a driver that negotiated the offloads `negotiated`.
    pub fn new(queue: DeviceQueue, negotiated: Offloads, counters: Arc<DeviceCounters>) -> Self {
        Self { queue, counters, negotiated, deferred: None, frame: Vec::new() }
    }

    /// Whether the queue is broken.
    pub fn broken(&self) -> bool {
        self.queue.broken()
    }

    /// Sends frames of the driver, as far as `budget`, `limiter` and `backend` allow.
    pub fn run(
        &mut self,
        backend: &mut dyn Backend,
        limiter: &mut RateLimiter,
        budget: &mut PollBudget,
    ) -> NextPoll {
        let next = self.send_all(backend, limiter, budget);
        self.queue.signal();
        next
    }

    /// Sends frames until budget, limiter, backend or chains are exhausted.
    fn send_all(
        &mut self,
        backend: &mut dyn Backend,
        limiter: &mut RateLimiter,
        budget: &mut PollBudget,
    ) -> NextPoll {
        loop {
            if budget.spent() {
                return NextPoll::Immediately;
            }
            if !backend.has_room() {
                return NextPoll::OnEvent;
            }
            let Some(chain) = self.deferred.take().or_else(|| self.queue.pop()) else {
                return NextPoll::OnEvent;
            };
            budget.chain();
            let len = chain.readable_len();
            if chain.writable_len() != 0 || !(HEADER_LEN + MIN_FRAME..=HEADER_LEN + MAX_FRAME).contains(&len)
            {
                self.queue.complete_malformed(chain);
                continue;
            }
            if let Err(wait) = limiter.take(Instant::now(), (len - HEADER_LEN) as u64) {
                self.deferred = Some(chain);
                return NextPoll::After(wait);
            }
            budget.frame(len);
            if self.send(&chain, len - HEADER_LEN, backend).is_none() {
                self.counters.net_refused_frames.add_one();
            }
            self.queue.complete(chain, 0);
        }
    }

    /// Sends the frame of `len` bytes in `chain`; `None` if its header is invalid.
    fn send(&mut self, chain: &Chain, len: usize, backend: &mut dyn Backend) -> Option<()> {
        let mut header = [0; HEADER_LEN];
        chain.read(0, &mut header).ok()?;
        if self.frame.len() < len {
            self.frame.resize(len, 0);
        }
        let frame = self.frame.get_mut(..len)?;
        chain.read(HEADER_LEN, frame).ok()?;
        let mut header = Header::parse(&header).validate(frame, self.negotiated)?;
        if header.needs_checksum() && !backend.offloads().checksum {
            checksum::complete(frame, header.csum_start, header.csum_offset)?;
            header = Header::default();
        }
        backend.send(&header, frame);
        Some(())
    }
}
