//! State of a running machine, derived from QEMU's events and its exit.

use crate::counters::{Counters, count};
use crate::error::CommandError;
use crate::exit_hints::ExitHints;
use crate::input::InputQueue;
use crate::ports::PortListeners;
use crate::qmp::{self, Command, Qmp, RunStatus};
use oriel_display::Monitors;
use oriel_vmm_api::{Event, PauseReason, RunState};
use parking_lot::{Mutex, MutexGuard};
use serde_json::Value;
use std::process::ExitStatus;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::sync::mpsc::Sender;
use std::thread::JoinHandle;

/// Tracker of a machine's state. It gets QEMU's events, and sends changes to ports, counters, monitors and
/// the machine's owner.
pub(crate) struct StateTracker {
    tracked: Mutex<TrackedState>,
    monitors: Arc<Monitors>,
    counters: Arc<Counters>,
    input: Arc<InputQueue>,
    memory_mib: u32,
    ports: PortListeners,
}

/// State of the machine and hints for its exit reason.
struct TrackedState {
    state: RunState,
    reason: Option<PauseReason>,
    power_pressed: bool,
    exit_hints: ExitHints,
    events: Sender<Event>,
}

/// Threads that read the last messages of an ended process.
pub(crate) struct ReaderThreads {
    /// Reader of QMP.
    pub qmp: JoinHandle<()>,
    /// Reader of standard error, which returns the last lines.
    pub stderr: JoinHandle<Vec<String>>,
}

impl StateTracker {
    /// Creates the tracker of a starting machine with `memory_mib` MiB of memory.
    pub fn new(
        memory_mib: u32,
        monitors: Arc<Monitors>,
        counters: Arc<Counters>,
        input: Arc<InputQueue>,
        ports: PortListeners,
        events: Sender<Event>,
    ) -> Self {
        let tracked = TrackedState {
            state: RunState::Starting,
            reason: None,
            power_pressed: false,
            exit_hints: ExitHints::default(),
            events,
        };
        Self { tracked: Mutex::new(tracked), monitors, counters, input, memory_mib, ports }
    }

    /// Current state of the machine.
    pub fn state(&self) -> RunState {
        self.tracked().state
    }

    /// Records that a user stops the machine, so that its end is not reported as a crash.
    pub fn record_stop_request(&self) {
        self.tracked().exit_hints.stop_requested = true;
    }

    /// Applies a QMP event to state, counters and ports.
    pub fn handle_event(self: &Arc<Self>, qmp: &Qmp, event: qmp::Event) {
        let mut tracked = self.tracked();
        match event {
            qmp::Event::Shutdown { reason } => {
                tracked.exit_hints.panicked |= reason == "guest-panic";
                tracked.exit_hints.shutdown = Some(reason);
            }
            qmp::Event::GuestPanicked => tracked.exit_hints.panicked = true,
            qmp::Event::PortChanged { id, open } => {
                drop(tracked);
                self.ports.changed(&id, open);
            }
            qmp::Event::Reset => {
                count(&self.counters.resets);
                tracked.power_pressed = false;
                if tracked.state == RunState::Stopping {
                    tracked.set_state(RunState::Running);
                }
            }
            qmp::Event::BalloonChange { actual } => {
                let given = u64::from(self.memory_mib).saturating_sub(actual >> 20);
                self.counters.balloon_mib.store(given, Ordering::Relaxed);
            }
            qmp::Event::Powerdown => {
                tracked.power_pressed = true;
                tracked.set_state(RunState::Stopping);
            }
            qmp::Event::Resumed => {
                let state = if tracked.power_pressed { RunState::Stopping } else { RunState::Running };
                tracked.set_state(state);
            }
            qmp::Event::Stopped => {
                // The event has no reason; the status query returns it.
                let (tracker, then) = (Arc::clone(self), qmp.clone());
                drop(tracked);
                qmp.execute_then(&Command::QueryStatus, move |response| tracker.stopped(&then, response));
            }
        }
    }

    /// Handles the response to [`Command::QueryStatus`] after a stop: a requested pause, a full disk of the
    /// host, or a failed virtual processor.
    fn stopped(&self, qmp: &Qmp, response: Result<Value, CommandError>) {
        let Ok(RunStatus { status }) =
            response.and_then(|value| serde_json::from_value(value).map_err(|_| CommandError::Ended))
        else {
            return;
        };
        let mut tracked = self.tracked();
        match status.as_str() {
            "paused" => tracked.set_state(RunState::Paused),
            "io-error" => {
                count(&self.counters.disk_pauses);
                // QEMU reports errors other than a full disk to the guest (werror=enospc).
                oriel_vmm_api::log_limited!(
                    warn,
                    "the host's disk is full: the guest waits; make room, then resume it"
                );
                tracked.set(RunState::Paused, Some(PauseReason::DiskFull));
            }
            "internal-error" => {
                tracked.exit_hints.processor_failed = true;
                drop(tracked);
                qmp.execute_then(&Command::Quit, drop);
            }
            _ => {}
        }
    }

    /// Reports the end of the process and its reason to monitors, ports, the input queue and the machine's
    /// owner.
    pub fn process_exited(&self, status: ExitStatus, readers: ReaderThreads) {
        // Both threads end with the process; their last messages are needed for the exit reason.
        drop(readers.qmp.join());
        let lines = readers.stderr.join().unwrap_or_default();
        self.input.end();
        self.ports.close_all();
        let (reason, text) = self.tracked().exit_hints.explain(status, lines.last().map(String::as_str));
        tracing::info!(?reason, "{text}");
        self.monitors.close(&text);
        self.tracked().send_event(Event::Ended { reason, text });
    }

    /// Locks the state.
    fn tracked(&self) -> MutexGuard<'_, TrackedState> {
        self.tracked.lock()
    }
}

impl TrackedState {
    /// Sets the state, without a pause reason.
    fn set_state(&mut self, state: RunState) {
        self.set(state, None);
    }

    /// Sets state and pause reason, and sends an event if either changed.
    fn set(&mut self, state: RunState, reason: Option<PauseReason>) {
        if (self.state, self.reason) != (state, reason) {
            self.state = state;
            self.reason = reason;
            self.send_event(Event::State { state, reason });
        }
    }

    /// Sends an event to the machine's owner, who may have dropped the receiver.
    fn send_event(&self, event: Event) {
        drop(self.events.send(event));
    }
}

#[cfg(test)]
#[path = "state_tests.rs"]
mod tests;
