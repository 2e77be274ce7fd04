//! One port: a pair of queues, and where its output goes.

use crate::counters::Counters;
use crate::device::{ActivateError, Activation};
use crate::queue::{Chain, DeviceQueue};
use std::io::Write;
use std::sync::Arc;

/// Bytes taken out of one buffer, however long it claims to be.
const MAX_WRITE: usize = 1 << 20;
/// Bytes handed on at a time.
const PIECE: usize = 4096;

/// The device's side of a port. Guests may offer buffers for input; nothing is typed into them.
pub struct Port {
    sink: Box<dyn Write + Send>,
    counters: Arc<Counters>,
    active: Option<Active>,
}

struct Active {
    receive: DeviceQueue,
    transmit: DeviceQueue,
}

impl Port {
    pub fn new(sink: Box<dyn Write + Send>, counters: Arc<Counters>) -> Self {
        Self { sink, counters, active: None }
    }

    /// Takes the port's two queues, of which `receive` is the first (towards the guest).
    pub fn activate(&mut self, activation: &mut Activation, receive: u16) -> Result<(), ActivateError> {
        let receive_queue = DeviceQueue::take(activation, receive, &self.counters)?;
        let transmit_queue = DeviceQueue::take(activation, receive + 1, &self.counters)?;
        self.active = Some(Active { receive: receive_queue, transmit: transmit_queue });
        Ok(())
    }

    /// Hands on what the guest wrote.
    pub fn transmit(&mut self) {
        let Some(Active { transmit, .. }) = &mut self.active else { return };
        while let Some(chain) = transmit.pop() {
            if chain.readable_len() == 0 {
                transmit.complete_malformed(chain);
                continue;
            }
            if hand_on(&chain, &mut self.sink).is_none() {
                self.counters.console_lost.add_one();
            }
            transmit.complete(chain, 0);
        }
        transmit.signal();
    }

    pub fn reset(&mut self) {
        self.active = None;
    }

    pub fn broken(&self) -> bool {
        self.active.as_ref().is_some_and(|active| active.receive.broken() || active.transmit.broken())
    }
}

/// `None` if some of it was lost.
fn hand_on(chain: &Chain, sink: &mut dyn Write) -> Option<()> {
    let len = chain.readable_len();
    let mut piece = [0; PIECE];
    let mut done = 0;
    while done < len.min(MAX_WRITE) {
        let bytes = piece.get_mut(..PIECE.min(len - done))?;
        chain.read(done, bytes).ok()?;
        sink.write_all(bytes).ok()?;
        done += bytes.len();
    }
    (done == len).then_some(())
}
