//! Host bridge, device 0 of the bus. Kernels that probe configuration mechanism 1 look for a host bridge
//! before they accept the bus; the bridge has no registers beyond its identification.

use super::config_space::{ConfigSpace, PciIdentity};
use super::function::PciFunction;
use parking_lot::Mutex;

/// Identification of QEMU's generic PCI Express host bridge (Red Hat 1b36:0008), for which kernels have no
/// quirks.
const IDENTITY: PciIdentity = PciIdentity {
    vendor_id: 0x1B36,
    device_id: 0x0008,
    revision_id: 0,
    class_code: 0x06_0000,
    subsystem_vendor_id: 0x1AF4,
    subsystem_id: 0x1100,
};

/// Host bridge without BAR and capabilities.
pub struct HostBridge(Mutex<ConfigSpace>);

impl HostBridge {
    /// Creates the bridge in its state at power-on.
    pub fn new() -> Self {
        Self(Mutex::new(ConfigSpace::new(IDENTITY)))
    }
}

impl PciFunction for HostBridge {
    fn read_config(&self, offset: u64, data: &mut [u8]) {
        self.0.lock().read(offset, data);
    }

    fn write_config(&self, offset: u64, data: &[u8]) {
        self.0.lock().write(offset, data);
    }

    fn bar(&self) -> Option<std::ops::Range<u64>> {
        None
    }

    fn read_bar(&self, _offset: u64, _data: &mut [u8]) {}

    fn write_bar(&self, _offset: u64, _data: &[u8]) {}

    fn reset(&self) {
        *self.0.lock() = ConfigSpace::new(IDENTITY);
    }
}
