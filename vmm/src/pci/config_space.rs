//! Configuration space with a type 0 header, one 32-bit memory BAR and a list of capabilities (PCI Local
//! Bus 3.0, chapter 6). Register effects beyond storage are up to the function.

/// Size of conventional configuration space in bytes; PCI Express extended space reads as zero.
const CONFIG_SPACE_SIZE: usize = 256;

// Offsets of registers in a type 0 header (section 6.1).
const COMMAND: usize = 0x04;
const STATUS: usize = 0x06;
const CACHE_LINE_SIZE: usize = 0x0C;
const BAR0: usize = 0x10;
const CAPABILITIES_POINTER: usize = 0x34;
const INTERRUPT_LINE: usize = 0x3C;
/// Offset of the first capability, behind the header.
const FIRST_CAPABILITY_OFFSET: usize = 0x40;

/// Status bit Capabilities List (section 6.2.3).
const STATUS_CAPABILITIES_LIST: u8 = 1 << 4;
/// Command bit Memory Space: the function decodes its memory BAR (section 6.2.2).
const COMMAND_MEMORY_SPACE: u8 = 1 << 1;
/// Writable command bits: Memory Space, Bus Master and Interrupt Disable.
const COMMAND_WRITABLE_BITS: [u8; 2] = [0b110, 0b100];

/// Read-only identification registers of a function (PCI Local Bus 3.0, section 6.2.1).
#[derive(Debug, Clone, Copy)]
pub struct PciIdentity {
    /// ID of the vendor, e.g. 0x1AF4 for virtio.
    pub vendor_id: u16,
    /// ID of the device, assigned by the vendor.
    pub device_id: u16,
    /// Revision of the device.
    pub revision_id: u8,
    /// Base class, subclass and programming interface as 24 bits, e.g. 0x060000 for a host bridge.
    pub class_code: u32,
    /// ID of the subsystem's vendor.
    pub subsystem_vendor_id: u16,
    /// ID of the subsystem, assigned by its vendor.
    pub subsystem_id: u16,
}

/// Configuration space of one function: register bytes and the mask of the bits that software may change.
#[derive(Clone)]
pub struct ConfigSpace {
    registers: [u8; CONFIG_SPACE_SIZE],
    writable: [u8; CONFIG_SPACE_SIZE],
    next_capability_offset: usize,
    /// Offset of the byte that links the next capability.
    last_next_pointer: usize,
}

impl ConfigSpace {
    /// Creates the space of a function without BAR and capabilities.
    pub fn new(identity: PciIdentity) -> Self {
        let mut space = Self {
            registers: [0; CONFIG_SPACE_SIZE],
            writable: [0; CONFIG_SPACE_SIZE],
            next_capability_offset: FIRST_CAPABILITY_OFFSET,
            last_next_pointer: CAPABILITIES_POINTER,
        };
        space.set_bytes(0x00, &identity.vendor_id.to_le_bytes());
        space.set_bytes(0x02, &identity.device_id.to_le_bytes());
        space.set_bytes(0x08, &(identity.class_code << 8 | u32::from(identity.revision_id)).to_le_bytes());
        space.set_bytes(0x2C, &identity.subsystem_vendor_id.to_le_bytes());
        space.set_bytes(0x2E, &identity.subsystem_id.to_le_bytes());
        space.set_writable(COMMAND, &COMMAND_WRITABLE_BITS);
        space.set_writable(CACHE_LINE_SIZE, &[0xFF]);
        space.set_writable(INTERRUPT_LINE, &[0xFF]);
        space
    }

    /// Adds BAR 0: memory of `size` bytes, a power of two of at least 16, at guest physical address
    /// `address`. Memory decoding is on from the start.
    pub fn set_bar0(&mut self, address: u32, size: u32) {
        let mask = !(size.max(16).next_power_of_two() - 1);
        self.set_bytes(BAR0, &(address & mask).to_le_bytes());
        self.set_writable(BAR0, &mask.to_le_bytes());
        self.set_bytes(COMMAND, &[COMMAND_MEMORY_SPACE]);
    }

    /// Appends the capability `id` to the list and returns its offset. `body` follows the two bytes of ID
    /// and next pointer. Bits set in `writable`, at most as long as `body`, may be changed by software.
    pub fn add_capability(&mut self, id: u8, body: &[u8], writable: &[u8]) -> usize {
        let offset = self.next_capability_offset;
        self.set_bytes(offset, &[id, 0]);
        self.set_bytes(offset + 2, body);
        self.set_writable(offset + 2, writable);
        self.set_bytes(self.last_next_pointer, &[offset as u8]);
        self.set_bytes(STATUS, &[STATUS_CAPABILITIES_LIST]);
        self.last_next_pointer = offset + 1;
        self.next_capability_offset = (offset + 2 + body.len()).next_multiple_of(4);
        offset
    }

    /// Reads bytes from `offset` into `data`; bytes behind the end become zero.
    pub fn read(&self, offset: u64, data: &mut [u8]) {
        for (at, byte) in (offset..).zip(data) {
            *byte = usize::try_from(at).ok().and_then(|at| self.registers.get(at).copied()).unwrap_or(0);
        }
    }

    /// Writes the writable bits of `data` from `offset`; bytes behind the end are ignored.
    pub fn write(&mut self, offset: u64, data: &[u8]) {
        for (at, value) in (offset..).zip(data) {
            let Ok(at) = usize::try_from(at) else { return };
            if let (Some(register), Some(mask)) = (self.registers.get_mut(at), self.writable.get(at)) {
                *register = (*register & !mask) | (value & mask);
            }
        }
    }

    /// Returns the address that BAR 0 decodes; `None` while memory decoding is off or where no BAR exists.
    /// Addresses from 0xFF00_0000 on count as not decoded: software writes all ones to size the BAR.
    pub fn bar0(&self) -> Option<u64> {
        let [.., top] = self.read_dword(BAR0);
        let has_bar = self.writable.get(BAR0 + 3).is_some_and(|mask| *mask != 0);
        let decoding = self.read_dword(COMMAND)[0] & COMMAND_MEMORY_SPACE != 0;
        let address = u64::from(u32::from_le_bytes(self.read_dword(BAR0)));
        (has_bar && decoding && top != 0xFF).then_some(address & !0xF)
    }

    /// Returns the four bytes from `offset` in memory order; bytes behind the end are zero.
    pub fn read_dword(&self, offset: usize) -> [u8; 4] {
        let mut bytes = [0; 4];
        self.read(offset as u64, &mut bytes);
        bytes
    }

    /// Overwrites the register bytes from `offset`, whatever software may write.
    fn set_bytes(&mut self, offset: usize, bytes: &[u8]) {
        if let Some(to) = self.registers.get_mut(offset..offset + bytes.len()) {
            to.copy_from_slice(bytes);
        }
    }

    /// Sets the mask of writable bits from `offset`.
    fn set_writable(&mut self, offset: usize, mask: &[u8]) {
        if let Some(to) = self.writable.get_mut(offset..offset + mask.len()) {
            to.copy_from_slice(mask);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn space() -> ConfigSpace {
        ConfigSpace::new(PciIdentity {
            vendor_id: 0x1AF4,
            device_id: 0x1050,
            revision_id: 1,
            class_code: 0x03_8000,
            subsystem_vendor_id: 0x1AF4,
            subsystem_id: 0x1100,
        })
    }

    fn read(space: &ConfigSpace, offset: usize) -> u32 {
        u32::from_le_bytes(space.read_dword(offset))
    }

    #[test]
    fn identification_registers_are_read_only() {
        let mut space = space();
        space.write(0, &[0; 64]);
        assert_eq!(read(&space, 0), 0x1050_1AF4);
        assert_eq!(read(&space, 8), 0x0380_0001);
        assert_eq!(read(&space, 0x2C), 0x1100_1AF4);
    }

    #[test]
    fn a_bar_can_be_sized_moved_and_disabled() {
        let mut space = space();
        space.set_bar0(0xC000_0000, 0x8000);
        assert_eq!(space.bar0(), Some(0xC000_0000));
        space.write(0x10, &u32::MAX.to_le_bytes());
        assert_eq!(!(read(&space, 0x10) & !0xF) + 1, 0x8000);
        space.write(0x10, &0xD000_0000u32.to_le_bytes());
        assert_eq!(space.bar0(), Some(0xD000_0000));
        space.write(4, &[0, 0]);
        assert_eq!(space.bar0(), None);
        space.write(0x14, &u32::MAX.to_le_bytes());
        assert_eq!(read(&space, 0x14), 0, "there is no second BAR");
    }

    #[test]
    fn capabilities_form_a_list() {
        let mut space = space();
        let first = space.add_capability(9, &[1, 2, 3], &[]);
        let second = space.add_capability(0x11, &[0, 0, 4, 5], &[0, 0xC0]);
        assert_ne!(read(&space, 4) & 1 << 20, 0, "status says that there is a list");
        assert_eq!(read(&space, 0x34) as usize & 0xFF, first);
        assert_eq!(space.read_dword(first)[..2], [9, second as u8]);
        assert_eq!(space.read_dword(second), [0x11, 0, 0, 0]);
        space.write(second as u64 + 2, &[0xFF, 0xFF, 0xFF]);
        assert_eq!(space.read_dword(second + 2)[..3], [0, 0xC0, 4]);
    }

    #[test]
    fn accesses_beyond_the_end_read_zero() {
        let mut space = space();
        let mut data = [0xAA; 4];
        space.read(4094, &mut data);
        assert_eq!(data, [0; 4]);
        space.write(254, &[1; 8]);
        space.write(u64::MAX - 1, &[1; 1]);
    }
}
