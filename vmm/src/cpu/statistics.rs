//! What the kernel counts of one virtual processor (Linux, Documentation/virt/kvm/api.rst,
//! KVM_GET_STATS_FD): a file with a header, descriptors and 64-bit figures.

use kvm_ioctls::VcpuFd;
use std::fs::File;
use std::os::fd::FromRawFd;
use std::os::unix::fs::FileExt;
use vmm_sys_util::ioctl::ioctl;
use vmm_sys_util::ioctl_io_nr;

ioctl_io_nr!(KVM_GET_STATS_FD, kvm_bindings::KVMIO, 0xCE);

/// `struct kvm_stats_header`: flags, bytes of a name, descriptors, and where things begin.
const HEADER: usize = 24;
/// `struct kvm_stats_desc` without the name that follows it.
const DESCRIPTOR: usize = 16;
/// More than any kernel has, so that a strange file costs little.
const MOST_DESCRIPTORS: u32 = 1024;
const MOST_NAME: u32 = 256;

/// The figures of one processor. As long as this lives, so does its virtual machine in the kernel.
pub struct Statistics {
    file: File,
    /// Names, and where in the file their figures are.
    places: Vec<(String, u64)>,
}

impl Statistics {
    /// Of `vcpu`; `None` where the host's kernel (before 5.14) does not tell.
    pub fn of(vcpu: &VcpuFd) -> Option<Self> {
        // SAFETY: the ioctl takes no argument; a kernel that does not know it refuses.
        let fd = unsafe { ioctl(vcpu, KVM_GET_STATS_FD()) };
        if fd < 0 {
            return None;
        }
        // SAFETY: the descriptor is new and nobody else's.
        let file = unsafe { File::from_raw_fd(fd) };
        let places = places(&file)?;
        Some(Self { file, places })
    }

    /// The figure of this name, now.
    pub fn read(&self, name: &str) -> Option<u64> {
        let (_, place) = self.places.iter().find(|(known, _)| known == name)?;
        let mut figure = [0; 8];
        self.file.read_exact_at(&mut figure, *place).ok()?;
        Some(u64::from_ne_bytes(figure))
    }
}

fn word(bytes: &[u8], offset: usize) -> Option<u32> {
    bytes.get(offset..)?.first_chunk().copied().map(u32::from_ne_bytes)
}

fn places(file: &File) -> Option<Vec<(String, u64)>> {
    let mut header = [0; HEADER];
    file.read_exact_at(&mut header, 0).ok()?;
    let [name_size, count, descriptors, data] =
        [word(&header, 4)?, word(&header, 8)?, word(&header, 16)?, word(&header, 20)?];
    if name_size > MOST_NAME || count > MOST_DESCRIPTORS {
        return None;
    }
    let size = DESCRIPTOR + usize::try_from(name_size).ok()?;
    let mut all = vec![0; size * usize::try_from(count).ok()?];
    file.read_exact_at(&mut all, descriptors.into()).ok()?;
    all.chunks_exact(size)
        .map(|descriptor| {
            let (head, name) = descriptor.split_at_checked(DESCRIPTOR)?;
            let name = name.split(|byte| *byte == 0).next()?;
            let place = u64::from(data) + u64::from(word(head, 8)?);
            Some((String::from_utf8_lossy(name).into_owned(), place))
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
