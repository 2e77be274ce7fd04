//! Poll budget of a network queue, as in Linux's NAPI: the amount of work before the event loop serves other
//! devices.

use std::time::Duration;

/// Maximum number of chains of a poll. Both limits are about a quarter of a millisecond of work, mostly
/// copying.
const MAX_CHAINS: u32 = 256;
/// Maximum number of bytes of a poll.
const MAX_BYTES: usize = 512 << 10;

/// Remaining budget of a poll, in descriptor chains and bytes.
#[derive(Debug)]
pub struct PollBudget {
    chains: u32,
    bytes: usize,
}

impl PollBudget {
    /// Creates a full budget.
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

/// Time of a queue's next poll.
#[derive(Clone, Copy)]
pub enum NextPoll {
    /// Poll after the next notification of the driver or event of the backend.
    OnEvent,
    /// Poll after other devices were served: the budget was spent and work is left.
    Immediately,
    /// Poll after this time, when the rate limiter admits the next frame.
    After(Duration),
}
