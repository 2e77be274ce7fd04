//! From the backend to the driver.

use super::backend::{Backend, Frame};
use super::budget::Budget;
use super::header::HEADER_LEN;
use super::offloads::Offloads;
use super::{MAX_FRAME, Pause};
use crate::counters::DeviceCounters;
use crate::queue::{Chain, DeviceQueue};
use crate::rate_limiter::RateLimiter;
use std::sync::Arc;
use std::time::Instant;

/// The device's side of the receive queue.
pub struct Receiver {
    queue: DeviceQueue,
    counters: Arc<DeviceCounters>,
    /// What the driver takes.
    pub offloads: Offloads,
    /// Whether a frame may fill several buffers (VIRTIO_NET_F_MRG_RXBUF).
    merges: bool,
    /// Buffers taken for the frame that comes next, and their room.
    taken: Vec<Chain>,
    room: usize,
    /// A frame's copy where the device has to change it.
    copy: Vec<u8>,
}

/// Whether the driver's buffers hold a frame.
enum Fit {
    Fits,
    /// Not yet: the driver adds buffers.
    Later,
    /// The budget was spent on looking for them.
    NoTime,
    /// They never will.
    Never,
}

impl Receiver {
    pub fn new(queue: DeviceQueue, offloads: Offloads, merges: bool, counters: Arc<DeviceCounters>) -> Self {
        Self { queue, counters, offloads, merges, taken: Vec::new(), room: 0, copy: Vec::new() }
    }

    pub fn broken(&self) -> bool {
        self.queue.broken()
    }

    /// Fills the driver's buffers with frames, as far as `budget`, `limiter` and the buffers allow.
    /// Has `backend` tell of further frames only if there are buffers for them.
    pub fn run(
        &mut self,
        backend: &mut dyn Backend,
        limiter: &mut RateLimiter,
        budget: &mut Budget,
    ) -> Pause {
        let (pause, wanted) = self.fill_all(backend, limiter, budget);
        backend.want_frames(wanted);
        self.queue.signal();
        pause
    }

    fn fill_all(
        &mut self,
        backend: &mut dyn Backend,
        limiter: &mut RateLimiter,
        budget: &mut Budget,
    ) -> (Pause, bool) {
        while let Some(frame) = backend.peek() {
            if budget.spent() {
                return (Pause::Again, false);
            }
            budget.frame(frame.bytes.len());
            match self.take_buffers(HEADER_LEN + frame.bytes.len(), budget) {
                Fit::Fits => {
                    if let Err(wait) = limiter.take(Instant::now(), frame.bytes.len() as u64) {
                        return (Pause::For(wait), false);
                    }
                    self.fill(&frame);
                }
                Fit::Later => return (Pause::Waiting, false),
                Fit::NoTime => return (Pause::Again, false),
                Fit::Never => self.drop_frame(),
            }
            backend.consume();
        }
        (Pause::Waiting, true)
    }

    /// Takes buffers until they have room for `needed` bytes.
    fn take_buffers(&mut self, needed: usize, budget: &mut Budget) -> Fit {
        let most = if self.merges { usize::from(self.queue.size()) } else { 1 };
        if needed > HEADER_LEN + MAX_FRAME {
            return Fit::Never;
        }
        while self.room < needed {
            if self.taken.len() >= most {
                return Fit::Never;
            }
            if budget.spent() {
                return Fit::NoTime;
            }
            let Some(chain) = self.queue.pop() else { return Fit::Later };
            budget.chain();
            let least = if self.taken.is_empty() { HEADER_LEN } else { 1 };
            if chain.readable_len() != 0 || chain.writable_len() < least {
                self.queue.complete_malformed(chain);
                continue;
            }
            self.room = self.room.saturating_add(chain.writable_len());
            self.taken.push(chain);
        }
        Fit::Fits
    }

    /// Hands the frame over in the taken buffers, and keeps those that it did not need.
    fn fill(&mut self, frame: &Frame<'_>) {
        let Some((header, bytes)) = frame.header.adapt(frame.bytes, self.offloads, &mut self.copy) else {
            // The buffers wait for the next frame.
            return self.counters.net_dropped_frames.add_one();
        };
        let total = HEADER_LEN + bytes.len();
        let mut capacity = 0;
        let count = 1 + self
            .taken
            .iter()
            .take_while(|chain| {
                capacity += chain.writable_len();
                capacity < total
            })
            .count();
        let header = header.encode(u16::try_from(count).unwrap_or(u16::MAX));
        let kept = self.taken.split_off(count.min(self.taken.len()));
        let mut rest = bytes;
        let mut used = Vec::with_capacity(count);
        for (chain, start) in
            self.taken.drain(..).zip(std::iter::once(HEADER_LEN).chain(std::iter::repeat(0)))
        {
            let (part, after) = rest.split_at(rest.len().min(chain.writable_len().saturating_sub(start)));
            // Both lie within the chain.
            let _ = chain.write(0, header.get(..start).unwrap_or_default());
            let _ = chain.write(start, part);
            used.push((chain, u32::try_from(start + part.len()).unwrap_or(u32::MAX)));
            rest = after;
        }
        self.queue.complete_together(used);
        self.room = kept.iter().map(Chain::writable_len).sum();
        self.taken = kept;
    }

    /// No number of the driver's buffers holds the frame: they go back, and it is lost.
    fn drop_frame(&mut self) {
        for chain in self.taken.drain(..) {
            self.queue.complete_malformed(chain);
        }
        self.room = 0;
        self.counters.net_dropped_frames.add_one();
    }
}
