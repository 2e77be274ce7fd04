//! The thread of one virtual processor.

use super::exits::{Exit, Exits};
use super::gate::{Gate, Passage};
use super::kick::Kickable;
use crate::bus::Bus;
use crate::guest_events::{GuestEvent, GuestEvents};
use kvm_ioctls::{VcpuExit, VcpuFd};
use oriel_jail::seccomp::{ThreadKind, apply_thread_filter};
use std::sync::Arc;

/// Where a processor's accesses go that are not to memory.
pub struct Buses {
    /// The 64 Ki ports.
    pub ports: Bus,
    /// Physical addresses without memory behind them.
    pub memory: Bus,
}

/// What a processor thread needs.
pub struct Context {
    /// Its number.
    pub id: u32,
    /// When to run.
    pub gate: Arc<Gate>,
    /// Devices.
    pub buses: Arc<Buses>,
    /// Where trouble is told.
    pub guest_events: Arc<GuestEvents>,
    /// Where exits are counted.
    pub exits: Arc<Exits>,
}

/// Runs `vcpu` until the gate sends it home.
pub fn run(vcpu: VcpuFd, context: &Context) {
    apply_thread_filter(ThreadKind::Vcpu);
    let mut vcpu = Kickable::new(vcpu);
    loop {
        vcpu.rearm();
        match context.gate.pass() {
            Passage::End => break,
            Passage::Enter(after_pause) => {
                if after_pause {
                    // Keeps the guest's watchdogs calm; a guest without kvmclock has no use for it.
                    let _ = vcpu.vcpu().kvmclock_ctrl();
                }
            }
        }
        if let Err(event) = run_until_kicked(vcpu.vcpu(), context) {
            context.guest_events.report(located(event, vcpu.vcpu()));
            break;
        }
    }
    context.gate.leave();
}

/// Where a processor begins after a reset, as on AMD after a triple fault.
const RESET_VECTOR: u64 = 0xFFF0;

/// A crash with the place in the guest's code: whoever looks into one asks for that first.
fn located(event: GuestEvent, vcpu: &VcpuFd) -> GuestEvent {
    match (event, vcpu.get_regs()) {
        (GuestEvent::Crash(text), Ok(registers)) if registers.rip != RESET_VECTOR => {
            GuestEvent::Crash(format!("{text} Its next instruction is at {:#x}.", registers.rip))
        }
        (event, _) => event,
    }
}

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
            Ok(VcpuExit::SystemEvent(kind, _)) => match kind {
                kvm_bindings::KVM_SYSTEM_EVENT_SHUTDOWN => return Err(GuestEvent::PowerOff),
                kvm_bindings::KVM_SYSTEM_EVENT_RESET => return Err(GuestEvent::Reset),
                kind => return crash(format!("The guest's processor {id} stopped with event {kind}.")),
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
