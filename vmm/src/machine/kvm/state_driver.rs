//! The thread that leads a machine from state to state; nobody else starts or stops processors.

use super::hardware::Hardware;
use super::start::StartError;
use crate::acpi::{self, AcpiError};
use crate::boot::BootSource;
use crate::cpu::{Exits, Vm};
use crate::events::Events;
use crate::guest_events::{GuestEvent, GuestEvents};
use crate::interrupts::{InterruptManager, KvmInterruptManager};
use crate::machine::Refused;
use crate::vmgenid::VmGenId;
use crate::{layout, memory};
use kvm_ioctls::Kvm;
use oriel_jail::seccomp::{ThreadKind, apply_thread_filter};
use oriel_virtio::GuestRam;
use oriel_virtio::block::DiskFullEvent;
use oriel_vmm_api::{ExitReason, PauseReason, RunState};
use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender};

/// Request to change the machine's state.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum VmRequest {
    Pause,
    Resume,
    Reset,
    PressPower,
    Stop,
}

/// Event that wakes the state driver.
pub enum VmEvent {
    /// Request of a control connection, and where its result goes.
    Request(VmRequest, Sender<Result<(), Refused>>),
    /// A guest event was reported.
    GuestEvent,
    /// The disk of this number has no room on the host, or has it again.
    DiskFull(usize, DiskFullEvent),
}

/// A machine and all that it takes to start it anew.
pub struct StateDriver {
    pub kvm: Kvm,
    pub cpus: u8,
    pub ram: GuestRam,
    pub boot: BootSource,
    pub interrupts: Arc<KvmInterruptManager>,
    pub hardware: Arc<Hardware>,
    pub guest_events: Arc<GuestEvents>,
    pub events: Arc<Events>,
    pub generation: VmGenId,
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

impl StateDriver {
    /// Power-on: a new VM, every device reset, the kernel loaded, processors waiting.
    pub fn prepare(&mut self) -> Result<(), StartError> {
        let used = self.vm.take().is_some();
        self.guest_events.clear();
        let mut vm = Vm::new(&self.kvm, self.ram.clone(), self.exits.clone())?;
        self.interrupts.connect(Some(vm.fd()));
        self.hardware.reset();
        if used {
            memory::clear(&self.ram).map_err(StartError::Clear)?;
        }
        self.generation.write(&self.ram).map_err(|_| AcpiError)?;
        let rsdp = acpi::write_tables(&self.ram, self.cpus)?;
        let entry = self.boot.load(&self.ram, rsdp)?;
        vm.add_processors(&self.kvm, self.cpus, entry, self.hardware.buses(), &self.guest_events)?;
        self.vm = Some(vm);
        Ok(())
    }

    /// Lets the processors run and serves `messages` until the machine has ended.
    pub fn run(mut self, messages: &Receiver<VmEvent>) {
        apply_thread_filter(ThreadKind::StateDriver);
        self.start();
        for message in messages {
            let ended = match message {
                VmEvent::Request(request, answer) => {
                    let (result, ended) = self.handle(request);
                    let _ = answer.send(result);
                    ended
                }
                VmEvent::GuestEvent => self.take_guest_event(),
                VmEvent::DiskFull(disk, event) => {
                    self.disk_full(disk, event);
                    None
                }
            };
            if let Some((reason, text)) = ended {
                self.vm = None;
                self.interrupts.connect(None);
                self.events.end(reason, text);
                return;
            }
        }
    }

    fn start(&mut self) {
        self.resume_as(RunState::Running);
    }

    fn resume_as(&mut self, state: RunState) {
        // Whichever disk is still full says so again at its next try.
        self.full_disks = FullDisks::default();
        if let Some(vm) = &self.vm {
            vm.resume();
            self.events.set_run_state(state);
        }
    }

    fn disk_full(&mut self, disk: usize, event: DiskFullEvent) {
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
                    self.resume_as(state);
                }
            }
        }
    }

    fn handle(&mut self, request: VmRequest) -> (Result<(), Refused>, Option<(ExitReason, String)>) {
        let refuse = |text: &str| (Err(Refused(text.to_owned())), None);
        let state = self.events.run_state();
        match (request, state) {
            (VmRequest::Stop, _) => {
                return (Ok(()), Some((ExitReason::Stopped, "The desktop was stopped.".to_owned())));
            }
            (VmRequest::Reset, _) => {
                let ended = self.reset();
                let result = ended.as_ref().map_or(Ok(()), |(_, text)| Err(Refused(text.clone())));
                return (result, ended);
            }
            (VmRequest::Pause, RunState::Running | RunState::Stopping) => {
                if let Some(vm) = &self.vm {
                    vm.pause();
                }
                self.events.set_run_state(RunState::Paused);
            }
            // From now on it is paused because somebody wants it to be.
            (VmRequest::Pause, RunState::Paused) if self.full_disks.interrupted.take().is_some() => {
                self.events.set_run_state(RunState::Paused);
            }
            (VmRequest::Resume, RunState::Paused) => {
                self.resume_as(self.full_disks.interrupted.unwrap_or(RunState::Running));
            }
            (VmRequest::PressPower, RunState::Running | RunState::Stopping) => {
                self.interrupts.pulse(layout::POWER_BUTTON_GSI);
                self.events.set_run_state(RunState::Stopping);
            }
            (VmRequest::Pause, _) => return refuse("The desktop is paused already."),
            (VmRequest::Resume, _) => return refuse("The desktop is not paused."),
            (VmRequest::PressPower, _) => return refuse("The desktop is paused; resume it first."),
        }
        (Ok(()), None)
    }

    fn take_guest_event(&mut self) -> Option<(ExitReason, String)> {
        match self.guest_events.first()? {
            GuestEvent::PowerOff => {
                Some((ExitReason::GuestPowerOff, "The desktop shut itself down.".to_owned()))
            }
            GuestEvent::Reset => self.reset(),
            GuestEvent::Crash(text) => Some((ExitReason::Crashed, text)),
        }
    }

    fn reset(&mut self) -> Option<(ExitReason, String)> {
        tracing::info!("reset");
        match self.prepare() {
            Ok(()) => {
                self.start();
                None
            }
            Err(error) => {
                let text = format!("The desktop could not start again after a reset: {error}.");
                Some((ExitReason::Crashed, text))
            }
        }
    }
}
