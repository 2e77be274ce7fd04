//! Gate that every vCPU thread passes before it enters the guest.
//!
//! The state driver opens, closes and ends it; the threads wait at it. It neither interrupts a thread in the
//! guest, which is `kick`'s task, nor knows the machine's states.

use parking_lot::{Condvar, Mutex};

/// State that the state driver has set for all vCPU threads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum TargetState {
    Run,
    Pause,
    End,
}

/// State of the gate, behind one lock.
struct State {
    target: TargetState,
    /// Number of threads that wait at the gate.
    waiting: usize,
    /// Number of threads that have ended.
    ended: usize,
}

/// Instruction to a vCPU thread that has passed the gate.
#[derive(Debug, PartialEq, Eq)]
pub enum Passage {
    /// Enter the guest; `true` if the thread has waited at the gate.
    Enter(bool),
    /// End the thread.
    End,
}

/// Gate for all virtual processors of a VM. It is closed at first, so that no processor runs before all
/// exist.
pub struct Gate {
    state: Mutex<State>,
    changed: Condvar,
    threads: usize,
}

impl Gate {
    /// Creates a closed gate for `threads` vCPU threads.
    pub fn new(threads: usize) -> Self {
        let state = State { target: TargetState::Pause, waiting: 0, ended: 0 };
        Self { state: Mutex::new(state), changed: Condvar::new(), threads }
    }

    /// Passes the gate; called on a vCPU thread, which waits while the gate is closed.
    pub fn pass(&self) -> Passage {
        let mut state = self.state.lock();
        let mut waited = false;
        loop {
            match state.target {
                TargetState::Run => return Passage::Enter(waited),
                TargetState::End => return Passage::End,
                TargetState::Pause => {
                    waited = true;
                    state.waiting += 1;
                    self.changed.notify_all();
                    self.changed.wait(&mut state);
                    state.waiting -= 1;
                }
            }
        }
    }

    /// Removes the calling vCPU thread, which is about to end, so that [`Self::close`] does not wait for it.
    pub fn leave(&self) {
        self.state.lock().ended += 1;
        self.changed.notify_all();
    }

    /// Opens the gate for all vCPU threads.
    pub fn open(&self) {
        self.set_target(TargetState::Run);
    }

    /// Closes the gate, calls `kick` to force exits from the guest, and returns once every vCPU thread waits
    /// at the gate or has ended.
    pub fn close(&self, kick: impl FnOnce()) {
        self.set_target(TargetState::Pause);
        kick();
        let mut state = self.state.lock();
        let busy = |state: &mut State| state.waiting + state.ended < self.threads;
        self.changed.wait_while(&mut state, busy);
    }

    /// Makes every vCPU thread end at its next passage.
    pub fn end(&self) {
        self.set_target(TargetState::End);
    }

    /// Sets the target state and wakes the waiting threads.
    fn set_target(&self, target: TargetState) {
        self.state.lock().target = target;
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
