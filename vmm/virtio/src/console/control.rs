//! Control queues of a console (VIRTIO 1.2, section 5.3.6.2): existence, names and open state of ports.

use crate::counters::DeviceCounters;
use crate::device::{ActivateError, Activation};
use crate::fields::Fields;
use crate::queue::DeviceQueue;
use std::collections::VecDeque;
use std::sync::Arc;

/// `struct virtio_console_control`: id, event, value.
const MESSAGE_LEN: usize = 8;
/// Maximum number of messages processed before the event loop serves other devices.
const BUDGET: usize = 64;
/// Maximum number of messages queued for the driver; one message of the driver causes at most three.
const MAX_OUTBOUND: usize = 64;

/// Event VIRTIO_CONSOLE_DEVICE_READY: the driver has set up the device.
pub const DEVICE_READY: u16 = 0;
/// Event VIRTIO_CONSOLE_DEVICE_ADD: the device has this port.
pub const PORT_ADD: u16 = 1;
/// Event VIRTIO_CONSOLE_PORT_READY: the driver has set up the port.
pub const PORT_READY: u16 = 3;
/// Event VIRTIO_CONSOLE_CONSOLE_PORT: the port is a console.
pub const CONSOLE_PORT: u16 = 4;
/// Event VIRTIO_CONSOLE_PORT_OPEN: an application opened (1) or closed (0) the port.
pub const PORT_OPEN: u16 = 6;
/// Event VIRTIO_CONSOLE_PORT_NAME: name of the port, behind the message.
pub const PORT_NAME: u16 = 7;

/// Control message of the driver (`struct virtio_console_control`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ControlMessage {
    /// Number of the port.
    pub port: u32,
    /// Event, e.g. [`PORT_OPEN`].
    pub event: u16,
    /// Value of the event, mostly 0 or 1.
    pub value: u16,
}

/// Control queues of an activated console, receive and transmit.
pub struct Control {
    receive: DeviceQueue,
    transmit: DeviceQueue,
    outbound: VecDeque<Vec<u8>>,
    counters: Arc<DeviceCounters>,
}

impl Control {
    /// Takes the control queues out of `activation`; `receive` is the index of the queue towards the guest.
    ///
    /// # Errors
    /// When one of the queues is missing or outside of guest memory.
    pub fn activate(
        activation: &mut Activation,
        receive: u16,
        counters: &Arc<DeviceCounters>,
    ) -> Result<Self, ActivateError> {
        Ok(Self {
            receive: DeviceQueue::take(activation, receive, counters)?,
            transmit: DeviceQueue::take(activation, receive + 1, counters)?,
            outbound: VecDeque::new(),
            counters: counters.clone(),
        })
    }

    /// Takes messages of the driver. The flag is true if more messages may be left.
    pub fn messages(&mut self) -> (Vec<ControlMessage>, bool) {
        let mut messages = Vec::new();
        let mut more = true;
        for _ in 0..BUDGET {
            let Some(chain) = self.transmit.pop() else {
                more = false;
                break;
            };
            let mut bytes = [0; MESSAGE_LEN];
            if chain.read(0, &mut bytes).is_err() {
                self.transmit.complete_malformed(chain);
                continue;
            }
            messages.extend(parse(&bytes));
            self.transmit.complete(chain, 0);
        }
        self.transmit.signal();
        (messages, more)
    }

    /// Queues a message for the driver; `text` follows the message itself.
    pub fn send(&mut self, port: u32, event: u16, value: u16, text: &str) {
        if self.outbound.len() == MAX_OUTBOUND {
            self.counters.console_control_refused.add_one();
            return;
        }
        let mut message = port.to_le_bytes().to_vec();
        message.extend_from_slice(&event.to_le_bytes());
        message.extend_from_slice(&value.to_le_bytes());
        message.extend_from_slice(text.as_bytes());
        self.outbound.push_back(message);
    }

    /// Sends queued messages, as far as the driver has buffers.
    pub fn send_queued(&mut self) {
        while let Some(message) = self.outbound.front() {
            let Some(chain) = self.receive.pop() else { break };
            if chain.write(0, message).is_err() {
                self.receive.complete_malformed(chain);
                continue;
            }
            self.receive.complete(chain, message.len() as u32);
            self.outbound.pop_front();
        }
        self.receive.signal();
    }

    /// Whether a control queue is broken.
    pub fn broken(&self) -> bool {
        self.receive.broken() || self.transmit.broken()
    }
}

/// Parses a control message; `None` if too few bytes are given.
fn parse(bytes: &[u8]) -> Option<ControlMessage> {
    let mut fields = Fields(bytes);
    Some(ControlMessage { port: fields.u32()?, event: fields.u16()?, value: fields.u16()? })
}
