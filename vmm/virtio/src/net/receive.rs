//! Receive queue: frames from the backend to the driver.

use super::backend::{Backend, Frame, MAX_FRAME};
use super::header::HEADER_LEN;
use super::offloads::Offloads;
use super::poll_budget::{NextPoll, PollBudget};
use crate::counters::DeviceCounters;
use crate::queue::{Chain, DeviceQueue};
use crate::rate_limiter::RateLimiter;
use std::sync::Arc;
use std::time::Instant;

/// Device side of the receive queue, which delivers frames to the driver.
pub struct Receiver {
    queue: DeviceQueue,
    counters: Arc<DeviceCounters>,
    /// Offloads that the driver performs.
    pub offloads: Offloads,
    /// Whether a frame may fill several buffers (VIRTIO_NET_F_MRG_RXBUF).
    merges: bool,
    /// Buffers collected for the next frame; `capacity` is their length in bytes.
    buffers: Vec<Chain>,
    capacity: usize,
    /// Copy of a frame whose checksum the device completes.
    copy: Vec<u8>,
}

/// Result of collecting buffers for a frame.
enum BufferFit {
    /// The buffers hold the frame.
    Fits,
    /// The driver must add buffers first.
    NeedsBuffers,
    /// The poll budget was spent before the buffers sufficed.
    BudgetSpent,
    /// The frame exceeds any number of buffers.
    TooLong,
}

impl Receiver {
    /// Creates the receive queue of a driver that performs `offloads`. With `merges`, a frame may fill
    /// several buffers.
    pub fn new(queue: DeviceQueue, offloads: Offloads, merges: bool, counters: Arc<DeviceCounters>) -> Self {
        Self { queue, counters, offloads, merges, buffers: Vec::new(), capacity: 0, copy: Vec::new() }
    }

    /// Whether the queue is broken.
    pub fn broken(&self) -> bool {
        self.queue.broken()
    }

    /// Delivers frames of `backend`, as far as `budget`, `limiter` and the driver's buffers allow. The
    /// backend signals further frames only if there are buffers for them.
    pub fn run(
        &mut self,
        backend: &mut dyn Backend,
        limiter: &mut RateLimiter,
        budget: &mut PollBudget,
    ) -> NextPoll {
        let (next, wanted) = self.receive_all(backend, limiter, budget);
        backend.want_frames(wanted);
        self.queue.signal();
        next
    }

    /// Delivers frames until budget, limiter, buffers or frames are exhausted.
    fn receive_all(
        &mut self,
        backend: &mut dyn Backend,
        limiter: &mut RateLimiter,
        budget: &mut PollBudget,
    ) -> (NextPoll, bool) {
        while let Some(frame) = backend.peek() {
            if budget.spent() {
                return (NextPoll::Immediately, false);
            }
            budget.frame(frame.bytes.len());
            match self.collect_buffers(HEADER_LEN + frame.bytes.len(), budget) {
                BufferFit::Fits => {
                    if let Err(wait) = limiter.take(Instant::now(), frame.bytes.len() as u64) {
                        return (NextPoll::After(wait), false);
                    }
                    self.deliver(&frame);
                }
                BufferFit::NeedsBuffers => return (NextPoll::OnEvent, false),
                BufferFit::BudgetSpent => return (NextPoll::Immediately, false),
                BufferFit::TooLong => self.drop_frame(),
            }
            backend.consume();
        }
        (NextPoll::OnEvent, true)
    }

    /// Collects buffers for `needed` bytes.
    fn collect_buffers(&mut self, needed: usize, budget: &mut PollBudget) -> BufferFit {
        let most = if self.merges { usize::from(self.queue.size()) } else { 1 };
        if needed > HEADER_LEN + MAX_FRAME {
            return BufferFit::TooLong;
        }
        while self.capacity < needed {
            if self.buffers.len() >= most {
                return BufferFit::TooLong;
            }
            if budget.spent() {
                return BufferFit::BudgetSpent;
            }
            let Some(chain) = self.queue.pop() else { return BufferFit::NeedsBuffers };
            budget.chain();
            let least = if self.buffers.is_empty() { HEADER_LEN } else { 1 };
            if chain.readable_len() != 0 || chain.writable_len() < least {
                self.queue.complete_malformed(chain);
                continue;
            }
            self.capacity = self.capacity.saturating_add(chain.writable_len());
            self.buffers.push(chain);
        }
        BufferFit::Fits
    }

    /// Writes the frame into collected buffers, and keeps the unused buffers.
    fn deliver(&mut self, frame: &Frame<'_>) {
        let Some((header, bytes)) = frame.header.adapt(frame.bytes, self.offloads, &mut self.copy) else {
            // The buffers are kept for the next frame.
            return self.counters.net_dropped_frames.add_one();
        };
        let total = HEADER_LEN + bytes.len();
        let mut capacity = 0;
        let count = 1 + self
            .buffers
            .iter()
            .take_while(|chain| {
                capacity += chain.writable_len();
                capacity < total
            })
            .count();
        let header = header.encode(u16::try_from(count).unwrap_or(u16::MAX));
        let kept = self.buffers.split_off(count.min(self.buffers.len()));
        let mut rest = bytes;
        let mut used = Vec::with_capacity(count);
        for (chain, start) in
            self.buffers.drain(..).zip(std::iter::once(HEADER_LEN).chain(std::iter::repeat(0)))
        {
            let (part, after) = rest.split_at(rest.len().min(chain.writable_len().saturating_sub(start)));
            // Header and frame are within the chain.
            let _ = chain.write(0, header.get(..start).unwrap_or_default());
            let _ = chain.write(start, part);
            used.push((chain, u32::try_from(start + part.len()).unwrap_or(u32::MAX)));
            rest = after;
        }
        self.queue.complete_together(used);
        self.capacity = kept.iter().map(Chain::writable_len).sum();
        self.buffers = kept;
    }

    /// Drops a frame that exceeds any number of buffers, and returns the collected buffers.
    fn drop_frame(&mut self) {
        for chain in self.buffers.drain(..) {
            self.queue.complete_malformed(chain);
        }
        self.capacity = 0;
        self.counters.net_dropped_frames.add_one();
    }
}
