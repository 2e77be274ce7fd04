//! What is known of a running machine: its state, and signs of its end.

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

/// Gathers what QEMU's connections tell and passes on what others want to hear.
pub(crate) struct StateTracker {
    tracked: Mutex<TrackedState>,
    monitors: Arc<Monitors>,
    counters: Arc<Counters>,
    input: Arc<InputQueue>,
    memory_mib: u32,
    ports: PortListeners,
}

struct TrackedState {
    state: RunState,
    reason: Option<PauseReason>,
    power_pressed: bool,
    exit_hints: ExitHints,
    events: Sender<Event>,
}

/// The threads that read to the end what a process says.
pub(crate) struct ReaderThreads {
    /// Reads QMP.
    pub qmp: JoinHandle<()>,
    /// Reads standard error.
    pub stderr: JoinHandle<Vec<String>>,
}

impl StateTracker {
    /// Watches over a machine of `memory_mib` that is starting.
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

    /// What the machine is doing.
    pub fn state(&self) -> RunState {
        self.tracked().state
    }

    /// A user wants the machine gone: its end is no accident.
    pub fn record_stop_request(&self) {
        self.tracked().exit_hints.stop_requested = true;
    }

    /// QMP told of something.
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
                // The event does not say why.
                let (tracker, then) = (Arc::clone(self), qmp.clone());
                drop(tracked);
                qmp.execute_then(&Command::QueryStatus, move |response| tracker.stopped(&then, response));
            }
        }
    }

    /// The processors stopped: asked for, or because something failed.
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
                // Other errors than a full disk are the guest's to hear of (werror=enospc).
                tracing::warn!("the host's disk is full: the guest waits; make room, then resume it");
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

    /// The process ended: tells everyone why.
    pub fn process_exited(&self, status: ExitStatus, readers: ReaderThreads) {
        // Both end with the process; what they heard last belongs to the story.
        drop(readers.qmp.join());
        let lines = readers.stderr.join().unwrap_or_default();
        self.input.end();
        self.ports.close_all();
        let (reason, text) = self.tracked().exit_hints.explain(status, lines.last().map(String::as_str));
        tracing::info!(?reason, "{text}");
        self.monitors.close(&text);
        self.tracked().send_event(Event::Ended { reason, text });
    }

    fn tracked(&self) -> MutexGuard<'_, TrackedState> {
        self.tracked.lock()
    }
}

impl TrackedState {
    fn set_state(&mut self, state: RunState) {
        self.set(state, None);
    }

    fn set(&mut self, state: RunState, reason: Option<PauseReason>) {
        if (self.state, self.reason) != (state, reason) {
            self.state = state;
            self.reason = reason;
            self.send_event(Event::State { state, reason });
        }
    }

    /// Nobody may be listening any more, which is nobody's fault.
    fn send_event(&self, event: Event) {
        drop(self.events.send(event));
    }
}
