//! One port: a pair of queues, and its end on the host.

use super::stream::{HostEnd, NamedPort, Stream, Taken};
use crate::counters::DeviceCounters;
use crate::device::{ActivateError, Activation};
use crate::queue::{Chain, DeviceQueue};
use std::io::{self, Write};
use std::sync::Arc;

/// Bytes taken out of one buffer, however long it claims to be.
const MAX_WRITE: usize = 1 << 20;
/// Bytes handed on at a time.
const PIECE: usize = 4096;
/// Pieces handed on, each way, before others have their turn.
const BUDGET: usize = 256;

/// Whether a port has more to do than its budget allowed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Turn {
    /// Nothing is left that could be done now.
    Done,
    /// It wants another.
    Again,
}

/// The device's side of a port.
pub struct Port {
    end: HostEnd,
    name: &'static str,
    on_open: Box<dyn FnMut(bool) + Send>,
    /// A program in the guest has it open. The console, which has no name, is always.
    open: bool,
    counters: Arc<DeviceCounters>,
    active: Option<Active>,
}

struct Active {
    receive: DeviceQueue,
    transmit: DeviceQueue,
    /// A buffer for what comes next from the host.
    empty: Option<Chain>,
    /// A buffer of which so many bytes were handed on.
    partly: Option<(Chain, usize)>,
}

impl Port {
    /// A console.
    pub fn console(sink: Box<dyn Write + Send>, counters: Arc<DeviceCounters>) -> Self {
        let (end, on_open) = (HostEnd::Log(sink), Box::new(|_| ()));
        Self { end, name: "", on_open, open: true, counters, active: None }
    }

    /// A port for programs.
    ///
    /// # Errors
    /// When the host is out of descriptors.
    pub fn named(port: NamedPort, counters: Arc<DeviceCounters>) -> io::Result<Self> {
        let NamedPort { name, stream, on_open } = port;
        let end = HostEnd::Stream(Stream::new(stream)?);
        Ok(Self { end, name, on_open, open: false, counters, active: None })
    }

    /// Empty for a console.
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// The socket, where there is one.
    pub fn stream(&self) -> Option<&Stream> {
        match &self.end {
            HostEnd::Stream(stream) => Some(stream),
            HostEnd::Log(_) => None,
        }
    }

    /// Takes the port's two queues, of which `receive` is the first (towards the guest).
    pub fn activate(&mut self, activation: &mut Activation, receive: u16) -> Result<(), ActivateError> {
        let receive_queue = DeviceQueue::take(activation, receive, &self.counters)?;
        let transmit_queue = DeviceQueue::take(activation, receive + 1, &self.counters)?;
        self.active =
            Some(Active { receive: receive_queue, transmit: transmit_queue, empty: None, partly: None });
        Ok(())
    }

    /// A program in the guest opened or closed the port. What lies about in either direction at a
    /// closing was not meant for the next one.
    pub fn set_open(&mut self, open: bool) {
        let HostEnd::Stream(stream) = &mut self.end else { return };
        if open == self.open {
            return;
        }
        self.open = open;
        (self.on_open)(open);
        if !open {
            stream.drain();
            if let Some(active) = &mut self.active
                && let Some((chain, _)) = active.partly.take()
            {
                active.transmit.complete(chain, 0);
                active.transmit.signal();
            }
        }
        self.watch();
    }

    /// Hands on what can be handed on, both ways.
    pub fn turn(&mut self) -> Turn {
        let turns = [self.transmit(), self.receive()];
        self.watch();
        if turns.contains(&Turn::Again) { Turn::Again } else { Turn::Done }
    }

    /// What the guest wrote, to the host.
    fn transmit(&mut self) -> Turn {
        let Some(Active { transmit, partly, .. }) = &mut self.active else { return Turn::Done };
        let mut turn = Turn::Again;
        for _ in 0..BUDGET {
            let Some((chain, done)) = partly.take().or_else(|| transmit.pop().map(|chain| (chain, 0))) else {
                turn = Turn::Done;
                break;
            };
            if chain.readable_len() == 0 {
                transmit.complete_malformed(chain);
                continue;
            }
            let taken = if self.open { hand_on(&chain, done, &mut self.end) } else { Taken::Lost };
            match taken {
                Taken::Some(count) if done + count < chain.readable_len().min(MAX_WRITE) => {
                    *partly = Some((chain, done + count));
                }
                Taken::Later => {
                    *partly = Some((chain, done));
                    turn = Turn::Done;
                    break;
                }
                Taken::Some(_) | Taken::Lost => {
                    if taken == Taken::Lost || chain.readable_len() > MAX_WRITE {
                        self.counters.console_lost.add_one();
                    }
                    transmit.complete(chain, 0);
                }
            }
        }
        transmit.signal();
        turn
    }

    /// What the host wrote, to the guest.
    fn receive(&mut self) -> Turn {
        let Some(Active { receive, empty, .. }) = &mut self.active else { return Turn::Done };
        if !self.open {
            return Turn::Done;
        }
        let mut turn = Turn::Again;
        for _ in 0..BUDGET {
            let Some(chain) = empty.take().or_else(|| receive.pop()) else {
                turn = Turn::Done;
                break;
            };
            let mut piece = [0; PIECE];
            let room = chain.writable_len().min(PIECE);
            if room == 0 {
                receive.complete_malformed(chain);
                continue;
            }
            let read = self.end.read(piece.get_mut(..room).unwrap_or_default());
            if read == 0 {
                *empty = Some(chain);
                turn = Turn::Done;
                break;
            }
            // It fits, and a chain's parts were checked to lie in memory.
            let _ = chain.write(0, piece.get(..read).unwrap_or_default());
            receive.complete(chain, read as u32);
        }
        receive.signal();
        turn
    }

    /// Has the socket watched for what there is a buffer for.
    fn watch(&mut self) {
        let HostEnd::Stream(stream) = &mut self.end else { return };
        let active = self.active.as_ref().filter(|_| self.open);
        let read = active.is_some_and(|active| active.empty.is_some());
        let write = active.is_some_and(|active| active.partly.is_some());
        stream.watch(read, write);
    }

    pub fn reset(&mut self) {
        self.set_open(false);
        self.active = None;
        self.watch();
    }

    pub fn broken(&self) -> bool {
        self.active.as_ref().is_some_and(|active| active.receive.broken() || active.transmit.broken())
    }
}

/// The next piece of what the guest wrote into `chain`, of which `done` bytes were handed on.
fn hand_on(chain: &Chain, done: usize, end: &mut HostEnd) -> Taken {
    let mut piece = [0; PIECE];
    let count = PIECE.min(chain.readable_len().min(MAX_WRITE).saturating_sub(done));
    let Some(bytes) = piece.get_mut(..count) else { return Taken::Lost };
    if chain.read(done, bytes).is_err() {
        return Taken::Lost;
    }
    end.write(bytes)
}
