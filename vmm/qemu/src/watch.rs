//! What is known of a running machine: its state, and signs of its end.

use crate::counters::{Counters, count};
use crate::ending::Omens;
use crate::error::CommandError;
use crate::input::InputQueue;
use crate::ports::PortListeners;
use crate::qmp::{self, Command, Qmp, RunStatus};
use oriel_display::Monitors;
use oriel_vmm_api::{Event, PauseReason, RunState};
use serde_json::Value;
use std::process::ExitStatus;
use std::sync::atomic::Ordering;
use std::sync::mpsc::Sender;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;

/// Gathers what QEMU's connections tell and passes on what others want to hear.
pub(crate) struct Watch {
    known: Mutex<Known>,
    monitors: Arc<Monitors>,
    counters: Arc<Counters>,
    input: Arc<InputQueue>,
    memory_mib: u32,
    ports: PortListeners,
}

struct Known {
    state: RunState,
    reason: Option<PauseReason>,
    power_pressed: bool,
    omens: Omens,
    events: Sender<Event>,
}

/// The threads that read to the end what a process says.
pub(crate) struct Readers {
    /// Reads QMP.
    pub qmp: JoinHandle<()>,
    /// Reads standard error.
    pub stderr: JoinHandle<Vec<String>>,
}

impl Watch {
    /// Watches over a machine of `memory_mib` that is starting.
    pub fn new(
        memory_mib: u32,
        monitors: Arc<Monitors>,
        counters: Arc<Counters>,
        input: Arc<InputQueue>,
        ports: PortListeners,
        events: Sender<Event>,
    ) -> Self {
        let known = Known {
            state: RunState::Starting,
            reason: None,
            power_pressed: false,
            omens: Omens::default(),
            events,
        };
        Self { known: Mutex::new(known), monitors, counters, input, memory_mib, ports }
    }

    /// What the machine is doing.
    pub fn state(&self) -> RunState {
        self.known().state
    }

    /// A person wants the machine gone: its end is no accident.
    pub fn expect_stop(&self) {
        self.known().omens.stop_wanted = true;
    }

    /// QMP told of something.
    pub fn heard(self: &Arc<Self>, qmp: &Qmp, event: qmp::Event) {
        let mut known = self.known();
        match event {
            qmp::Event::Shutdown { reason } => {
                known.omens.panicked |= reason == "guest-panic";
                known.omens.shutdown = Some(reason);
            }
            qmp::Event::GuestPanicked => known.omens.panicked = true,
            qmp::Event::PortChanged { id, open } => {
                drop(known);
                self.ports.changed(&id, open);
            }
            qmp::Event::Reset => {
                count(&self.counters.resets);
                known.power_pressed = false;
                if known.state == RunState::Stopping {
                    known.set_state(RunState::Running);
                }
            }
            qmp::Event::BalloonChange { actual } => {
                let given = u64::from(self.memory_mib).saturating_sub(actual >> 20);
                self.counters.balloon_mib.store(given, Ordering::Relaxed);
            }
            qmp::Event::Powerdown => {
                known.power_pressed = true;
                known.set_state(RunState::Stopping);
            }
            qmp::Event::Resumed => {
                let state = if known.power_pressed { RunState::Stopping } else { RunState::Running };
                known.set_state(state);
            }
            qmp::Event::Stopped => {
                // The event does not say why.
                let (watch, then) = (Arc::clone(self), qmp.clone());
                drop(known);
                qmp.execute_then(&Command::QueryStatus, move |answer| watch.stopped(&then, answer));
            }
        }
    }

    /// The processors stopped: asked for, or because something failed.
    fn stopped(&self, qmp: &Qmp, answer: Result<Value, CommandError>) {
        let Ok(RunStatus { status }) =
            answer.and_then(|value| serde_json::from_value(value).map_err(|_| CommandError::Ended))
        else {
            return;
        };
        let mut known = self.known();
        match status.as_str() {
            "paused" => known.set_state(RunState::Paused),
            "io-error" => {
                count(&self.counters.disk_pauses);
                // Other errors than a full disk are the guest's to hear of (werror=enospc).
                tracing::warn!("the host's disk is full: the guest waits; make room, then resume it");
                known.set(RunState::Paused, Some(PauseReason::DiskFull));
            }
            "internal-error" => {
                known.omens.processor_failed = true;
                drop(known);
                qmp.execute_then(&Command::Quit, drop);
            }
            _ => {}
        }
    }

    /// The process ended: tells everyone why.
    pub fn ended(&self, status: ExitStatus, readers: Readers) {
        // Both end with the process; what they heard last belongs to the story.
        drop(readers.qmp.join());
        let lines = readers.stderr.join().unwrap_or_default();
        self.input.end();
        self.ports.close_all();
        let (reason, text) = self.known().omens.explain(status, lines.last().map(String::as_str));
        tracing::info!(?reason, "{text}");
        self.monitors.close(&text);
        self.known().tell(Event::Ended { reason, text });
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Known {
    fn set_state(&mut self, state: RunState) {
        self.set(state, None);
    }

    fn set(&mut self, state: RunState, reason: Option<PauseReason>) {
        if (self.state, self.reason) != (state, reason) {
            self.state = state;
            self.reason = reason;
            self.tell(Event::State { state, reason });
        }
    }

    /// Nobody may be listening any more, which is nobody's fault.
    fn tell(&self, event: Event) {
        drop(self.events.send(event));
    }
}
