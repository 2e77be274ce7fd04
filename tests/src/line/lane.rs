//! One direction of a connection over a line: a queue, the line, and what is on its way.

use super::{Duplex, Line, Way};
use std::collections::VecDeque;
use std::io;
use std::net::Shutdown;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

/// Bytes are carried in pieces like this, as in packets.
const PACKET: usize = 1448;

/// Bytes on their way at most, delivered by nobody because the receiver does not read.
const UNDELIVERED: usize = 8 * 1024 * 1024;

/// The packets of one direction.
#[derive(Debug)]
pub(super) struct Lane {
    line: Arc<Line>,
    way: Way,
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    /// In front of the line, each with the moment it came.
    waiting: VecDeque<(Instant, Vec<u8>)>,
    waiting_bytes: usize,
    /// Over the bottleneck, each with the moment it arrives.
    under_way: VecDeque<(Instant, Vec<u8>)>,
    under_way_bytes: usize,
    /// Nothing more comes from the sender.
    sent_all: bool,
    /// Nothing more comes over the bottleneck.
    carried_all: bool,
    /// The receiver is gone.
    broken: bool,
}

impl Lane {
    /// Carries what comes `from` one end `to` the other, until either is done.
    pub fn start(line: Arc<Line>, way: Way, from: impl Duplex, to: impl Duplex) -> io::Result<()> {
        let (state, changed) = (Mutex::default(), Condvar::new());
        let lane = Arc::new(Self { line, way, state, changed });
        let spawn = |name: &str, work: Box<dyn FnOnce(&Self) + Send>| {
            let lane = Arc::clone(&lane);
            std::thread::Builder::new().name(name.to_owned()).spawn(move || work(&lane)).map(drop)
        };
        spawn("line-in", Box::new(|lane| lane.take_in(from)))?;
        spawn("line", Box::new(Self::carry))?;
        spawn("line-out", Box::new(|lane| lane.deliver(to)))
    }

    fn take_in(&self, mut from: impl Duplex) {
        let mut packet = vec![0; PACKET];
        loop {
            let room = {
                let full = |state: &mut State| {
                    !state.broken && state.waiting_bytes + PACKET > self.line.shape.queue.max(PACKET)
                };
                let state = self.wait_while(full);
                !state.broken
            };
            let read = if room { from.read(&mut packet) } else { Ok(0) };
            let mut state = self.lock();
            match read {
                Ok(read @ 1..) => {
                    let bytes = packet.get(..read).unwrap_or_default().to_vec();
                    state.waiting.push_back((Instant::now(), bytes));
                    state.waiting_bytes += read;
                    self.line.waits(self.way, state.waiting_bytes);
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Ok(0) | Err(_) => {
                    state.sent_all = true;
                    from.end(Shutdown::Read);
                    self.changed.notify_all();
                    return;
                }
            }
            self.changed.notify_all();
        }
    }

    fn carry(&self) {
        // The line's own clock: a thread that sleeps a little too long does not make it slower.
        let mut free_at = Instant::now();
        loop {
            let idle = |state: &mut State| {
                let nothing = state.waiting.is_empty() && !state.sent_all;
                !state.broken && (nothing || state.under_way_bytes >= UNDELIVERED)
            };
            let next = self.wait_while(idle).waiting.front().map(|(came, bytes)| (*came, bytes.len()));
            let Some((came, length)) = next else {
                self.lock().carried_all = true;
                self.changed.notify_all();
                return;
            };
            free_at = free_at.max(came) + self.line.time_for(self.way, length);
            sleep_until(free_at);
            let mut state = self.lock();
            if let Some((_, bytes)) = state.waiting.pop_front() {
                state.waiting_bytes -= bytes.len();
                state.under_way_bytes += bytes.len();
                let arrives = free_at + self.line.shape.round_trip / 2;
                state.under_way.push_back((arrives, bytes));
            }
            self.changed.notify_all();
        }
    }

    fn deliver(&self, mut to: impl Duplex) {
        loop {
            let idle = |state: &mut State| state.under_way.is_empty() && !state.carried_all;
            let next = self.wait_while(idle).under_way.pop_front();
            let Some((arrives, bytes)) = next else {
                to.end(Shutdown::Write);
                return;
            };
            sleep_until(self.line.after_stall(arrives));
            let written = to.write_all(&bytes);
            let mut state = self.lock();
            state.under_way_bytes -= bytes.len();
            self.line.carried(self.way, bytes.len());
            if written.is_err() {
                state.broken = true;
                state.carried_all = true;
                state.under_way.clear();
                state.waiting.clear();
                to.end(Shutdown::Both);
            }
            self.changed.notify_all();
        }
    }

    fn wait_while(&self, idle: impl FnMut(&mut State) -> bool) -> MutexGuard<'_, State> {
        self.changed.wait_while(self.lock(), idle).unwrap_or_else(PoisonError::into_inner)
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn sleep_until(then: Instant) {
    let left = then.saturating_duration_since(Instant::now());
    if !left.is_zero() {
        std::thread::sleep(left);
    }
}
