//! The gate that every vCPU thread passes before it enters the guest.

use parking_lot::{Condvar, Mutex};

/// What the machine's driver wants of its processors.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum TargetState {
    Run,
    Pause,
    End,
}

struct State {
    target: TargetState,
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
        let state = State { target: TargetState::Pause, waiting: 0, ended: 0 };
        Self { state: Mutex::new(state), changed: Condvar::new(), threads }
    }

    /// A vCPU thread asks; it waits here while the gate is closed.
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

    /// A vCPU thread ends for good.
    pub fn leave(&self) {
        self.state.lock().ended += 1;
        self.changed.notify_all();
    }

    /// Opens the gate: every thread passes.
    pub fn open(&self) {
        self.set_target(TargetState::Run);
    }

    /// Closes the gate, calls `kick` to get processors out of the guest, and waits until all wait.
    pub fn close(&self, kick: impl FnOnce()) {
        self.set_target(TargetState::Pause);
        kick();
        let mut state = self.state.lock();
        let busy = |state: &mut State| state.waiting + state.ended < self.threads;
        self.changed.wait_while(&mut state, busy);
    }

    /// Has every thread end at its next passage.
    pub fn end(&self) {
        self.set_target(TargetState::End);
    }

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
