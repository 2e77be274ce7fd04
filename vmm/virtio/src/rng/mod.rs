//! virtio-rng (VIRTIO 1.2, section 5.4): random bytes of the host's kernel for the guest.
//!
//! Queues: request queue (0), whose device-writable buffers are filled. The device has no features and no
//! configuration space of its own.

#[cfg(test)]
mod tests;

use crate::counters::DeviceCounters;
use crate::device::{ActivateError, Activation, VirtioDevice};
use crate::queue::{Chain, DeviceQueue, RING_FEATURES};
use std::sync::Arc;

const REQUEST_QUEUE: u16 = 0;
const QUEUE_SIZES: [u16; 1] = [8];

/// Maximum number of bytes for one request, however long its buffers are.
const MAX_REQUEST: usize = 64 << 10;
/// Number of bytes drawn from the kernel at a time.
const DRAW: usize = 256;

/// Virtio-rng device (VIRTIO 1.2, section 5.4).
pub struct Rng {
    counters: Arc<DeviceCounters>,
    requests: Option<DeviceQueue>,
}

impl Rng {
    /// Creates an entropy device that draws from getrandom(2).
    pub fn new(counters: Arc<DeviceCounters>) -> Self {
        Self { counters, requests: None }
    }
}

/// Fills the chain up to [`MAX_REQUEST`] bytes; returns the number of bytes written.
fn fill(chain: &Chain) -> u32 {
    let wanted = chain.writable_len().min(MAX_REQUEST);
    let mut done = 0;
    let mut random = [0; DRAW];
    while done < wanted {
        let Some(piece) = random.get_mut(..DRAW.min(wanted - done)) else { break };
        if let Err(error) = getrandom::fill(piece) {
            oriel_vmm_api::log_limited!(error, %error, "the host has no randomness to give");
            break;
        }
        if chain.write(done, piece).is_err() {
            break;
        }
        done += piece.len();
    }
    done as u32
}

impl VirtioDevice for Rng {
    fn device_id(&self) -> u16 {
        4
    }

    fn name(&self) -> &'static str {
        "rng"
    }

    fn pci_class(&self) -> u32 {
        0xFF_00_00
    }

    fn features(&self) -> u64 {
        RING_FEATURES
    }

    fn queue_sizes(&self) -> &[u16] {
        &QUEUE_SIZES
    }

    fn read_config(&self, _offset: u64, data: &mut [u8]) {
        data.fill(0);
    }

    fn activate(&mut self, mut activation: Activation) -> Result<(), ActivateError> {
        self.requests = Some(DeviceQueue::take(&mut activation, REQUEST_QUEUE, &self.counters)?);
        Ok(())
    }

    fn queue_notified(&mut self, index: u16) {
        let Some(requests) = self.requests.as_mut().filter(|_| index == REQUEST_QUEUE) else { return };
        while let Some(chain) = requests.pop() {
            if chain.writable_len() == 0 {
                requests.complete_malformed(chain);
                continue;
            }
            let written = fill(&chain);
            requests.complete(chain, written);
        }
        requests.signal();
    }

    fn reset(&mut self) {
        self.requests = None;
    }

    fn needs_reset(&self) -> bool {
        self.requests.as_ref().is_some_and(DeviceQueue::broken)
    }
}
