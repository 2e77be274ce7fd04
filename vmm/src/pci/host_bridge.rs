//! Device 0: a host bridge, so that kernels believe that there is a bus.

use super::bus::PciFunction;
use super::config_space::{ConfigSpace, PciIdentity};
use parking_lot::Mutex;

/// Red Hat's generic PCI Express host bridge, which needs no quirks.
const IDENTITY: PciIdentity = PciIdentity {
    vendor_id: 0x1B36,
    device_id: 0x0008,
    revision_id: 0,
    class_code: 0x06_0000,
    subsystem_vendor_id: 0x1AF4,
    subsystem_id: 0x1100,
};

/// The bridge; it has nothing but an identity.
pub struct HostBridge(Mutex<ConfigSpace>);

impl HostBridge {
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
