//! Boot loader: loads kernel, initial RAM disk and command line into guest memory, without firmware.
//!
//! The type of the kernel file selects the boot protocol: Linux' 64-bit protocol for a bzImage, PVH for an
//! ELF file. The result is an [`Entry`], from which [`crate::cpu`] sets the first processor's registers. QEMU
//! boots its guests itself.

mod bzimage;
mod pvh;
mod reset_vector;
mod tables;

use crate::layout;
use oriel_virtio::GuestRam;
use oriel_vmm_api::Boot;
use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use vm_memory::{Bytes, GuestAddress};

/// Entry point of the first virtual processor, and the boot protocol that defines its registers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Entry {
    /// Entry by the 64-bit boot protocol of Linux (Documentation/arch/x86/boot.rst), in long mode with
    /// paging.
    Linux64 {
        /// Address of the first instruction.
        rip: u64,
        /// Address of `boot_params`, for RSI.
        zero_page: u64,
    },
    /// Entry by Xen's PVH protocol (docs/misc/pvh.pandoc), in 32-bit protected mode without paging.
    Pvh {
        /// Address of the first instruction.
        eip: u32,
        /// Address of `hvm_start_info`, for EBX.
        start_info: u32,
    },
}

/// Reason for which the boot files or the command line cannot be booted.
#[derive(Debug, thiserror::Error)]
pub enum BootError {
    /// File that cannot be opened or read.
    #[error("the {what} {path} cannot be read: {error}")]
    Unreadable {
        /// Role of the file: `kernel` or `initrd`.
        what: &'static str,
        /// Path of the file.
        path: PathBuf,
        /// Error of the system.
        error: std::io::Error,
    },
    /// Path of a kernel that is neither an ELF file nor a bzImage.
    #[error(
        "{0} is no kernel that can be booted: it is neither a Linux bzImage nor an ELF file; check the image"
    )]
    NotAKernel(PathBuf),
    /// Kernel whose headers contradict the file's length or each other.
    #[error("the kernel {path} is damaged ({problem}); build or copy the image again")]
    Damaged {
        /// Path of the kernel.
        path: PathBuf,
        /// Contradiction that was found.
        problem: String,
    },
    /// Kernel that supports none of the boot protocols.
    #[error("the kernel {path} cannot be booted here: {problem}")]
    Unsupported {
        /// Path of the kernel.
        path: PathBuf,
        /// Feature that the kernel lacks.
        problem: &'static str,
    },
    /// Boot files that do not fit into guest memory.
    #[error("kernel and initrd need {needed_mib} MiB of memory to start; give the guest more")]
    DoesNotFit {
        /// Minimum guest memory in MiB.
        needed_mib: u64,
    },
    /// Command line that exceeds the kernel's maximum.
    #[error("the kernel command line has {length} bytes, and this kernel takes {limit}; shorten it")]
    CommandLineTooLong {
        /// Length of the command line in bytes.
        length: usize,
        /// Maximum length in bytes, without the terminating NUL.
        limit: usize,
    },
    /// Command line that contains a NUL byte.
    #[error("the kernel command line contains a zero byte; remove it")]
    CommandLineNul,
}

/// Open boot files of a guest.
#[derive(Debug)]
pub struct BootFiles {
    /// File of the kernel.
    pub kernel: File,
    /// File of the initial RAM disk, if the configuration names one.
    pub initrd: Option<File>,
}

/// Role of the kernel in error messages.
const KERNEL: &str = "kernel";
/// Role of the initial RAM disk in error messages.
const INITRD: &str = "initrd";

/// Kernel, initial RAM disk and command line of a guest. They stay open, so that a reset boots the same
/// files.
pub struct BootSource {
    kernel: Input,
    initrd: Option<Input>,
    cmdline: Vec<u8>,
}

/// Boot file with the facts that error messages and the loaders use.
struct Input {
    what: &'static str,
    path: PathBuf,
    file: File,
    length: u64,
}

impl BootFiles {
    /// Opens the kernel and the initial RAM disk that `boot` names, for reading.
    ///
    /// # Errors
    /// [`BootError::Unreadable`] for a file that cannot be opened.
    pub fn open(boot: &Boot) -> Result<Self, BootError> {
        let open = |what, path: &Path| {
            File::open(path).map_err(|error| BootError::Unreadable { what, path: path.to_owned(), error })
        };
        Ok(Self {
            kernel: open(KERNEL, &boot.kernel)?,
            initrd: boot.initrd.as_deref().map(|path| open(INITRD, path)).transpose()?,
        })
    }
}

impl Input {
    fn new(what: &'static str, path: &Path, file: File) -> Result<Self, BootError> {
        let unreadable = |error| BootError::Unreadable { what, path: path.to_owned(), error };
        let metadata = file.metadata().map_err(unreadable)?;
        if !metadata.is_file() {
            return Err(unreadable(std::io::Error::other("it is not a file")));
        }
        Ok(Self { what, path: path.to_owned(), file, length: metadata.len() })
    }

    fn unreadable(&self, error: std::io::Error) -> BootError {
        BootError::Unreadable { what: self.what, path: self.path.clone(), error }
    }

    fn damaged(&self, problem: impl ToString) -> BootError {
        BootError::Damaged { path: self.path.clone(), problem: problem.to_string() }
    }
}

impl BootSource {
    /// Creates the source from the open `files` and the paths and the command line in `boot`.
    ///
    /// # Errors
    /// A [`BootError`] when one of `files` is not a regular file, or the command line is too long or contains
    /// NUL.
    pub fn new(boot: &Boot, files: BootFiles) -> Result<Self, BootError> {
        let kernel = Input::new(KERNEL, &boot.kernel, files.kernel)?;
        let initrd = match (&boot.initrd, files.initrd) {
            (Some(path), Some(file)) => Some(Input::new(INITRD, path, file)?),
            _ => None,
        };
        let cmdline = boot.cmdline.as_bytes().to_vec();
        if cmdline.contains(&0) {
            return Err(BootError::CommandLineNul);
        }
        let limit = usize::try_from(layout::CMDLINE_SIZE).unwrap_or(0).saturating_sub(1);
        if cmdline.len() > limit {
            return Err(BootError::CommandLineTooLong { length: cmdline.len(), limit });
        }
        Ok(Self { kernel, initrd, cmdline })
    }

    /// Loads kernel, initial RAM disk, command line and boot structures into `ram`, and returns the entry
    /// point. `ram` must be zero except for the generation ID and the ACPI tables, whose RSDP is at `rsdp`.
    ///
    /// # Errors
    /// A [`BootError`] when the kernel is not a kernel, is damaged, or does not fit into `ram`.
    pub fn load(&self, ram: &GuestRam, rsdp: u64) -> Result<Entry, BootError> {
        let mut head = [0; 0x210];
        let read = self.kernel.file.read_at(&mut head, 0).map_err(|e| self.kernel.unreadable(e))?;
        let head = head.get(..read).unwrap_or_default();
        let entry = if head.starts_with(b"\x7fELF") {
            pvh::load(self, ram, rsdp)?
        } else if head.get(0x202..0x206) == Some(b"HdrS") {
            bzimage::load(self, ram, rsdp)?
        } else {
            return Err(BootError::NotAKernel(self.kernel.path.clone()));
        };
        self.write_cmdline(ram)?;
        reset_vector::write(ram)?;
        Ok(entry)
    }

    /// Writes the command line and its terminating NUL.
    fn write_cmdline(&self, ram: &GuestRam) -> Result<(), BootError> {
        let mut line = self.cmdline.clone();
        line.push(0);
        ram.write_slice(&line, GuestAddress(layout::CMDLINE)).map_err(|_| too_small(layout::HIGH_RAM))
    }

    /// Loads the initial RAM disk at the highest page boundary at which it ends below `limit`, and returns
    /// its address and size in bytes; `None` without one. It must begin at or above `floor`.
    fn load_initrd(&self, ram: &GuestRam, floor: u64, limit: u64) -> Result<Option<(u64, u64)>, BootError> {
        let Some(initrd) = &self.initrd else { return Ok(None) };
        let needed = floor.saturating_add(initrd.length).saturating_add(0x1000);
        let start = limit.checked_sub(initrd.length).map(|start| start & !0xFFF);
        let Some(start) = start.filter(|start| *start >= floor) else {
            return Err(too_small(needed));
        };
        let length = usize::try_from(initrd.length).map_err(|_| too_small(needed))?;
        let mut file = &initrd.file;
        std::io::Seek::rewind(&mut file).map_err(|error| initrd.unreadable(error))?;
        ram.read_exact_volatile_from(GuestAddress(start), &mut file, length)
            .map_err(|error| initrd.unreadable(std::io::Error::other(error.to_string())))?;
        Ok(Some((start, initrd.length)))
    }
}

/// Returns the error of a guest that needs memory up to the address `needed_bytes`.
fn too_small(needed_bytes: u64) -> BootError {
    BootError::DoesNotFit { needed_mib: needed_bytes.div_ceil(1 << 20) }
}

#[cfg(test)]
pub(crate) mod tests;
