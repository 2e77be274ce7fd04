//! How much is done before the event loop goes on to other devices.

/// A wake's worth of work. A quarter of a millisecond or so, most of it copying.
const MAX_CHAINS: u32 = 256;
const MAX_BYTES: usize = 512 << 10;

/// What is left of it.
#[derive(Debug)]
pub struct PollBudget {
    chains: u32,
    bytes: usize,
}

impl PollBudget {
    pub fn new() -> Self {
        Self { chains: MAX_CHAINS, bytes: MAX_BYTES }
    }

    pub fn spent(&self) -> bool {
        self.chains == 0 || self.bytes == 0
    }

    /// A chain was looked at.
    pub fn chain(&mut self) {
        self.chains = self.chains.saturating_sub(1);
    }

    /// A frame of so many bytes was copied.
    pub fn frame(&mut self, bytes: usize) {
        self.bytes = self.bytes.saturating_sub(bytes);
    }
}
