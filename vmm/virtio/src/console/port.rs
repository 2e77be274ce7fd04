//! One port of a console: a pair of virtqueues and a backend on the host.

use super::port_backend::{NamedPort, PortBackend, PortSocket, WriteOutcome};
use crate::counters::DeviceCounters;
use crate::device::{ActivateError, Activation};
use crate::queue::{Chain, DeviceQueue};
use std::io::{self, Write};
use std::sync::Arc;

/// Maximum number of bytes of a chain that are written to the host.
const MAX_WRITE: usize = 1 << 20;
/// Number of bytes copied at a time.
const CHUNK: usize = 4096;
/// Maximum number of chunks copied in each direction before the event loop serves other devices.
const BUDGET: usize = 256;

/// Result of polling a port.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PollOutcome {
    /// The port has no work until the next event.
    Idle,
    /// The budget was spent and work is left: the port must be polled again.
    MoreWork,
}

/// Port of a console: a pair of queues and a backend on the host.
pub struct Port {
    backend: PortBackend,
    name: &'static str,
    on_open: Box<dyn FnMut(bool) + Send>,
    /// Whether a program in the guest has the port open; always true for the console.
    open: bool,
    counters: Arc<DeviceCounters>,
    active: Option<Active>,
}

/// Queues of an activated port.
struct Active {
    receive: DeviceQueue,
    transmit: DeviceQueue,
    /// Buffer of the driver for the next bytes from the host.
    receive_buffer: Option<Chain>,
    /// Chain of the driver, and the number of its bytes that are written to the host.
    partly_written: Option<(Chain, usize)>,
}

impl Port {
    /// Creates port 0, the console, whose output goes to `sink`.
    pub fn console(sink: Box<dyn Write + Send>, counters: Arc<DeviceCounters>) -> Self {
        let (backend, on_open) = (PortBackend::Log(sink), Box::new(|_| ()));
        Self { backend, name: "", on_open, open: true, counters, active: None }
    }

    /// Creates a named port for programs in the guest, initially closed.
    ///
    /// # Errors
    /// When the host is out of file descriptors.
    pub fn named(port: NamedPort, counters: Arc<DeviceCounters>) -> io::Result<Self> {
        let NamedPort { name, stream, on_open } = port;
        let backend = PortBackend::Socket(PortSocket::new(stream)?);
        Ok(Self { backend, name, on_open, open: false, counters, active: None })
    }

    /// Returns the name of the port; empty for the console.
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// Returns the socket of a named port.
    pub fn socket(&self) -> Option<&PortSocket> {
        match &self.backend {
            PortBackend::Socket(stream) => Some(stream),
            PortBackend::Log(_) => None,
        }
    }

    /// Takes the port's queues out of `activation`; `receive` is the index of the queue towards the guest.
    ///
    /// # Errors
    /// When one of the queues is missing or outside of guest memory.
    pub fn activate(&mut self, activation: &mut Activation, receive: u16) -> Result<(), ActivateError> {
        let receive_queue = DeviceQueue::take(activation, receive, &self.counters)?;
        let transmit_queue = DeviceQueue::take(activation, receive + 1, &self.counters)?;
        self.active = Some(Active {
            receive: receive_queue,
            transmit: transmit_queue,
            receive_buffer: None,
            partly_written: None,
        });
        Ok(())
    }

    /// Sets whether a program in the guest has the port open. A closing drops data in flight in both
    /// directions, which is not meant for the next program.
    pub fn set_open(&mut self, open: bool) {
        let PortBackend::Socket(stream) = &mut self.backend else { return };
        if open == self.open {
            return;
        }
        self.open = open;
        (self.on_open)(open);
        if !open {
            stream.drain();
            if let Some(active) = &mut self.active
                && let Some((chain, _)) = active.partly_written.take()
            {
                active.transmit.complete(chain, 0);
                active.transmit.signal();
            }
        }
        self.set_interest();
    }

    /// Copies data in both directions, as far as the budget, buffers and the socket allow.
    pub fn poll(&mut self) -> PollOutcome {
        let outcomes = [self.transmit(), self.receive()];
        self.set_interest();
        if outcomes.contains(&PollOutcome::MoreWork) { PollOutcome::MoreWork } else { PollOutcome::Idle }
    }

    /// Copies from the guest to the host.
    fn transmit(&mut self) -> PollOutcome {
        let Some(Active { transmit, partly_written, .. }) = &mut self.active else {
            return PollOutcome::Idle;
        };
        let mut outcome = PollOutcome::MoreWork;
        for _ in 0..BUDGET {
            let Some((chain, done)) =
                partly_written.take().or_else(|| transmit.pop().map(|chain| (chain, 0)))
            else {
                outcome = PollOutcome::Idle;
                break;
            };
            if chain.readable_len() == 0 {
                transmit.complete_malformed(chain);
                continue;
            }
            let written =
                if self.open { write_chunk(&chain, done, &mut self.backend) } else { WriteOutcome::Lost };
            match written {
                WriteOutcome::Written(count) if done + count < chain.readable_len().min(MAX_WRITE) => {
                    *partly_written = Some((chain, done + count));
                }
                WriteOutcome::WouldBlock => {
                    *partly_written = Some((chain, done));
                    outcome = PollOutcome::Idle;
                    break;
                }
                WriteOutcome::Written(_) | WriteOutcome::Lost => {
                    if written == WriteOutcome::Lost || chain.readable_len() > MAX_WRITE {
                        self.counters.console_lost.add_one();
                    }
                    transmit.complete(chain, 0);
                }
            }
        }
        transmit.signal();
        outcome
    }

    /// Copies from the host to the guest.
    fn receive(&mut self) -> PollOutcome {
        let Some(Active { receive, receive_buffer, .. }) = &mut self.active else { return PollOutcome::Idle };
        if !self.open {
            return PollOutcome::Idle;
        }
        let mut outcome = PollOutcome::MoreWork;
        for _ in 0..BUDGET {
            let Some(chain) = receive_buffer.take().or_else(|| receive.pop()) else {
                outcome = PollOutcome::Idle;
                break;
            };
            let mut chunk = [0; CHUNK];
            let room = chain.writable_len().min(CHUNK);
            if room == 0 {
                receive.complete_malformed(chain);
                continue;
            }
            let read = self.backend.read(chunk.get_mut(..room).unwrap_or_default());
            if read == 0 {
                *receive_buffer = Some(chain);
                outcome = PollOutcome::Idle;
                break;
            }
            // The bytes fit, and the chain was validated to be in guest memory.
            let _ = chain.write(0, chunk.get(..read).unwrap_or_default());
            receive.complete(chain, read as u32);
        }
        receive.signal();
        outcome
    }

    /// Watches the socket for the directions that have a buffer.
    fn set_interest(&mut self) {
        let PortBackend::Socket(stream) = &mut self.backend else { return };
        let active = self.active.as_ref().filter(|_| self.open);
        let read = active.is_some_and(|active| active.receive_buffer.is_some());
        let write = active.is_some_and(|active| active.partly_written.is_some());
        stream.set_interest(read, write);
    }

    /// Closes the port and drops its queues.
    pub fn reset(&mut self) {
        self.set_open(false);
        self.active = None;
        self.set_interest();
    }

    /// Whether one of the port's queues is broken.
    pub fn broken(&self) -> bool {
        self.active.as_ref().is_some_and(|active| active.receive.broken() || active.transmit.broken())
    }
}

/// Writes the next chunk of `chain` to the host, after `done` bytes that were written before.
fn write_chunk(chain: &Chain, done: usize, backend: &mut PortBackend) -> WriteOutcome {
    let mut chunk = [0; CHUNK];
    let count = CHUNK.min(chain.readable_len().min(MAX_WRITE).saturating_sub(done));
    let Some(bytes) = chunk.get_mut(..count) else { return WriteOutcome::Lost };
    if chain.read(done, bytes).is_err() {
        return WriteOutcome::Lost;
    }
    backend.write(bytes)
}
