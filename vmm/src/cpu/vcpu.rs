//! Thread of one virtual processor: it enters the guest and handles the exits.
//!
//! Accesses to I/O ports and memory-mapped registers go to the [`Buses`]. Any exit that ends the guest is
//! reported as a [`GuestEvent`], and the state driver acts on it.

use super::exits::{Exit, Exits};
use super::gate::{Gate, Passage};
use super::kick::Kickable;
use crate::bus::Bus;
use crate::guest_events::{GuestEvent, GuestEvents};
use kvm_ioctls::{VcpuExit, VcpuFd};
use oriel_jail::seccomp::{ThreadKind, apply_thread_filter};
use std::sync::Arc;

/// Buses for a processor's accesses to anything but RAM.
pub struct Buses {
    /// Bus of the I/O ports, 0 to 0xFFFF.
    pub ports: Bus,
    /// Bus of the guest physical addresses without RAM.
    pub memory: Bus,
}

/// Objects that a processor's thread uses.
pub struct Context {
    /// Number of the processor, which is its APIC ID.
    pub id: u32,
    /// Gate that decides when the processor enters the guest.
    pub gate: Arc<Gate>,
    /// Buses with the devices' registers.
    pub buses: Arc<Buses>,
    /// Receiver of events that end or reset the guest.
    pub guest_events: Arc<GuestEvents>,
    /// Counters of exits.
    pub exits: Arc<Exits>,
}

/// Runs `vcpu` on the calling thread until the gate ends it or the guest ends.
pub fn run(vcpu: VcpuFd, context: &Context) {
    apply_thread_filter(ThreadKind::Vcpu);
    let mut vcpu = Kickable::new(vcpu);
    loop {
        vcpu.rearm();
        match context.gate.pass() {
            Passage::End => break,
            Passage::Enter(after_pause) => {
                if after_pause {
                    // It keeps the guest's watchdogs from firing, and fails in a guest without kvmclock.
                    let _ = vcpu.vcpu().kvmclock_ctrl();
                }
            }
        }
        if let Err(event) = run_until_kicked(vcpu.vcpu(), context) {
            context.guest_events.report(with_address(event, vcpu.vcpu()));
            break;
        }
    }
    context.gate.leave();
}

/// Instruction pointer of a processor after a reset, to which AMD processors return after a triple fault.
const RESET_VECTOR: u64 = 0xFFF0;

/// Adds the address of the guest's next instruction to the text of a crash, for its diagnosis.
fn with_address(event: GuestEvent, vcpu: &VcpuFd) -> GuestEvent {
    match (event, vcpu.get_regs()) {
        (GuestEvent::Crash(text), Ok(registers)) if registers.rip != RESET_VECTOR => {
            GuestEvent::Crash(format!("{text} Its next instruction is at {:#x}.", registers.rip))
        }
        (event, _) => event,
    }
}

/// Runs the processor and handles its exits until a kick or a signal. Returns an event that ends or resets
/// the guest as the error.
fn run_until_kicked(vcpu: &mut VcpuFd, context: &Context) -> Result<(), GuestEvent> {
    let crash = |text: String| Err(GuestEvent::Crash(text));
    let id = context.id;
    let Buses { ports, memory } = &*context.buses;
    let count = |exit| context.exits.count(id, exit);
    loop {
        match vcpu.run() {
            Ok(VcpuExit::IoIn(port, data)) => {
                count(Exit::Port);
                ports.read(u64::from(port), data);
            }
            Ok(VcpuExit::IoOut(port, data)) => {
                count(Exit::Port);
                ports.write(u64::from(port), data);
            }
            Ok(VcpuExit::MmioRead(address, data)) => {
                count(Exit::Memory);
                memory.read(address, data);
            }
            Ok(VcpuExit::MmioWrite(address, data)) => {
                count(Exit::Memory);
                memory.write(address, data);
            }
            Ok(VcpuExit::Intr) => {
                count(Exit::Called);
                return Ok(());
            }
            Ok(VcpuExit::Shutdown) => {
                return crash(format!("The guest's processor {id} met a triple fault."));
            }
            Ok(VcpuExit::SystemEvent(event, _)) => match event {
                kvm_bindings::KVM_SYSTEM_EVENT_SHUTDOWN => return Err(GuestEvent::PowerOff),
                kvm_bindings::KVM_SYSTEM_EVENT_RESET => return Err(GuestEvent::Reset),
                other => return crash(format!("The guest's processor {id} stopped with event {other}.")),
            },
            Ok(VcpuExit::FailEntry(reason, _)) => {
                return crash(format!(
                    "The host cannot run the guest's processor {id} (reason {reason:#x})."
                ));
            }
            Ok(VcpuExit::InternalError) => {
                return crash(format!("The guest's processor {id} did something that KVM cannot emulate."));
            }
            Ok(exit) => {
                return crash(format!("The guest's processor {id} left in an unknown way: {exit:?}."));
            }
            Err(error) if error.errno() == libc::EINTR => {
                count(Exit::Called);
                return Ok(());
            }
            Err(error) if error.errno() == libc::EAGAIN => {}
            Err(error) => return crash(format!("The host cannot run the guest's processor {id}: {error}.")),
        }
    }
}
