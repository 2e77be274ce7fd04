//! QEMU behind the same face as our own machine.

use super::{Machine, Refused};
use crate::agents::{Agents, MachinePort};
use crate::events::Events;
use crate::legacy::{LogFiles, SerialLog};
use oriel_agents::port;
use oriel_display::{InputSink, Monitors};
use oriel_jail::seccomp::apply_filter_beside_qemu;
use oriel_qemu::{GuestPort, QemuMachine, QemuResources, StartError};
use oriel_vmm_api::{Accel, Event, MachineConfig, MachineKind};
use oriel_wire::Size;
use std::collections::BTreeMap;
use std::fmt::Display;
use std::sync::Arc;

/// A machine run by QEMU.
pub struct Qemu {
    machine: QemuMachine,
    monitors: Arc<Monitors>,
    agents: Agents,
}

impl Qemu {
    /// Starts QEMU for `config`; `events` hears of it from here on.
    ///
    /// # Errors
    /// When QEMU is missing or does not start; then nothing is left running.
    pub fn start(
        config: &MachineConfig,
        resources: QemuResources,
        serial_log: LogFiles,
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
        if let Some(heard) = machine.take_events() {
            std::thread::Builder::new().name("qemu-events".into()).spawn(move || relay(heard, &events))?;
        }
        Ok(Self { machine, monitors, agents })
    }
}

/// A port for an agent. What QEMU has not read of it when the guest closes it is not for the next
/// program that opens it.
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

fn relay(heard: std::sync::mpsc::Receiver<Event>, events: &Events) {
    for event in heard {
        match event {
            Event::State { reason: Some(reason), .. } => events.set_paused(reason),
            Event::State { state, reason: None } => events.set_run_state(state),
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
