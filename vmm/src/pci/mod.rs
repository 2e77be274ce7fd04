//! One PCI bus: configuration space by ports and by ECAM, memory BARs, capabilities, MSI-X.

mod bus;
mod config_space;
mod host_bridge;
mod msix;

pub use bus::{BarWindow, ConfigPorts, Ecam, PciBus, PciFunction};
pub use config_space::{ConfigSpace, Identity};
pub use msix::{MSIX_ENTRY_SIZE, MsiMessage, Msix};
