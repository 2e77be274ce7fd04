//! Jail plans of a desktop's processes: the machine on KVM, the machine with QEMU, passt, and the
//! egress filter before passt.
//!
//! A plan lists root, file access, limits, identity and system call filter. `oriel-jail` carries it out.

use crate::host_resources::{HostResources, MachineResources};
use oriel_jail::Plan;
use oriel_jail::identity::{Identity, Role};
use oriel_jail::landlock::FsAccess;
use oriel_jail::limits::Limits;
use oriel_jail::namespaces::Namespaces;
use oriel_jail::root::Entry;
use oriel_jail::seccomp::Filter;
use oriel_qemu::QemuSetup;
use oriel_vmm_api::{Accel, MachineConfig, MachineKind};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// Maximum number of descriptors of a machine: disks with their layers, and the viewers' connections.
const DESCRIPTORS: u64 = 4096;
/// Maximum number of threads of a machine: 64 processors, 64 connections with two threads each, and a
/// reserve.
const THREADS: u64 = 1024;

/// Maximum number of descriptors of passt, which opens one for each of the guest's connections.
const PASST_DESCRIPTORS: u64 = 1 << 17;
/// Maximum number of descriptors of an egress filter: two sockets, each twice, those to the kernel, and standard
/// ones.
const EGRESS_FILTER_DESCRIPTORS: u64 = 64;
/// Maximum number of processes and threads of the helpers' user.
const PASST_PROCESSES: u64 = 16;

const KVM: &str = "/dev/kvm";
/// Devices that QEMU opens besides: one for its standard streams, and the random number generator.
const QEMU_DEVICES: [&str; 2] = ["/dev/null", "/dev/urandom"];
/// Path of the kernel in the root of QEMU's jail.
const QEMU_KERNEL: &str = "/boot/kernel";
/// Path of the initial RAM disk in the root of QEMU's jail.
const QEMU_INITRD: &str = "/boot/initrd";

/// Bytes by which an image file may exceed the bound for its disk: tables, and clusters that a crash leaked.
const FILE_SLACK: u64 = 1 << 30;

/// Returns the jail plan of the machine with `resources`. Paths in QEMU's setup are replaced by paths in the
/// jail.
pub fn for_machine(resources: &mut HostResources, config: &MachineConfig, namespaces: Namespaces) -> Plan {
    let mut plan = match &mut resources.machine {
        MachineResources::Kvm { .. } => for_kvm(namespaces),
        MachineResources::Qemu(setup) => for_qemu(setup, namespaces),
    };
    plan.limits.file_size = file_size(config);
    plan
}

/// Returns the largest size in bytes of a file that the machine may write; `None` if the size of a disk is
/// not known.
///
/// Our qcow2 writer takes the first free cluster, so a file has the disk's size and its tables at most. QEMU
/// searches for runs of clusters, and fragments the file; what the guest discards takes no room there, either.
/// The guest's memory is a file, too.
fn file_size(config: &MachineConfig) -> Option<u64> {
    let mut largest = u64::from(config.memory_mib) << 20;
    for disk in config.disks.iter().filter(|disk| !disk.read_only) {
        let size = disk.size?;
        let bound = match config.machine {
            MachineKind::Kvm => size.saturating_add(size / 64),
            MachineKind::Qemu => size.saturating_mul(2),
        };
        largest = largest.max(bound);
    }
    Some(largest.saturating_add(FILE_SLACK))
}

/// Returns the jail plan of a machine on KVM: an empty root and no file access.
pub fn for_kvm(namespaces: Namespaces) -> Plan {
    Plan {
        namespaces,
        identity: Identity::choose(Role::Machine, Vec::new()),
        root: Vec::new(),
        fs_access: Some(FsAccess::default()),
        limits: Limits { descriptors: DESCRIPTORS, processes: THREADS, file_size: None },
        filter: Some(Filter::Kvm),
    }
}

/// Returns the jail plan of a machine with QEMU: the distribution's programs, the boot files and a few
/// devices.
fn for_qemu(setup: &mut QemuSetup, namespaces: Namespaces) -> Plan {
    let mut root = Entry::programs();
    let mut devices: Vec<PathBuf> = QEMU_DEVICES.iter().map(PathBuf::from).collect();
    let mut groups = Vec::new();
    if setup.accel == Accel::Kvm {
        devices.push(KVM.into());
        // If the jail cannot create a device node, QEMU opens the host's, which requires its group.
        groups.extend(std::fs::metadata(KVM).map(|facts| facts.gid()).ok().filter(|group| *group != 0));
    }
    root.extend(devices.iter().cloned().map(Entry::Device));
    let mut read = vec!["/usr".into(), "/lib".into(), "/lib64".into(), "/bin".into(), "/sbin".into()];
    for (file, inside) in [(&mut setup.kernel, QEMU_KERNEL), (&mut setup.initrd, QEMU_INITRD)] {
        let Some(host) = file.replace(inside.into()) else {
            *file = None;
            continue;
        };
        let path = PathBuf::from(inside);
        read.push(path.clone());
        root.push(if is_readable_by_others(&host) {
            Entry::As { host, path }
        } else {
            Entry::Copy { host, path }
        });
    }
    Plan {
        root,
        fs_access: Some(FsAccess { read, devices }),
        identity: Identity::choose(Role::Machine, groups),
        filter: Some(Filter::Qemu),
        ..for_kvm(namespaces)
    }
}

/// Returns the jail plan of passt: the distribution's programs and a folder to mount on. After its start
/// passt confines itself further, with an empty root and a system call filter of its own.
pub fn for_passt(namespaces: Namespaces) -> Plan {
    let mut root = Entry::programs();
    root.extend([Entry::Folder("/tmp".into()), Entry::Processes]);
    Plan {
        root,
        identity: Identity::choose(Role::Helper, Vec::new()),
        fs_access: None,
        filter: None,
        limits: Limits { descriptors: PASST_DESCRIPTORS, processes: PASST_PROCESSES, file_size: None },
        ..for_kvm(namespaces)
    }
}

/// Returns the jail plan of an egress filter: no files and no network, since it gets open sockets.
pub fn for_egress_filter(namespaces: Namespaces) -> Plan {
    Plan {
        identity: Identity::choose(Role::Helper, Vec::new()),
        filter: Some(Filter::Egress),
        limits: Limits {
            descriptors: EGRESS_FILTER_DESCRIPTORS,
            processes: PASST_PROCESSES,
            file_size: Some(0),
        },
        ..for_kvm(namespaces)
    }
}

/// Reports whether the jailed process may read the file at `path`. As root the supervisor gives it another
/// user, who needs the permission of all users.
fn is_readable_by_others(path: &Path) -> bool {
    let same_user = !rustix::process::geteuid().is_root();
    same_user || std::fs::metadata(path).is_ok_and(|facts| facts.mode() & 0o004 != 0)
}
