//! Adapter that makes `oriel-qemu`'s machine a [`Machine`].
//!
//! It connects QEMU's display, agent ports and state events to the same parts that [`super::kvm`] uses. The
//! command line, QMP and the D-Bus display are `oriel-qemu`'s.

use super::{Machine, Refused};
use crate::agents::{Agents, MachinePort};
use crate::events::Events;
use crate::legacy::SerialLog;
use oriel_agents::port;
use oriel_display::{InputSink, Monitors};
use oriel_jail::seccomp::apply_filter_beside_qemu;
use oriel_qemu::{GuestPort, QemuMachine, QemuResources, StartError};
use oriel_vmm_api::{Accel, Event, MachineConfig, MachineKind};
use oriel_wire::Size;
use std::collections::BTreeMap;
use std::fmt::Display;
use std::fs::File;
use std::sync::Arc;

/// Machine whose guest is executed by a QEMU process.
pub struct Qemu {
    machine: QemuMachine,
    monitors: Arc<Monitors>,
    agents: Agents,
}

impl Qemu {
    /// Starts QEMU with the guest that `config` describes. QEMU's state changes are published in `events`,
    /// and the guest's serial console is written to the pipe `serial_log`.
    ///
    /// # Errors
    /// A [`StartError`] when QEMU does not start or the host is out of descriptors or threads; then no
    /// process is left running.
    pub fn start(
        config: &MachineConfig,
        resources: QemuResources,
        serial_log: File,
        events: Arc<Events>,
    ) -> Result<Self, StartError> {
        let monitors = Monitors::new(config.screens.into(), Size::new(config.width, config.height));
        super::report_screen_size(&monitors, &events);
        let (agents, ports) = Agents::of(config)?;
        agents.follow(&monitors);
        let ports = ports.into_iter().map(guest_port).collect::<std::io::Result<_>>()?;
        let log = SerialLog::new(serial_log);
        let machine = QemuMachine::start(config, resources, log, monitors.clone(), ports)?;
        apply_filter_beside_qemu();
        if let Some(qemu_events) = machine.take_events() {
            std::thread::Builder::new()
                .name("qemu-events".into())
                .spawn(move || relay(qemu_events, &events))?;
        }
        Ok(Self { machine, monitors, agents })
    }
}

/// Converts an agent's port for QEMU. When the guest closes the port, unread bytes are
/// discarded, so that the next program in the guest that opens the port does not receive them.
fn guest_port(port: MachinePort) -> std::io::Result<GuestPort> {
    let MachinePort { name, stream, open_state } = port;
    let unread = stream.try_clone()?;
    let on_open = Box::new(move |open| {
        open_state.set_open(open);
        if !open {
            port::drain(&unread);
        }
    });
    Ok(GuestPort { name, stream, on_open })
}

/// Publishes QEMU's state changes in `events` until the machine has ended.
fn relay(qemu_events: std::sync::mpsc::Receiver<Event>, events: &Events) {
    for event in qemu_events {
        match event {
            Event::State { reason: Some(reason), .. } => events.set_paused(reason),
            Event::State { state, reason: None } => events.set_run_state(state),
            // `report_screen_size` publishes them.
            Event::Screen { .. } => {}
            Event::Ended { reason, text } => return events.end(reason, text),
        }
    }
}

fn refused(error: impl Display) -> Refused {
    Refused(error.to_string())
}

impl Machine for Qemu {
    fn kind(&self) -> MachineKind {
        MachineKind::Qemu
    }

    fn accel(&self) -> Accel {
        self.machine.accel()
    }

    fn pause(&self) -> Result<(), Refused> {
        self.machine.pause().map_err(refused)
    }

    fn resume(&self) -> Result<(), Refused> {
        self.machine.resume().map_err(refused)
    }

    fn reset(&self) -> Result<(), Refused> {
        self.machine.reset().map_err(refused)
    }

    fn press_power(&self) -> Result<(), Refused> {
        self.machine.press_power().map_err(refused)
    }

    fn stop(&self) -> Result<(), Refused> {
        self.machine.stop();
        Ok(())
    }

    fn monitors(&self) -> &Arc<Monitors> {
        &self.monitors
    }

    fn balloon(&self, target_mib: u32) -> Result<(), Refused> {
        self.machine.balloon(target_mib).map_err(refused)
    }

    fn input(&self) -> Arc<dyn InputSink> {
        self.machine.input()
    }

    fn agents(&self) -> &Agents {
        &self.agents
    }

    fn counters(&self) -> BTreeMap<String, u64> {
        let mut counters = self.monitors.counters();
        counters.insert("agent_refused_messages".into(), self.agents.refused_messages());
        counters.extend(self.machine.counters());
        counters
    }
}
