//! Poll budget of a network queue (as in Linux's NAPI): work done before the event loop serves other
//! devices.

use std::time::Duration;

/// Limits of one poll, about a quarter of a millisecond of work, mostly copying.
const MAX_CHAINS: u32 = 256;
const MAX_BYTES: usize = 512 << 10;

/// Remaining budget of one poll, in descriptor chains and bytes.
#[derive(Debug)]
pub struct PollBudget {
    chains: u32,
    bytes: usize,
}

impl PollBudget {
    /// Full budget.
    pub fn new() -> Self {
        Self { chains: MAX_CHAINS, bytes: MAX_BYTES }
    }

    /// Whether the budget is spent.
    pub fn spent(&self) -> bool {
        self.chains == 0 || self.bytes == 0
    }

    /// Spends the budget of one descriptor chain.
    pub fn chain(&mut self) {
        self.chains = self.chains.saturating_sub(1);
    }

    /// Spends the budget of a copied frame of `bytes` bytes.
    pub fn frame(&mut self, bytes: usize) {
        self.bytes = self.bytes.saturating_sub(bytes);
    }
}

/// When a queue has to be polled again.
#[derive(Clone, Copy)]
pub enum NextPoll {
    /// After an event: a notification of the driver or of the backend.
    OnEvent,
    /// At once, after other devices: the budget was spent and work is left.
    Immediately,
    /// After this time, when the rate limiter admits the next frame.
    After(Duration),
}
