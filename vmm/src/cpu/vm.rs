//! Virtual machine in KVM from power-on to reset: memory slots, interrupt controllers and virtual processors.
//!
//! The state driver creates one [`Vm`] at power-on and a new one at each reset. Guest memory and devices
//! outlive it.

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

/// Reason for which a virtual machine could not be created or started.
#[derive(Debug, thiserror::Error)]
pub enum VmError {
    /// Request that KVM refused.
    #[error("the host's KVM cannot {what}: {error}")]
    Kvm {
        /// Refused action, as the object of "cannot".
        what: &'static str,
        /// Error of the system.
        error: kvm_ioctls::Error,
    },
    /// Thread of a processor, or the signal handler of kicks, that the system refused.
    #[error("the host cannot start a processor's thread: {0}")]
    Thread(std::io::Error),
}

/// Returns a conversion of KVM's error for the action `what`.
fn cannot(what: &'static str) -> impl Fn(kvm_ioctls::Error) -> VmError {
    move |error| VmError::Kvm { what, error }
}

/// Virtual machine in KVM. Dropping it ends the threads of its processors.
pub struct Vm {
    // The threads own the vCPUs, which keep the VM in the kernel alive; `drop` joins them first.
    threads: Vec<JoinHandle<()>>,
    gate: Arc<Gate>,
    fd: Arc<VmFd>,
    exits: Arc<Exits>,
    /// Guest memory, which must outlive the memory slots that point to it.
    _ram: GuestRam,
}

impl Vm {
    /// Creates a virtual machine with `ram` and interrupt controllers, and without processors. Their exits
    /// will be counted in `exits`.
    ///
    /// # Errors
    /// A [`VmError`] when KVM refuses an action.
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
        disable_halt_polling(&fd);
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

    /// Returns the virtual machine's descriptor, for the interrupt manager.
    pub fn fd(&self) -> Arc<VmFd> {
        self.fd.clone()
    }

    /// Creates `cpus` virtual processors on threads that wait for [`Self::resume`]. The first starts at
    /// `entry`.
    ///
    /// # Errors
    /// A [`VmError`] when KVM refuses an action or a thread cannot be started.
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

    /// Makes all virtual processors enter the guest.
    pub fn resume(&self) {
        self.gate.open();
    }

    /// Stops all virtual processors, and returns once none executes guest code.
    pub fn pause(&self) {
        self.gate.close(|| self.kick());
    }

    /// Forces all virtual processors out of the guest.
    fn kick(&self) {
        self.threads.iter().for_each(kick::kick);
    }
}

/// Disables KVM's halt polling (`KVM_CAP_HALT_POLL`), so that a halted virtual processor releases the host's
/// at once. Most desktops of a host are idle, and the added latency is microseconds.
fn disable_halt_polling(vm: &VmFd) {
    let no_polling = kvm_enable_cap { cap: KVM_CAP_HALT_POLL, ..Default::default() };
    // Without the capability, the module parameter of the host's KVM applies.
    if let Err(error) = vm.enable_cap(&no_polling) {
        tracing::debug!(%error, "KVM did not disable halt polling for this guest");
    }
}

impl Drop for Vm {
    fn drop(&mut self) {
        self.exits.set_kernel(Vec::new());
        self.gate.end();
        self.kick();
        for thread in self.threads.drain(..) {
            // A join error means a panic, and the panic hook has ended the process before.
            let _ = thread.join();
        }
    }
}
