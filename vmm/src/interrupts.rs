//! The interrupt_manager between devices and the virtual machine they sit in. Devices outlive a reset; the
//! VM behind these interrupt_manager does not.

use crate::pci::MsiMessage;
use kvm_bindings::kvm_msi;
use kvm_ioctls::{IoEventAddress, NoDatamatch, VmFd};
use parking_lot::RwLock;
use std::sync::Arc;
use vmm_sys_util::eventfd::EventFd;

/// What a device can do to the machine.
pub trait InterruptManager: Send + Sync {
    /// Interrupts a processor.
    fn send(&self, message: MsiMessage);
    /// Raises and lowers an interrupt line of the IOAPIC: one edge.
    fn pulse(&self, gsi: u32);
    /// From now on a write at `address` signals `bell` without leaving the kernel. Where that
    /// cannot be had, the write reaches the device's registers as any other.
    fn attach_doorbell(&self, address: u64, bell: &EventFd);
    /// Ends [`Self::attach_doorbell`].
    fn detach_doorbell(&self, address: u64, bell: &EventFd);
}

/// Wires into KVM.
#[derive(Default)]
pub struct KvmInterruptManager {
    vm: RwLock<Option<Arc<VmFd>>>,
}

impl KvmInterruptManager {
    /// Puts `vm` behind the interrupt_manager, or cuts them.
    pub fn connect(&self, vm: Option<Arc<VmFd>>) {
        *self.vm.write() = vm;
    }

    fn with<R>(&self, act: impl FnOnce(&VmFd) -> R) -> Option<R> {
        self.vm.read().as_deref().map(act)
    }
}

impl InterruptManager for KvmInterruptManager {
    fn send(&self, message: MsiMessage) {
        let msi = kvm_msi {
            address_lo: message.address as u32,
            address_hi: (message.address >> 32) as u32,
            data: message.data,
            ..Default::default()
        };
        if let Some(Err(error)) = self.with(|vm| vm.signal_msi(msi)) {
            tracing::debug!(%error, ?message, "an interrupt went nowhere");
        }
    }

    fn pulse(&self, gsi: u32) {
        let pulsed = self.with(|vm| vm.set_irq_line(gsi, true).and_then(|()| vm.set_irq_line(gsi, false)));
        if let Some(Err(error)) = pulsed {
            tracing::warn!(%error, gsi, "an interrupt line could not be raised");
        }
    }

    fn attach_doorbell(&self, address: u64, bell: &EventFd) {
        let attached = self.with(|vm| vm.register_ioevent(bell, &IoEventAddress::Mmio(address), NoDatamatch));
        if let Some(Err(error)) = attached {
            tracing::warn!(%error, address, "a doorbell goes the long way");
        }
    }

    fn detach_doorbell(&self, address: u64, bell: &EventFd) {
        // A doorbell of an earlier VM went with it.
        let _ = self.with(|vm| vm.unregister_ioevent(bell, &IoEventAddress::Mmio(address), NoDatamatch));
    }
}
