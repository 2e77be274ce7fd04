//! Errors of the start of a machine on KVM, and of the creation of its devices.

use crate::acpi::AcpiError;
use crate::boot::BootError;
use crate::cpu::VmError;
use crate::disk_images::DiskError;
use crate::memory::MemoryError;
use crate::vmgenid::InvalidVmGenId;
use oriel_net::NetBackendError;
use oriel_wire::MAX_SCREENS;

/// Largest number of virtual processors of a guest.
pub const MAX_CPUS: u8 = 64;

/// Reason for which a machine did not start, or could not be reset. No part of the machine is left.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// Number of processors that is 0 or above the maximum.
    #[error("a guest has 1 to {MAX_CPUS} processors, not {0}")]
    Cpus(u8),
    /// Number of screens that is 0 or above [`MAX_SCREENS`].
    #[error("a desktop has 1 to {MAX_SCREENS} screens, not {0}")]
    Screens(u8),
    /// Guest memory that could not be allocated.
    #[error(transparent)]
    Memory(#[from] MemoryError),
    /// Guest memory that could not be cleared for a reset.
    #[error("the host could not clear the guest's memory: {0}")]
    Clear(std::io::Error),
    /// Generation ID in the configuration that cannot be parsed.
    #[error(transparent)]
    Generation(#[from] InvalidVmGenId),
    /// Failure of the host's random number generator.
    #[error("the host's random number generator failed: {0}")]
    Randomness(#[from] getrandom::Error),
    /// Kernel, initial RAM disk or command line that cannot be booted.
    #[error(transparent)]
    Boot(#[from] BootError),
    /// Device that could not be created, such as a disk with a damaged image.
    #[error(transparent)]
    Device(#[from] DeviceError),
    /// Virtual machine or virtual processor that KVM refused.
    #[error(transparent)]
    Vm(#[from] VmError),
    /// ACPI tables that could not be written to guest memory.
    #[error(transparent)]
    Acpi(#[from] AcpiError),
    /// System call for a descriptor or a thread that failed.
    #[error("the host is out of descriptors or threads: {0}")]
    Host(std::io::Error),
}

/// Reason for which a virtio device could not be created.
#[derive(Debug, thiserror::Error)]
pub enum DeviceError {
    /// Disk whose image cannot be used.
    #[error(transparent)]
    Disk(#[from] DiskError),
    /// Network interface whose backend or MAC address cannot be used.
    #[error(transparent)]
    Network(#[from] NetBackendError),
    /// System call that failed, usually for lack of descriptors.
    #[error("the host is out of descriptors or memory for a device: {0}")]
    Host(#[from] std::io::Error),
}
