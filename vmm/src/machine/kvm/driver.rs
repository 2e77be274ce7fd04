//! The thread that leads a machine from state to state; nobody else starts or stops processors.

use super::hardware::Hardware;
use super::start::StartError;
use crate::acpi::{self, AcpiError};
use crate::alarm::{Alarm, Incident};
use crate::boot::BootSource;
use crate::cpu::{Exits, Vm};
use crate::events::Events;
use crate::generation::Generation;
use crate::machine::Refused;
use crate::wiring::{KvmWiring, Wiring};
use crate::{layout, memory};
use kvm_ioctls::Kvm;
use oriel_jail::seccomp::{ThreadKind, apply_thread_filter};
use oriel_virtio::GuestRam;
use oriel_virtio::block::DiskFullEvent;
use oriel_vmm_api::{ExitReason, PauseReason, RunState};
use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender};

/// What can be asked of the driver.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Order {
    Pause,
    Resume,
    Reset,
    PressPower,
    Stop,
}

/// What wakes the driver.
pub enum Message {
    /// Someone asks for something.
    Ask(Order, Sender<Result<(), Refused>>),
    /// The alarm was raised.
    Look,
    /// The disk of this number has no room on the host, or has it again.
    Disk(usize, DiskFullEvent),
}

/// A machine and all that it takes to start it anew.
pub struct Driver {
    pub kvm: Kvm,
    pub cpus: u8,
    pub ram: GuestRam,
    pub boot: BootSource,
    pub wiring: Arc<KvmWiring>,
    pub hardware: Arc<Hardware>,
    pub alarm: Arc<Alarm>,
    pub events: Arc<Events>,
    pub generation: Generation,
    pub exits: Arc<Exits>,
    pub vm: Option<Vm>,
    pub full_disks: FullDisks,
}

/// Disks whose host has no room, and what the machine did before it was paused for them.
#[derive(Default)]
pub struct FullDisks {
    disks: BTreeSet<usize>,
    interrupted: Option<RunState>,
}

impl Driver {
    /// Power-on: a new VM, every device reset, the kernel loaded, processors waiting.
    pub fn prepare(&mut self) -> Result<(), StartError> {
        let used = self.vm.take().is_some();
        self.alarm.clear();
        let mut vm = Vm::new(&self.kvm, self.ram.clone(), self.exits.clone())?;
        self.wiring.connect(Some(vm.fd()));
        self.hardware.reset();
        if used {
            memory::clear(&self.ram).map_err(StartError::Clear)?;
        }
        self.generation.write(&self.ram).map_err(|_| AcpiError)?;
        let rsdp = acpi::write(&self.ram, self.cpus)?;
        let entry = self.boot.load(&self.ram, rsdp)?;
        vm.add_processors(&self.kvm, self.cpus, entry, self.hardware.buses(), &self.alarm)?;
        self.vm = Some(vm);
        Ok(())
    }

    /// Lets the processors run and serves `messages` until the machine has ended.
    pub fn run(mut self, messages: &Receiver<Message>) {
        apply_thread_filter(ThreadKind::StateDriver);
        self.go();
        for message in messages {
            let ended = match message {
                Message::Ask(order, answer) => {
                    let (result, ended) = self.obey(order);
                    let _ = answer.send(result);
                    ended
                }
                Message::Look => self.look(),
                Message::Disk(disk, event) => {
                    self.disk(disk, event);
                    None
                }
            };
            if let Some((reason, text)) = ended {
                self.vm = None;
                self.wiring.connect(None);
                self.events.end(reason, text);
                return;
            }
        }
    }

    fn go(&mut self) {
        self.go_on_as(RunState::Running);
    }

    fn go_on_as(&mut self, state: RunState) {
        // Whichever disk is still full says so again at its next try.
        self.full_disks = FullDisks::default();
        if let Some(vm) = &self.vm {
            vm.resume();
            self.events.set_run_state(state);
        }
    }

    fn disk(&mut self, disk: usize, event: DiskFullEvent) {
        match event {
            DiskFullEvent::NoSpace => {
                self.full_disks.disks.insert(disk);
                let state = self.events.run_state();
                if let (RunState::Running | RunState::Stopping, Some(vm)) = (state, &self.vm) {
                    tracing::error!(disk, "the host's disk is full: the guest is paused until there is room");
                    vm.pause();
                    self.full_disks.interrupted = Some(state);
                    self.events.set_paused(PauseReason::DiskFull);
                }
            }
            DiskFullEvent::Resolved => {
                self.full_disks.disks.remove(&disk);
                if self.full_disks.disks.is_empty()
                    && let Some(state) = self.full_disks.interrupted
                {
                    tracing::info!(disk, "the host has room again: the guest goes on");
                    self.go_on_as(state);
                }
            }
        }
    }

    fn obey(&mut self, order: Order) -> (Result<(), Refused>, Option<(ExitReason, String)>) {
        let refuse = |text: &str| (Err(Refused(text.to_owned())), None);
        let state = self.events.run_state();
        match (order, state) {
            (Order::Stop, _) => {
                return (Ok(()), Some((ExitReason::Stopped, "The desktop was stopped.".to_owned())));
            }
            (Order::Reset, _) => {
                let ended = self.reset();
                let result = ended.as_ref().map_or(Ok(()), |(_, text)| Err(Refused(text.clone())));
                return (result, ended);
            }
            (Order::Pause, RunState::Running | RunState::Stopping) => {
                if let Some(vm) = &self.vm {
                    vm.pause();
                }
                self.events.set_run_state(RunState::Paused);
            }
            // From now on it is paused because somebody wants it to be.
            (Order::Pause, RunState::Paused) if self.full_disks.interrupted.take().is_some() => {
                self.events.set_run_state(RunState::Paused);
            }
            (Order::Resume, RunState::Paused) => {
                self.go_on_as(self.full_disks.interrupted.unwrap_or(RunState::Running));
            }
            (Order::PressPower, RunState::Running | RunState::Stopping) => {
                self.wiring.pulse(layout::POWER_BUTTON_GSI);
                self.events.set_run_state(RunState::Stopping);
            }
            (Order::Pause, _) => return refuse("The desktop is paused already."),
            (Order::Resume, _) => return refuse("The desktop is not paused."),
            (Order::PressPower, _) => return refuse("The desktop is paused; resume it first."),
        }
        (Ok(()), None)
    }

    fn look(&mut self) -> Option<(ExitReason, String)> {
        match self.alarm.incident()? {
            Incident::PowerOff => {
                Some((ExitReason::GuestPowerOff, "The desktop shut itself down.".to_owned()))
            }
            Incident::Reset => self.reset(),
            Incident::Crash(text) => Some((ExitReason::Crashed, text)),
        }
    }

    fn reset(&mut self) -> Option<(ExitReason, String)> {
        tracing::info!("reset");
        match self.prepare() {
            Ok(()) => {
                self.go();
                None
            }
            Err(error) => {
                let text = format!("The desktop could not start again after a reset: {error}.");
                Some((ExitReason::Crashed, text))
            }
        }
    }
}
