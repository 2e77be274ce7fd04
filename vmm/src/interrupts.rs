//! Interrupts and doorbells between the emulated devices and the VM in the kernel.
//!
//! Devices hold one [`InterruptManager`] for the life of the machine. A reset replaces the VM, so
//! [`KvmInterruptManager`] is connected to each new VM in turn. It keeps no interrupt state and is not an
//! interrupt controller: the IOAPIC and the local APICs are KVM's.

use crate::pci::MsiMessage;
use kvm_bindings::kvm_msi;
use kvm_ioctls::{IoEventAddress, NoDatamatch, VmFd};
use parking_lot::RwLock;
use std::sync::Arc;
use vmm_sys_util::eventfd::EventFd;

/// Interface by which a device interrupts the guest and registers its doorbells. None of its calls reports
/// a failure; implementations log it.
pub trait InterruptManager: Send + Sync {
    /// Delivers a message-signalled interrupt (MSI, MSI-X) to the guest.
    fn send(&self, message: MsiMessage);
    /// Raises and lowers the interrupt line with the number `gsi`: one edge at the IOAPIC.
    fn pulse(&self, gsi: u32);
    /// Registers `bell` to be signalled by guest writes of any value at the guest physical `address`, without
    /// an exit to this process. If the registration fails, such writes reach the device's registers as exits.
    fn attach_doorbell(&self, address: u64, bell: &EventFd);
    /// Removes the registration that [`Self::attach_doorbell`] made for `address` and `bell`.
    fn detach_doorbell(&self, address: u64, bell: &EventFd);
}

/// Interrupt manager that forwards to the current KVM virtual machine, and does nothing while there is none.
#[derive(Default)]
pub struct KvmInterruptManager {
    vm: RwLock<Option<Arc<VmFd>>>,
}

impl KvmInterruptManager {
    /// Sets the virtual machine that receives all further calls; `None` disconnects the devices from KVM.
    pub fn connect(&self, vm: Option<Arc<VmFd>>) {
        *self.vm.write() = vm;
    }

    /// Calls `act` with the current virtual machine; `None` while there is none.
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
            oriel_vmm_api::log_limited!(debug, %error, ?message, "KVM did not deliver an MSI");
        }
    }

    fn pulse(&self, gsi: u32) {
        let pulsed = self.with(|vm| vm.set_irq_line(gsi, true).and_then(|()| vm.set_irq_line(gsi, false)));
        if let Some(Err(error)) = pulsed {
            oriel_vmm_api::log_limited!(warn, %error, gsi, "KVM did not raise an interrupt line");
        }
    }

    fn attach_doorbell(&self, address: u64, bell: &EventFd) {
        let attached = self.with(|vm| vm.register_ioevent(bell, &IoEventAddress::Mmio(address), NoDatamatch));
        if let Some(Err(error)) = attached {
            oriel_vmm_api::log_limited!(warn, %error, address, "KVM did not register a doorbell; its writes are slower");
        }
    }

    fn detach_doorbell(&self, address: u64, bell: &EventFd) {
        // A registration with an earlier VM ended with that VM, so an error is expected after a reset.
        let _ = self.with(|vm| vm.unregister_ioevent(bell, &IoEventAddress::Mmio(address), NoDatamatch));
    }
}
