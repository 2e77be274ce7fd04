//! PCI bus 0 of a KVM machine (PCI Local Bus 3.0): configuration space through ports and ECAM, memory BARs,
//! capabilities and MSI-X.
//!
//! The port and memory buses of [`crate::bus`] dispatch a guest's accesses to this bus, which dispatches
//! them to its functions ([`PciFunction`]). Bridges, further buses, I/O BARs and INTx are not supported;
//! virtio registers are in [`crate::virtio_pci`].

mod bus;
mod config_space;
mod function;
mod host_bridge;
mod msix;

pub use bus::{Ecam, MmioWindow, PciBus, PciConfigIo};
pub use config_space::{ConfigSpace, PciIdentity};
pub use function::PciFunction;
pub use msix::{MSIX_TABLE_ENTRY_SIZE, MsiMessage, Msix};
