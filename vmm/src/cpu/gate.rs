//! The gate that every vCPU thread passes before it enters the guest.

use std::sync::{Condvar, Mutex, PoisonError};

/// What the machine's driver wants of its processors.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Order {
    Run,
    Pause,
    End,
}

struct State {
    order: Order,
    /// Threads that wait at the gate.
    waiting: usize,
    /// Threads that have ended.
    ended: usize,
}

/// What a thread is to do after it passed the gate.
#[derive(Debug, PartialEq, Eq)]
pub enum Passage {
    /// Enter the guest; `true` after a pause.
    Enter(bool),
    /// End the thread.
    End,
}

/// One gate for all processors of a VM. It opens closed, so that none starts before all are there.
pub struct Gate {
    state: Mutex<State>,
    changed: Condvar,
    threads: usize,
}

impl Gate {
    /// A closed gate for `threads` processors.
    pub fn new(threads: usize) -> Self {
        let state = State { order: Order::Pause, waiting: 0, ended: 0 };
        Self { state: Mutex::new(state), changed: Condvar::new(), threads }
    }

    /// A vCPU thread asks; it waits here while the gate is closed.
    pub fn pass(&self) -> Passage {
        let mut state = crate::lock(&self.state);
        let mut waited = false;
        loop {
            match state.order {
                Order::Run => return Passage::Enter(waited),
                Order::End => return Passage::End,
                Order::Pause => {
                    waited = true;
                    state.waiting += 1;
                    self.changed.notify_all();
                    state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
                    state.waiting -= 1;
                }
            }
        }
    }

    /// A vCPU thread ends for good.
    pub fn leave(&self) {
        crate::lock(&self.state).ended += 1;
        self.changed.notify_all();
    }

    /// Lets all through.
    pub fn open(&self) {
        self.order(Order::Run);
    }

    /// Closes the gate, calls `kick` to get processors out of the guest, and waits until all wait.
    pub fn close(&self, kick: impl FnOnce()) {
        self.order(Order::Pause);
        kick();
        let state = crate::lock(&self.state);
        let busy = |state: &mut State| state.waiting + state.ended < self.threads;
        drop(self.changed.wait_while(state, busy));
    }

    /// Sends all threads home.
    pub fn end(&self) {
        self.order(Order::End);
    }

    fn order(&self, order: Order) {
        crate::lock(&self.state).order = order;
        self.changed.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU64, Ordering};

    #[test]
    fn nobody_runs_while_it_is_closed() {
        let gate = Arc::new(Gate::new(2));
        let turns = Arc::new(AtomicU64::new(0));
        let threads: Vec<_> = (0..2)
            .map(|_| {
                let (gate, turns) = (gate.clone(), turns.clone());
                std::thread::spawn(move || {
                    while gate.pass() != Passage::End {
                        turns.fetch_add(1, Ordering::Relaxed);
                    }
                    gate.leave();
                })
            })
            .collect();
        gate.close(|| ());
        assert_eq!(turns.load(Ordering::Relaxed), 0, "it opens closed");
        gate.open();
        while turns.load(Ordering::Relaxed) < 100 {
            std::thread::yield_now();
        }
        gate.close(|| ());
        let before = turns.load(Ordering::Relaxed);
        std::thread::yield_now();
        assert_eq!(turns.load(Ordering::Relaxed), before);
        gate.end();
        threads.into_iter().for_each(|thread| thread.join().unwrap());
    }

    #[test]
    fn a_pause_is_known_to_who_waited() {
        let gate = Gate::new(1);
        gate.open();
        assert_eq!(gate.pass(), Passage::Enter(false));
        gate.end();
        assert_eq!(gate.pass(), Passage::End);
    }
}
