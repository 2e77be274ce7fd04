//! Getting a kernel into guest memory: what the file is decides how it is booted.

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

/// Where and how the first processor begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Entry {
    /// 64-bit boot protocol of Linux (Documentation/arch/x86/boot.rst).
    Linux64 {
        /// First instruction.
        rip: u64,
        /// `boot_params`, for RSI.
        zero_page: u64,
    },
    /// Xen's PVH start of day (docs/misc/pvh.pandoc): 32-bit protected mode without paging.
    Pvh {
        /// First instruction.
        eip: u32,
        /// `hvm_start_info`, for EBX.
        start_info: u32,
    },
}

/// What is wrong with what the guest is to boot.
#[derive(Debug, thiserror::Error)]
pub enum BootError {
    /// A file could not be opened or read.
    #[error("the {what} {path} cannot be read: {error}")]
    Unreadable {
        /// `kernel` or `initrd`.
        what: &'static str,
        /// The file.
        path: PathBuf,
        /// The system's word.
        error: std::io::Error,
    },
    /// Neither ELF nor bzImage.
    #[error(
        "{0} is no kernel that can be booted: it is neither a Linux bzImage nor an ELF file; check the image"
    )]
    NotAKernel(PathBuf),
    /// The file's headers contradict its length or one another.
    #[error("the kernel {path} is damaged ({problem}); build or copy the image again")]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What was seen.
        problem: String,
    },
    /// A kernel for another kind of start.
    #[error("the kernel {path} cannot be booted here: {problem}")]
    Unsupported {
        /// The file.
        path: PathBuf,
        /// What is missing.
        problem: &'static str,
    },
    /// Guest memory is too small.
    #[error("kernel and initrd need {needed_mib} MiB of memory to start; give the guest more")]
    DoesNotFit {
        /// At least.
        needed_mib: u64,
    },
    /// The command line is longer than the kernel takes.
    #[error("the kernel command line has {length} bytes, and this kernel takes {limit}; shorten it")]
    CommandLineTooLong {
        /// Bytes.
        length: usize,
        /// Bytes.
        limit: usize,
    },
    /// A NUL in the command line.
    #[error("the kernel command line contains a zero byte; remove it")]
    CommandLineNul,
}

/// The files that a guest boots, opened.
#[derive(Debug)]
pub struct BootFiles {
    /// The kernel.
    pub kernel: File,
    /// The initial RAM disk.
    pub initrd: Option<File>,
}

const KERNEL: &str = "kernel";
const INITRD: &str = "initrd";

/// A kernel and what goes with it: a reset boots the very same files again.
pub struct BootSource {
    kernel: Input,
    initrd: Option<Input>,
    cmdline: Vec<u8>,
}

struct Input {
    what: &'static str,
    path: PathBuf,
    file: File,
    length: u64,
}

impl BootFiles {
    /// Opens what `boot` names.
    ///
    /// # Errors
    /// When a file cannot be opened.
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
    /// What `boot` says, in `files`.
    ///
    /// # Errors
    /// When one of them is no file or the command line cannot be one.
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

    /// Loads everything into `ram`, which is all zero but for the ACPI tables whose RSDP is at `rsdp`.
    ///
    /// # Errors
    /// When the kernel is none, is damaged, or does not fit.
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

    fn write_cmdline(&self, ram: &GuestRam) -> Result<(), BootError> {
        let mut line = self.cmdline.clone();
        line.push(0);
        ram.write_slice(&line, GuestAddress(layout::CMDLINE)).map_err(|_| too_small(layout::HIGH_RAM))
    }

    /// Loads the initrd as high as it may lie below `limit`, above `floor`: its address and size.
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

fn too_small(needed_bytes: u64) -> BootError {
    BootError::DoesNotFit { needed_mib: needed_bytes.div_ceil(1 << 20) }
}

#[cfg(test)]
pub(crate) mod tests;
