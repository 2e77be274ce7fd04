//! Reader of the kernel's statistics of one virtual processor (Linux, Documentation/virt/kvm/api.rst,
//! `KVM_GET_STATS_FD`): a file with a header, descriptors and 64-bit values.

use kvm_ioctls::VcpuFd;
use std::fs::File;
use std::os::fd::FromRawFd;
use std::os::unix::fs::FileExt;
use vmm_sys_util::ioctl::ioctl;
use vmm_sys_util::ioctl_io_nr;

ioctl_io_nr!(KVM_GET_STATS_FD, kvm_bindings::KVMIO, 0xCE);

/// Size in bytes of `struct kvm_stats_header`: flags, size of a name, number of descriptors, and three
/// offsets.
const HEADER: usize = 24;
/// Size in bytes of `struct kvm_stats_desc` without the name that follows it.
const DESCRIPTOR: usize = 16;
/// Maximum number of descriptors that is read, above that of any kernel.
const MAX_DESCRIPTORS: u32 = 1024;
/// Maximum size in bytes of a name that is read, above that of any kernel.
const MAX_NAME_SIZE: u32 = 256;

/// Statistics of one virtual processor. They keep its virtual machine in the kernel alive.
pub struct Statistics {
    file: File,
    /// Names of the statistics, and the offsets of their values in the file.
    offsets: Vec<(String, u64)>,
}

impl Statistics {
    /// Opens the statistics of `vcpu`; `None` if the host's kernel has none (before Linux 5.14).
    pub fn of(vcpu: &VcpuFd) -> Option<Self> {
        // SAFETY: the ioctl takes no argument; a kernel without it returns an error.
        let fd = unsafe { ioctl(vcpu, KVM_GET_STATS_FD()) };
        if fd < 0 {
            return None;
        }
        // SAFETY: the kernel has just opened the descriptor, and nothing else owns it.
        let file = unsafe { File::from_raw_fd(fd) };
        let offsets = read_offsets(&file)?;
        Some(Self { file, offsets })
    }

    /// Reads the current value of the statistic called `name`; `None` if there is none.
    pub fn read(&self, name: &str) -> Option<u64> {
        let (_, offset) = self.offsets.iter().find(|(known, _)| known == name)?;
        let mut figure = [0; 8];
        self.file.read_exact_at(&mut figure, *offset).ok()?;
        Some(u64::from_ne_bytes(figure))
    }
}

/// Returns the 32-bit word in native byte order at `offset`; `None` beyond the end.
fn word(bytes: &[u8], offset: usize) -> Option<u32> {
    bytes.get(offset..)?.first_chunk().copied().map(u32::from_ne_bytes)
}

/// Reads the header and the descriptors: names, and offsets of their values in the file.
fn read_offsets(file: &File) -> Option<Vec<(String, u64)>> {
    let mut header = [0; HEADER];
    file.read_exact_at(&mut header, 0).ok()?;
    let [name_size, count, descriptors, data] =
        [word(&header, 4)?, word(&header, 8)?, word(&header, 16)?, word(&header, 20)?];
    if name_size > MAX_NAME_SIZE || count > MAX_DESCRIPTORS {
        return None;
    }
    let size = DESCRIPTOR + usize::try_from(name_size).ok()?;
    let mut all = vec![0; size * usize::try_from(count).ok()?];
    file.read_exact_at(&mut all, descriptors.into()).ok()?;
    all.chunks_exact(size)
        .map(|descriptor| {
            let (head, name) = descriptor.split_at_checked(DESCRIPTOR)?;
            let name = name.split(|byte| *byte == 0).next()?;
            let offset = u64::from(data) + u64::from(word(head, 8)?);
            Some((String::from_utf8_lossy(name).into_owned(), offset))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kernels_figures_are_found_by_name() {
        let Ok(device) = crate::host::open_kvm() else {
            eprintln!("skipped: this host has no usable /dev/kvm");
            return;
        };
        let vm = crate::host::kvm(device).create_vm().unwrap();
        let Some(statistics) = Statistics::of(&vm.create_vcpu(0).unwrap()) else {
            eprintln!("skipped: this host's KVM does not tell its figures");
            return;
        };
        assert_eq!(statistics.read("exits"), Some(0));
        assert_eq!(statistics.read("halt_exits"), Some(0));
        assert_eq!(statistics.read("no such figure"), None);
    }
}
