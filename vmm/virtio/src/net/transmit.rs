//! From the driver to the backend.

use super::backend::Backend;
use super::checksum;
use super::header::{HEADER_LEN, Header};
use super::offloads::Offloads;
use super::poll_budget::PollBudget;
use super::{MAX_FRAME, NextPoll};
use crate::counters::DeviceCounters;
use crate::queue::{Chain, DeviceQueue};
use crate::rate_limiter::RateLimiter;
use std::sync::Arc;
use std::time::Instant;

/// The shortest frame: an Ethernet header with nothing behind it.
const MIN_FRAME: usize = 14;

/// The device's side of the transmit queue.
pub struct Transmitter {
    queue: DeviceQueue,
    counters: Arc<DeviceCounters>,
    /// What the driver may leave undone.
    negotiated: Offloads,
    /// A chain that the limit or a backend without room holds up.
    deferred: Option<Chain>,
    /// Room for the longest frame so far.
    frame: Vec<u8>,
}

impl Transmitter {
    pub fn new(queue: DeviceQueue, negotiated: Offloads, counters: Arc<DeviceCounters>) -> Self {
        Self { queue, counters, negotiated, deferred: None, frame: Vec::new() }
    }

    pub fn broken(&self) -> bool {
        self.queue.broken()
    }

    /// Sends what the driver made available, as far as `budget`, `limiter` and `backend` allow.
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

    /// `None` if the driver's header is not to be believed.
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
