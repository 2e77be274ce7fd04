//! The PVH start info (Xen, `xen/include/public/arch-x86/hvm/start_info.h`).

use core::ffi::CStr;
use core::fmt;

const MAGIC: u32 = 0x336e_c578;
const TYPE_RAM: u32 = 1;

/// Longest command line that is read, in bytes.
pub const COMMAND_LINE_MAX: usize = 1024;

#[repr(C)]
struct Header {
    magic: u32,
    version: u32,
    flags: u32,
    module_count: u32,
    modules: u64,
    command_line: u64,
    rsdp: u64,
    memory_map: u64,
    memory_map_entries: u32,
    reserved: u32,
}

/// A range of guest-physical addresses.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct MemoryRange {
    /// First address.
    pub start: u64,
    /// Length in bytes.
    pub length: u64,
    kind: u32,
    reserved: u32,
}

/// Why the machine cannot be read.
pub enum StartInfoError {
    /// The magic number is wrong.
    NotPvh(u32),
    /// Version 0 has no memory map.
    NoMemoryMap,
}

impl fmt::Display for StartInfoError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotPvh(magic) => {
                write!(f, "The start info has the magic number {magic:#x}: boot this image by PVH.")
            }
            Self::NoMemoryMap => write!(f, "The start info has no memory map: pass version 1 or later."),
        }
    }
}

/// What the boot loader says about the machine.
pub struct StartInfo {
    header: &'static Header,
}

impl StartInfo {
    /// Reads the start info at a physical address.
    ///
    /// # Safety
    /// The address must be the one that the PVH boot protocol passed in EBX, and
    /// nothing may have been written to memory outside the image yet.
    pub unsafe fn read(address: usize) -> Result<Self, StartInfoError> {
        // SAFETY: the boot protocol guarantees an aligned structure below 4 GiB,
        // all of which is mapped.
        let header = unsafe { &*core::ptr::with_exposed_provenance::<Header>(address) };
        if header.magic != MAGIC {
            return Err(StartInfoError::NotPvh(header.magic));
        }
        if header.version == 0 || header.memory_map == 0 {
            return Err(StartInfoError::NoMemoryMap);
        }
        Ok(Self { header })
    }

    /// The command line, cut at [`COMMAND_LINE_MAX`] bytes.
    pub fn command_line(&self) -> &'static str {
        if self.header.command_line == 0 {
            return "";
        }
        let start = core::ptr::with_exposed_provenance::<u8>(self.header.command_line as usize);
        // SAFETY: the boot protocol puts a string below 4 GiB, which is mapped,
        // and the memory behind it is readable up to the limit too.
        let bytes = unsafe { core::slice::from_raw_parts(start, COMMAND_LINE_MAX) };
        CStr::from_bytes_until_nul(bytes).ok().and_then(|text| text.to_str().ok()).unwrap_or("")
    }

    /// Address of the ACPI root pointer, when the boot loader knows it.
    pub fn rsdp(&self) -> Option<usize> {
        (self.header.rsdp != 0).then_some(self.header.rsdp as usize)
    }

    /// All ranges of the memory map.
    pub fn memory_map(&self) -> &'static [MemoryRange] {
        let start = core::ptr::with_exposed_provenance::<MemoryRange>(self.header.memory_map as usize);
        // SAFETY: the boot protocol guarantees this many entries below 4 GiB.
        unsafe { core::slice::from_raw_parts(start, self.header.memory_map_entries as usize) }
    }

    /// The largest piece of memory below 4 GiB that starts at or behind `floor`.
    pub fn largest_memory(&self, floor: u64) -> Option<core::ops::Range<usize>> {
        self.memory_map()
            .iter()
            .filter(|range| range.kind == TYPE_RAM)
            .filter_map(|range| {
                let start = range.start.max(floor);
                let end = range.start.saturating_add(range.length).min(1 << 32);
                (start < end).then_some(start as usize..end as usize)
            })
            .max_by_key(|range| range.len())
    }
}
