//! One virtual machine as KVM knows it, from power-on to reset: memory slots, interrupt
//! controllers and processors. A reset makes a new one.

use super::exits::Exits;
use super::gate::Gate;
use super::statistics::Statistics;
use super::topology::Topology;
use super::vcpu::{self, Buses, Context};
use super::{cpuid, kick, registers};
use crate::boot::Entry;
use crate::guest_events::GuestEvents;
use crate::layout;
use kvm_bindings::{KVM_CAP_HALT_POLL, KVM_MAX_CPUID_ENTRIES, kvm_enable_cap, kvm_userspace_memory_region};
use kvm_ioctls::{Cap, Kvm, VcpuFd, VmFd};
use oriel_virtio::GuestRam;
use std::sync::Arc;
use std::thread::JoinHandle;
use vm_memory::{Address, GuestMemoryBackend, GuestMemoryRegion};

/// The host refused to make or start a virtual machine.
#[derive(Debug, thiserror::Error)]
pub enum VmError {
    /// KVM said no.
    #[error("the host's KVM cannot {what}: {error}")]
    Kvm {
        /// What was asked.
        what: &'static str,
        /// The system's word.
        error: kvm_ioctls::Error,
    },
    /// No thread.
    #[error("the host cannot start a processor's thread: {0}")]
    Thread(std::io::Error),
}

fn cannot(what: &'static str) -> impl Fn(kvm_ioctls::Error) -> VmError {
    move |error| VmError::Kvm { what, error }
}

/// A virtual machine. Dropping it ends its processors.
pub struct Vm {
    // Threads hold the vCPUs, and with them the VM in the kernel: they end first.
    threads: Vec<JoinHandle<()>>,
    gate: Arc<Gate>,
    fd: Arc<VmFd>,
    exits: Arc<Exits>,
    /// Keeps the memory that the slots point to.
    _ram: GuestRam,
}

impl Vm {
    /// A machine with memory and interrupt controllers, and no processors yet. What they will do is
    /// counted in `exits`.
    ///
    /// # Errors
    /// When KVM refuses.
    pub fn new(kvm: &Kvm, ram: GuestRam, exits: Arc<Exits>) -> Result<Self, VmError> {
        kick::install().map_err(VmError::Thread)?;
        let fd = loop {
            match kvm.create_vm() {
                Err(error) if error.errno() == libc::EINTR => {}
                result => break result.map_err(cannot("make a virtual machine"))?,
            }
        };
        fd.set_identity_map_address(layout::KVM_IDENTITY_MAP).map_err(cannot("place its identity map"))?;
        fd.set_tss_address(usize::try_from(layout::KVM_TSS).unwrap_or(0))
            .map_err(cannot("place its task state segment"))?;
        fd.create_irq_chip().map_err(cannot("make interrupt controllers"))?;
        rest_when_halted(&fd);
        for (slot, region) in (0..).zip(ram.iter()) {
            let slot = kvm_userspace_memory_region {
                slot,
                flags: 0,
                guest_phys_addr: region.start_addr().raw_value(),
                memory_size: region.len(),
                userspace_addr: region.as_ptr() as u64,
            };
            // SAFETY: the region is mapped for as long as `_ram` lives, which outlives the VM, and
            // nothing but guests and volatile accesses touches it.
            unsafe { fd.set_user_memory_region(slot) }.map_err(cannot("take the guest's memory"))?;
        }
        Ok(Self { threads: Vec::new(), gate: Arc::new(Gate::new(0)), fd: Arc::new(fd), exits, _ram: ram })
    }

    /// For the interrupt_manager.
    pub fn fd(&self) -> Arc<VmFd> {
        self.fd.clone()
    }

    /// Makes `cpus` processors, the first at `entry`, on threads that wait for [`Self::resume`].
    ///
    /// # Errors
    /// When KVM or the system refuses.
    pub fn add_processors(
        &mut self,
        kvm: &Kvm,
        cpus: u8,
        entry: Entry,
        buses: &Arc<Buses>,
        guest_events: &Arc<GuestEvents>,
    ) -> Result<(), VmError> {
        let supported =
            kvm.get_supported_cpuid(KVM_MAX_CPUID_ENTRIES).map_err(cannot("describe its processors"))?;
        let tsc_deadline = kvm.check_extension(Cap::TscDeadlineTimer);
        let topology = Topology { cpus: u32::from(cpus) };
        let mut vcpus: Vec<VcpuFd> = Vec::new();
        for id in 0..topology.cpus {
            let vcpu = self.fd.create_vcpu(u64::from(id)).map_err(cannot("make a processor"))?;
            let cpuid = cpuid::for_processor(&supported, id, topology, tsc_deadline);
            vcpu.set_cpuid2(&cpuid).map_err(cannot("set a processor's CPUID"))?;
            registers::prepare(&vcpu).map_err(cannot("prepare a processor"))?;
            if id == 0 {
                registers::enter(&vcpu, entry).map_err(cannot("set a processor's registers"))?;
            }
            vcpus.push(vcpu);
        }
        self.exits.set_kernel(vcpus.iter().filter_map(Statistics::of).collect());
        self.gate = Arc::new(Gate::new(vcpus.len()));
        for (id, vcpu) in (0..).zip(vcpus) {
            let context = Context {
                id,
                gate: self.gate.clone(),
                buses: buses.clone(),
                guest_events: guest_events.clone(),
                exits: self.exits.clone(),
            };
            let thread = std::thread::Builder::new()
                .name(format!("vcpu{id}"))
                .spawn(move || vcpu::run(vcpu, &context))
                .map_err(VmError::Thread)?;
            self.threads.push(thread);
        }
        Ok(())
    }

    /// Lets all processors run.
    pub fn resume(&self) {
        self.gate.open();
    }

    /// Stops all processors; none executes when this returns.
    pub fn pause(&self) {
        self.gate.close(|| self.kick());
    }

    fn kick(&self) {
        self.threads.iter().for_each(kick::kick);
    }
}

/// Has a halted processor give up the host's at once, instead of spinning for a while in case work
/// comes: on a host full of desktops most are idle, and a user does not notice microseconds.
fn rest_when_halted(vm: &VmFd) {
    let no_polling = kvm_enable_cap { cap: KVM_CAP_HALT_POLL, ..Default::default() };
    // A host whose KVM lacks it polls as its administrator set.
    if let Err(error) = vm.enable_cap(&no_polling) {
        tracing::debug!(%error, "halted processors poll as the host's KVM is set");
    }
}

impl Drop for Vm {
    fn drop(&mut self) {
        self.exits.set_kernel(Vec::new());
        self.gate.end();
        self.kick();
        for thread in self.threads.drain(..) {
            // A panic there has ended the process already.
            let _ = thread.join();
        }
    }
}
