//! One PCI bus: configuration space by ports and by ECAM, memory BARs, capabilities, MSI-X.

mod bus;
mod config_space;
mod host_bridge;
mod msix;

pub use bus::{Ecam, MmioWindow, PciBus, PciConfigIo, PciFunction};
pub use config_space::{ConfigSpace, PciIdentity};
pub use msix::{MSIX_TABLE_ENTRY_SIZE, MsiMessage, Msix};
