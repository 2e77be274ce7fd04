//! The control queues (virtio 1.2, section 5.3.6.2): which ports there are, what they are called,
//! and who has them open.

use crate::counters::DeviceCounters;
use crate::device::{ActivateError, Activation};
use crate::fields::Fields;
use crate::queue::DeviceQueue;
use std::collections::VecDeque;
use std::sync::Arc;

/// `struct virtio_console_control`: id, event, value.
const MESSAGE_LEN: usize = 8;
/// Messages taken from the guest before others have their turn.
const BUDGET: usize = 64;
/// Messages that wait for the guest. Each of its own messages makes three at most, and none twice.
const MAX_OUTBOUND: usize = 64;

/// The driver has the device ready.
pub const DEVICE_READY: u16 = 0;
/// There is a port.
pub const PORT_ADD: u16 = 1;
/// The driver has the port ready.
pub const PORT_READY: u16 = 3;
/// The port is a console.
pub const CONSOLE_PORT: u16 = 4;
/// Somebody opened or closed the port.
pub const PORT_OPEN: u16 = 6;
/// The port's name.
pub const PORT_NAME: u16 = 7;

/// A message of the driver.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ControlMessage {
    pub port: u32,
    pub event: u16,
    pub value: u16,
}

/// Both control queues.
pub struct Control {
    receive: DeviceQueue,
    transmit: DeviceQueue,
    outbound: VecDeque<Vec<u8>>,
    counters: Arc<DeviceCounters>,
}

impl Control {
    /// Takes the control queues, of which `receive` is the first (towards the guest).
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

    /// What the driver says, and whether it may have said more.
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

    /// Tells the driver something; `text` follows the message itself.
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

    /// Hands over what waits, as far as the driver has buffers.
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

    pub fn broken(&self) -> bool {
        self.receive.broken() || self.transmit.broken()
    }
}

fn parse(bytes: &[u8]) -> Option<ControlMessage> {
    let mut fields = Fields(bytes);
    Some(ControlMessage { port: fields.u32()?, event: fields.u16()?, value: fields.u16()? })
}
