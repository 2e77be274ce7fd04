//! State driver: the thread that starts, pauses, resets and ends the virtual processors of a machine.
//!
//! Control connections (C), the guest (G) and the disks' worker threads (D) send it a [`VmEvent`]; it
//! publishes each new state in [`Events`]. No other thread changes the state. It neither executes guest code
//! ([`crate::cpu`]) nor emulates devices ([`Hardware`]).
//!
//! ```text
//!                          Reset (C, G), from any state
//!                               |
//!                run            v     PressPower (C)
//!   Starting ---------------> Running ---------------> Stopping (PressPower (C) repeats the request)
//!                              |   ^                    |   ^
//!               Pause (C),     |   | Resume (C),        |   | Resume (C), Resolved (D):
//!               NoSpace (D)    |   | Resolved (D)       |   | only after NoSpace (D) in Stopping
//!                              v   |                    v   |
//!                             Paused, on request or for PauseReason::DiskFull
//!
//!   any state --- Stop (C), PowerOff (G), Crash (G), or a reset that fails ---> end, with an ExitReason
//! ```
//!
//! After `NoSpace`, a `Resume`, or the `Resolved` of the last full disk, restores the interrupted state. A
//! `Pause` meanwhile makes the pause a requested one, which only `Resume` ends, always in `Running`.

use super::error::StartError;
use super::hardware::Hardware;
use super::vm_event::{VmEvent, VmRequest};
use crate::acpi::{self, AcpiError};
use crate::boot::BootSource;
use crate::cpu::{Exits, Vm};
use crate::events::Events;
use crate::guest_events::{GuestEvent, GuestEvents};
use crate::interrupts::{InterruptManager, KvmInterruptManager};
use crate::machine::refused::Refused;
use crate::vmgenid::VmGenId;
use crate::{layout, memory};
use kvm_ioctls::Kvm;
use oriel_jail::seccomp::{ThreadKind, apply_thread_filter};
use oriel_virtio::GuestRam;
use oriel_virtio::block::DiskFullEvent;
use oriel_vmm_api::{ExitReason, PauseReason, RunState};
use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::mpsc::Receiver;

/// State of the driver thread: the current VM, and everything that a reset needs to create the next one.
pub struct StateDriver {
    /// Handle of /dev/kvm that creates VMs.
    pub kvm: Kvm,
    /// Number of virtual processors.
    pub cpus: u8,
    /// Guest memory, which outlives a reset.
    pub ram: GuestRam,
    /// Kernel, initial RAM disk and command line.
    pub boot: BootSource,
    /// Connection of the devices' interrupts to the current VM.
    pub interrupts: Arc<KvmInterruptManager>,
    /// Buses and devices.
    pub hardware: Arc<Hardware>,
    /// First unhandled event that the guest caused.
    pub guest_events: Arc<GuestEvents>,
    /// Publisher of the machine's states and end.
    pub events: Arc<Events>,
    /// Generation ID that the guest reads; a reset keeps it.
    pub generation: VmGenId,
    /// Counters of the processors' exits.
    pub exits: Arc<Exits>,
    /// Current VM; `None` before [`Self::prepare`] and after the end.
    pub vm: Option<Vm>,
    /// Disks without free space on the host.
    pub full_disks: FullDisks,
}

/// Disks that wait for free space on the host, and the state that the resulting pause interrupted.
#[derive(Default)]
pub struct FullDisks {
    /// Numbers of the disks.
    disks: BTreeSet<usize>,
    /// `Running` or `Stopping` while the machine is paused for these disks.
    interrupted: Option<RunState>,
}

impl StateDriver {
    /// Performs a power-on: creates a new VM, resets every device, loads the ACPI tables and the kernel, and
    /// creates the virtual processors, which wait to be resumed.
    ///
    /// # Errors
    /// A [`StartError`] when KVM refuses, or the memory, the ACPI tables or the kernel cannot be loaded.
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

    /// Resumes the virtual processors, then handles `messages` until the machine has ended.
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

    /// Enters `Running` after a power-on.
    fn start(&mut self) {
        self.resume_as(RunState::Running);
    }

    /// Resumes the virtual processors and publishes `state`.
    fn resume_as(&mut self, state: RunState) {
        // A disk that is still full reports `NoSpace` again at its next retry.
        self.full_disks = FullDisks::default();
        if let Some(vm) = &self.vm {
            vm.resume();
            self.events.set_run_state(state);
        }
    }

    /// Pauses the machine at the first full disk, and resumes it when no disk is full any more.
    fn disk_full(&mut self, disk: usize, event: DiskFullEvent) {
        match event {
            DiskFullEvent::NoSpace => {
                self.full_disks.disks.insert(disk);
                let state = self.events.run_state();
                if let (RunState::Running | RunState::Stopping, Some(vm)) = (state, &self.vm) {
                    oriel_vmm_api::log_limited!(
                        error,
                        disk,
                        "the host has no space for a disk's writes: the guest is paused until there is some"
                    );
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
                    oriel_vmm_api::log_limited!(
                        info,
                        disk,
                        "the host has space for the disks' writes again: the guest is resumed"
                    );
                    self.resume_as(state);
                }
            }
        }
    }

    /// Handles a request of a control connection: its result, and the reason and text of the end if it ends
    /// the machine.
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
            // The pause becomes a requested one, which free space on the host does not end.
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

    /// Handles the guest's first event, if it has not been cleared by a reset: the reason and text of the end
    /// if it ends the machine.
    fn take_guest_event(&mut self) -> Option<(ExitReason, String)> {
        match self.guest_events.first()? {
            GuestEvent::PowerOff => {
                Some((ExitReason::GuestPowerOff, "The desktop shut itself down.".to_owned()))
            }
            GuestEvent::Reset => self.reset(),
            GuestEvent::Crash(text) => Some((ExitReason::Crashed, text)),
        }
    }

    /// Resets and starts the machine; the reason and text of the end if that fails.
    fn reset(&mut self) -> Option<(ExitReason, String)> {
        oriel_vmm_api::log_limited!(info, "the machine is reset");
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
