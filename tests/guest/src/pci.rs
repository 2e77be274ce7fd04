//! PCI configuration by ports CF8 and CFC, and memory for BARs that nobody placed.

use alloc::vec::Vec;
use core::ops::Range;

use virtio_drivers::transport::pci::bus::{
    BarInfo, Command, ConfigurationAccess, DeviceFunction, MemoryBarType, PciRoot,
};
use virtio_drivers::transport::pci::{VIRTIO_VENDOR_ID, VirtioPciError};

use crate::apic::Message;
use crate::memory::IdentityHal;
use crate::port;
use crate::start_info::MemoryRange;
use crate::transport::MsixTransport;

/// PCI device identifier of a virtio GPU.
pub const VIRTIO_GPU: u16 = 0x1040 + 16;
/// PCI device identifier of a virtio input device.
pub const VIRTIO_INPUT: u16 = 0x1040 + 18;
/// PCI device identifier of virtio-snd.
pub const VIRTIO_SOUND: u16 = 0x1040 + 25;

const CONFIG_ADDRESS: u16 = 0xcf8;
const CONFIG_DATA: u16 = 0xcfc;
const ENABLE: u32 = 1 << 31;
const HEADER_TYPE: u8 = 0x0c;
const MULTIFUNCTION: u32 = 1 << 23;
const BRIDGE: u32 = 0x7f << 16;

/// Where unplaced BARs go, unless the memory map or another BAR is there.
const BAR_WINDOW: Range<u64> = 0xc000_0000..0xfec0_0000;
const MAPPED_END: u64 = 1 << 32;

/// Configuration access by ports.
#[derive(Clone, Copy)]
struct PortAccess;

impl PortAccess {
    fn select(function: DeviceFunction, register: u8) {
        let address = ENABLE
            | u32::from(function.bus) << 16
            | u32::from(function.device) << 11
            | u32::from(function.function) << 8
            | u32::from(register & !3);
        port::write_u32(CONFIG_ADDRESS, address);
    }
}

impl ConfigurationAccess for PortAccess {
    fn read_word(&self, function: DeviceFunction, register: u8) -> u32 {
        Self::select(function, register);
        port::read_u32(CONFIG_DATA)
    }

    fn write_word(&mut self, function: DeviceFunction, register: u8, data: u32) {
        Self::select(function, register);
        port::write_u32(CONFIG_DATA, data);
    }

    unsafe fn unsafe_clone(&self) -> Self {
        *self
    }
}

/// Bus 0, and the addresses that its devices may still be given.
pub struct Bus {
    root: PciRoot<PortAccess>,
    functions: Vec<DeviceFunction>,
    memory_map: &'static [MemoryRange],
    message: Option<Message>,
}

impl Bus {
    /// Looks for devices. Those that are driven will interrupt by `message`.
    pub fn scan(memory_map: &'static [MemoryRange], message: Option<Message>) -> Self {
        let mut functions = Vec::new();
        for device in 0..32 {
            for function in 0..8 {
                let address = DeviceFunction { bus: 0, device, function };
                let present = PortAccess.read_word(address, 0) != u32::MAX;
                if present {
                    functions.push(address);
                }
                let more = present && PortAccess.read_word(address, HEADER_TYPE) & MULTIFUNCTION != 0;
                if function == 0 && !more {
                    break;
                }
            }
        }
        Self { root: PciRoot::new(PortAccess), functions, memory_map, message }
    }

    /// Transports to all virtio devices with this PCI device identifier.
    pub fn virtio_devices(&mut self, device_id: u16) -> Result<Vec<MsixTransport>, VirtioPciError> {
        let identity = u32::from(device_id) << 16 | u32::from(VIRTIO_VENDOR_ID);
        let mut transports = Vec::new();
        for function in self.functions.clone() {
            if PortAccess.read_word(function, 0) != identity {
                continue;
            }
            self.place_bars(function)?;
            let command = Command::MEMORY_SPACE | Command::BUS_MASTER | Command::INTERRUPT_DISABLE;
            self.root.set_command(function, command);
            let (root, message) = (&mut self.root, self.message);
            transports.push(MsixTransport::new::<IdentityHal, _>(root, PortAccess, function, message)?);
        }
        Ok(transports)
    }

    /// Places the memory BARs of a device that have no address, or one above the
    /// 4 GiB that are mapped.
    fn place_bars(&mut self, function: DeviceFunction) -> Result<(), VirtioPciError> {
        for (index, bar) in (0u8..).zip(self.root.bars(function)?) {
            let Some(BarInfo::Memory { address_type, address, size, .. }) = bar else { continue };
            if address != 0 && address + size <= MAPPED_END {
                continue;
            }
            let place = self.free_address(size)?.ok_or(VirtioPciError::BarNotAllocated(index))?;
            match address_type {
                MemoryBarType::Width64 => self.root.set_bar_64(function, index, place),
                _ => self.root.set_bar_32(function, index, place as u32),
            }
        }
        Ok(())
    }

    /// The lowest address in the window where `size` bytes, a power of two, fit.
    fn free_address(&mut self, size: u64) -> Result<Option<u64>, VirtioPciError> {
        let mut taken: Vec<Range<u64>> = self
            .memory_map
            .iter()
            .map(|range| range.start..range.start.saturating_add(range.length))
            .collect();
        for &function in &self.functions {
            if PortAccess.read_word(function, HEADER_TYPE) & BRIDGE != 0 {
                continue;
            }
            for bar in self.root.bars(function)?.into_iter().flatten() {
                if let Some((address, size)) = bar.memory_address_size() {
                    taken.push(address..address.saturating_add(size));
                }
            }
        }
        let mut place = BAR_WINDOW.start.next_multiple_of(size.max(1));
        while place + size <= BAR_WINDOW.end {
            match taken.iter().find(|range| range.start < place + size && place < range.end) {
                None => return Ok(Some(place)),
                Some(range) => place = range.end.next_multiple_of(size.max(1)),
            }
        }
        Ok(None)
    }
}
