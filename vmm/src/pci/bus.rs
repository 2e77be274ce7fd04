//! PCI bus 0: selects functions by device number for configuration accesses, and by address for accesses to
//! BARs.

use super::function::PciFunction;
use super::host_bridge::HostBridge;
use crate::bus::Registers;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};

/// Enable bit of `CONFIG_ADDRESS`; below are bus (bits 16 to 23), device (11 to 15), function (8 to 10) and
/// register (2 to 7) (PCI Local Bus 3.0, section 3.2.2.3.2).
const CONFIG_ADDRESS_ENABLE: u32 = 1 << 31;
/// Offset of `CONFIG_DATA` from `CONFIG_ADDRESS`.
const CONFIG_DATA_OFFSET: u64 = 4;
/// Lowest bit of the device number in an ECAM offset.
const DEVICE_SHIFT: u32 = 15;
/// Bytes of ECAM for one function.
const FUNCTION_CONFIG_SIZE: u64 = 0x1000;

/// PCI bus 0 with its functions. Every device has function 0 only.
pub struct PciBus {
    /// Function 0 of each device, by device number.
    devices: Vec<Arc<dyn PciFunction>>,
    /// `CONFIG_ADDRESS` register.
    config_address: AtomicU32,
    unclaimed_accesses: AtomicU64,
}

impl PciBus {
    /// Creates a bus with a host bridge as device 0 and `functions` as the devices from 1 on.
    pub fn new(functions: impl IntoIterator<Item = Arc<dyn PciFunction>>) -> Arc<Self> {
        let mut devices: Vec<Arc<dyn PciFunction>> = vec![Arc::new(HostBridge::new())];
        devices.extend(functions);
        Arc::new(Self { devices, config_address: AtomicU32::new(0), unclaimed_accesses: AtomicU64::new(0) })
    }

    /// Resets `CONFIG_ADDRESS` and every function to the state at power-on.
    pub fn reset(&self) {
        self.config_address.store(0, Ordering::Relaxed);
        self.devices.iter().for_each(|device| device.reset());
    }

    /// Returns the number of accesses to the MMIO window that no BAR decoded.
    pub fn unclaimed_accesses(&self) -> u64 {
        self.unclaimed_accesses.load(Ordering::Relaxed)
    }

    /// Returns the function of an ECAM offset: device in bits 15 to 19, function in bits 12 to 14.
    fn function_at_ecam_offset(&self, ecam_offset: u64) -> Option<&dyn PciFunction> {
        let function = (ecam_offset >> 12) & 7;
        let device = usize::try_from(ecam_offset >> DEVICE_SHIFT).ok()?;
        self.devices.get(device).filter(|_| function == 0).map(|device| &**device)
    }

    fn read_config(&self, ecam_offset: u64, data: &mut [u8]) {
        data.fill(0xFF);
        if let Some(function) = self.function_at_ecam_offset(ecam_offset) {
            function.read_config(ecam_offset % FUNCTION_CONFIG_SIZE, data);
        }
    }

    fn write_config(&self, ecam_offset: u64, data: &[u8]) {
        if let Some(function) = self.function_at_ecam_offset(ecam_offset) {
            function.write_config(ecam_offset % FUNCTION_CONFIG_SIZE, data);
        }
    }

    /// Returns the function whose BAR decodes `address`, and the offset into the BAR; counts an access that
    /// no BAR decodes.
    fn function_at_bar(&self, address: u64) -> Option<(&dyn PciFunction, u64)> {
        let found = self.devices.iter().find_map(|device| {
            let bar = device.bar().filter(|bar| bar.contains(&address))?;
            Some((&**device, address - bar.start))
        });
        if found.is_none() {
            self.unclaimed_accesses.fetch_add(1, Ordering::Relaxed);
        }
        found
    }
}

/// Enhanced Configuration Access Mechanism: configuration space as a memory range with 4 KiB for each
/// function (PCI Express Base Specification, section 7.2.2). An absent function reads as all ones.
pub struct Ecam(pub Arc<PciBus>);

impl Registers for Ecam {
    fn read(&self, offset: u64, data: &mut [u8]) {
        self.0.read_config(offset, data);
    }

    fn write(&self, offset: u64, data: &[u8]) {
        self.0.write_config(offset, data);
    }
}

/// Configuration mechanism by I/O ports: `CONFIG_ADDRESS` (0xCF8) and `CONFIG_DATA` (0xCFC to 0xCFF) (PCI
/// Local Bus 3.0, section 3.2.2.3.2). An absent function reads as all ones.
pub struct PciConfigIo(pub Arc<PciBus>);

impl PciConfigIo {
    /// Returns the ECAM offset of the register that `CONFIG_ADDRESS` selects, for an access at `offset` from
    /// `CONFIG_ADDRESS`; `None` if the enable bit is clear or another bus is selected.
    fn ecam_offset(&self, offset: u64) -> Option<u64> {
        let address = self.0.config_address.load(Ordering::Relaxed);
        let on_bus_0 = address & CONFIG_ADDRESS_ENABLE != 0 && (address >> 16) & 0xFF == 0;
        let function = u64::from((address >> 8) & 0xFF);
        on_bus_0.then(|| function << 12 | u64::from(address & 0xFC) | (offset - CONFIG_DATA_OFFSET))
    }
}

impl Registers for PciConfigIo {
    fn read(&self, offset: u64, data: &mut [u8]) {
        if offset >= CONFIG_DATA_OFFSET {
            if let Some(offset) = self.ecam_offset(offset) {
                self.0.read_config(offset, data);
            }
        } else if let (0, [_, _, _, _]) = (offset, &data) {
            data.copy_from_slice(&self.0.config_address.load(Ordering::Relaxed).to_le_bytes());
        }
    }

    fn write(&self, offset: u64, data: &[u8]) {
        if offset >= CONFIG_DATA_OFFSET {
            if let Some(offset) = self.ecam_offset(offset) {
                self.0.write_config(offset, data);
            }
        } else if let (0, Ok(bytes)) = (offset, data.try_into()) {
            self.0.config_address.store(u32::from_le_bytes(bytes), Ordering::Relaxed);
        }
    }
}

/// MMIO window of the bus: the memory range from which BARs are allocated.
pub struct MmioWindow {
    /// Bus whose BARs decode accesses to the window.
    pub bus: Arc<PciBus>,
    /// First guest physical address of the window.
    pub start: u64,
}

impl Registers for MmioWindow {
    fn read(&self, offset: u64, data: &mut [u8]) {
        if let Some((function, offset)) = self.bus.function_at_bar(self.start + offset) {
            function.read_bar(offset, data);
        }
    }

    fn write(&self, offset: u64, data: &[u8]) {
        if let Some((function, offset)) = self.bus.function_at_bar(self.start + offset) {
            function.write_bar(offset, data);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config_read(ports: &PciConfigIo, address: u32, offset: u64) -> u32 {
        ports.write(0, &address.to_le_bytes());
        let mut data = [0xFF; 4];
        ports.read(offset, &mut data);
        u32::from_le_bytes(data)
    }

    #[test]
    fn ports_and_ecam_find_the_host_bridge_only() {
        let bus = PciBus::new([]);
        let ports = PciConfigIo(bus.clone());
        assert_eq!(config_read(&ports, CONFIG_ADDRESS_ENABLE, 4), 0x0008_1B36);
        assert_eq!(config_read(&ports, CONFIG_ADDRESS_ENABLE | 8, 4), 0x0600_0000);
        assert_eq!(config_read(&ports, 0, 4), u32::MAX, "not enabled");
        for other in [1 << 16, 1 << 11, 1 << 8] {
            assert_eq!(config_read(&ports, CONFIG_ADDRESS_ENABLE | other, 4), u32::MAX, "{other:#x}");
        }
        let mut data = [0; 4];
        Ecam(bus.clone()).read(0, &mut data);
        assert_eq!(u32::from_le_bytes(data), 0x0008_1B36);
        Ecam(bus).read(0x8000, &mut data);
        assert_eq!(data, [0xFF; 4]);
    }

    #[test]
    fn config_data_can_be_read_by_bytes() {
        let ports = PciConfigIo(PciBus::new([]));
        ports.write(0, &CONFIG_ADDRESS_ENABLE.to_le_bytes());
        let mut byte = [0];
        ports.read(6, &mut byte);
        assert_eq!(byte, [0x08]);
        let mut address = [0; 4];
        ports.read(0, &mut address);
        assert_eq!(address, CONFIG_ADDRESS_ENABLE.to_le_bytes());
    }
}
