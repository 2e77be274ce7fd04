//! The console as the transport sees it.

use super::port::Port;
use crate::counters::Counters;
use crate::device::{ActivateError, Activation, VirtioDevice};
use crate::queue::RING_FEATURES;
use std::io::Write;
use std::sync::Arc;

/// Port 0's queues; with VIRTIO_CONSOLE_F_MULTIPORT, control queues and further pairs follow.
const RECEIVE_QUEUE: u16 = 0;
const TRANSMIT_QUEUE: u16 = 1;
const QUEUE_SIZES: [u16; 2] = [64, 64];

/// A console that a guest writes to.
pub struct Console {
    port: Port,
}

impl Console {
    /// A console whose output goes to `sink`, on the event loop's thread: it must neither block
    /// nor grow without bound. What it refuses is counted and lost.
    pub fn new(sink: Box<dyn Write + Send>, counters: Arc<Counters>) -> Self {
        Self { port: Port::new(sink, counters) }
    }
}

impl VirtioDevice for Console {
    fn device_id(&self) -> u16 {
        3
    }

    fn name(&self) -> &'static str {
        "console"
    }

    fn pci_class(&self) -> u32 {
        0x07_80_00
    }

    fn features(&self) -> u64 {
        RING_FEATURES
    }

    fn queue_sizes(&self) -> &[u16] {
        &QUEUE_SIZES
    }

    /// Size, ports and emergency write belong to features that are not offered.
    fn read_config(&self, _offset: u64, data: &mut [u8]) {
        data.fill(0);
    }

    fn activate(&mut self, mut activation: Activation) -> Result<(), ActivateError> {
        self.port.activate(&mut activation, RECEIVE_QUEUE)
    }

    fn queue_notified(&mut self, index: u16) {
        if index == TRANSMIT_QUEUE {
            self.port.transmit();
        }
    }

    fn reset(&mut self) {
        self.port.reset();
    }

    fn needs_reset(&self) -> bool {
        self.port.broken()
    }
}
