//! How a machine's process is jailed.

use crate::host_resources::{HostResources, MachineResources};
use oriel_jail::Plan;
use oriel_jail::identity::{Identity, Role};
use oriel_jail::landlock::FsAccess;
use oriel_jail::limits::Limits;
use oriel_jail::namespaces::Namespaces;
use oriel_jail::root::Entry;
use oriel_jail::seccomp::Filter;
use oriel_qemu::QemuSetup;
use oriel_vmm_api::Accel;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// Disks with their layers, a connection for each viewer and what each of them opens.
const DESCRIPTORS: u64 = 4096;
/// 64 processors, 64 connections of two threads, and room.
const THREADS: u64 = 1024;

/// passt has one for each connection of the guest, and asks for as many as it may have.
const PASST_DESCRIPTORS: u64 = 1 << 17;
const PASST_PROCESSES: u64 = 16;

const KVM: &str = "/dev/kvm";
/// What QEMU opens besides: where its standard streams lead, and randomness.
const QEMU_DEVICES: [&str; 2] = ["/dev/null", "/dev/urandom"];
/// Where QEMU finds what it boots, in its own root.
const QEMU_KERNEL: &str = "/boot/kernel";
const QEMU_INITRD: &str = "/boot/initrd";

/// A plan for the machine that is to use `resources`, and where things are inside of it.
pub fn of_machine(resources: &mut HostResources, namespaces: Namespaces) -> Plan {
    match &mut resources.machine {
        MachineResources::Kvm { .. } => of_our_own(namespaces),
        MachineResources::Qemu(setup) => of_qemu(setup, namespaces),
    }
}

/// Nothing at all to see.
pub fn of_our_own(namespaces: Namespaces) -> Plan {
    Plan {
        namespaces,
        identity: Identity::choose(Role::Machine, Vec::new()),
        root: Vec::new(),
        fs_access: Some(FsAccess::default()),
        limits: Limits { descriptors: DESCRIPTORS, processes: THREADS },
        filter: Some(Filter::Kvm),
    }
}

/// The distribution's programs, what is booted, and a few devices.
fn of_qemu(setup: &mut QemuSetup, namespaces: Namespaces) -> Plan {
    let mut root = Entry::programs();
    let mut devices: Vec<PathBuf> = QEMU_DEVICES.iter().map(PathBuf::from).collect();
    let mut groups = Vec::new();
    if setup.accel == Accel::Kvm {
        devices.push(KVM.into());
        // Where it cannot be given a node of its own, it uses the host's, as a member of its group.
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
        ..of_our_own(namespaces)
    }
}

/// The distribution's programs and a folder to mount on: passt puts up a jail of its own in ours,
/// with an empty root and a filter of system calls, once it has found its way about.
pub fn of_passt(namespaces: Namespaces) -> Plan {
    let mut root = Entry::programs();
    root.extend([Entry::Folder("/tmp".into()), Entry::Processes]);
    Plan {
        root,
        identity: Identity::choose(Role::Helper, Vec::new()),
        fs_access: None,
        filter: None,
        limits: Limits { descriptors: PASST_DESCRIPTORS, processes: PASST_PROCESSES },
        ..of_our_own(namespaces)
    }
}

/// Whether the jailed process may read a file of this one's: as another user it may only if all may.
fn is_readable_by_others(path: &Path) -> bool {
    let same_user = !rustix::process::geteuid().is_root();
    same_user || std::fs::metadata(path).is_ok_and(|facts| facts.mode() & 0o004 != 0)
}
