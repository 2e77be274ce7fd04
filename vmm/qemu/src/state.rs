//! State of a running machine, derived from QEMU's events and its exit.

use crate::counters::{Counters, count};
use crate::disk_full::{self, SpaceWait};
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
    space_wait: SpaceWait,
    /// Number of waits for disk space so far, by which a thread knows its own.
    space_waits: u64,
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
            space_wait: SpaceWait::None,
            space_waits: 0,
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
            // The guest may stop again at once.
            qmp::Event::Resumed if tracked.space_wait == SpaceWait::Trying => {}
            qmp::Event::Resumed => tracked.set_running(),
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
    fn stopped(self: &Arc<Self>, qmp: &Qmp, response: Result<Value, CommandError>) {
        let Ok(RunStatus { status }) =
            response.and_then(|value| serde_json::from_value(value).map_err(|_| CommandError::Ended))
        else {
            return;
        };
        let mut tracked = self.tracked();
        match status.as_str() {
            "paused" => {
                tracked.space_wait = SpaceWait::None;
                tracked.set_state(RunState::Paused);
            }
            "io-error" => {
                // QEMU reports errors other than a full disk to the guest (werror=enospc).
                let before = std::mem::replace(&mut tracked.space_wait, SpaceWait::Stopped);
                tracked.set(RunState::Paused, Some(PauseReason::DiskFull));
                if before == SpaceWait::None {
                    tracked.space_waits = tracked.space_waits.wrapping_add(1);
                    let wait = tracked.space_waits;
                    drop(tracked);
                    count(&self.counters.disk_pauses);
                    oriel_vmm_api::log_limited!(
                        error,
                        "the host has no space for a disk's writes: the guest is paused until there is some"
                    );
                    let (begin, end) = (Arc::clone(self), Arc::clone(self));
                    let waiting = disk_full::retry(
                        qmp,
                        move || begin.begin_attempt(wait),
                        move || end.end_attempt(wait),
                    );
                    if let Err(error) = waiting {
                        oriel_vmm_api::log_limited!(
                            error,
                            %error,
                            "no thread to wait for disk space; resume the desktop by hand"
                        );
                        self.abandon_wait();
                    }
                }
            }
            "internal-error" => {
                tracked.exit_hints.processor_failed = true;
                drop(tracked);
                qmp.execute_then(&Command::Quit, drop);
            }
            _ => {}
        }
    }

    /// Begins an attempt to continue a guest that waits for disk space; false when wait number `wait` is over.
    pub fn begin_attempt(&self, wait: u64) -> bool {
        let mut tracked = self.tracked();
        if tracked.space_wait == SpaceWait::None || tracked.space_waits != wait {
            return false;
        }
        tracked.space_wait = SpaceWait::Trying;
        true
    }

    /// Ends an attempt, and returns whether wait number `wait` is over: the guest has not stopped again.
    pub fn end_attempt(&self, wait: u64) -> bool {
        let mut tracked = self.tracked();
        if tracked.space_waits != wait {
            return true;
        }
        match tracked.space_wait {
            SpaceWait::None => true,
            SpaceWait::Stopped => false,
            SpaceWait::Trying => {
                oriel_vmm_api::log_limited!(
                    info,
                    "the host has space for the disks' writes again: the guest is resumed"
                );
                tracked.set_running();
                true
            }
        }
    }

    /// Ends a wait for disk space without an attempt, before a user resumes the guest.
    pub fn abandon_wait(&self) {
        self.tracked().space_wait = SpaceWait::None;
    }

    /// Records that a user pauses the guest. QEMU sends no event for a guest that waits for disk space.
    pub fn record_pause_request(&self) {
        let mut tracked = self.tracked();
        if tracked.space_wait != SpaceWait::None {
            tracked.space_wait = SpaceWait::None;
            tracked.set_state(RunState::Paused);
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
        self.abandon_wait();
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
    /// Sets the state of a guest that executes, at the end of a pause.
    fn set_running(&mut self) {
        self.space_wait = SpaceWait::None;
        self.set_state(if self.power_pressed { RunState::Stopping } else { RunState::Running });
    }

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
