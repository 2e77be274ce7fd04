//! Host files, sockets and devices of a machine, opened before the machine's process enters its jail.
//!
//! The supervisor opens [`HostResources`], packs them into descriptors with a [`Manifest`], and sends both;
//! the machine's process unpacks them and opens no further host file. Guest memory is not part of them.

use crate::boot::{BootError, BootFiles};
use crate::disk_images::{self, DiskError};
use crate::{host, memory};
use oriel_net::{NetBackendError, OpenTap, open_net_backend};
use oriel_qemu::{DiskImages, QemuSetup, StartError};
use oriel_vmm_api::{MachineConfig, MachineKind};
use serde::{Deserialize, Serialize};
use std::fs::File;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::net::UnixListener;

/// Reason for which a host resource could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum ResourceError {
    /// Sentence that says why /dev/kvm cannot be used.
    #[error("{0}")]
    NoKvm(String),
    /// Kernel or initial RAM disk that cannot be opened.
    #[error(transparent)]
    Boot(#[from] BootError),
    /// QEMU, or a disk or boot file for it, that cannot be used.
    #[error(transparent)]
    Qemu(#[from] StartError),
    /// Disk image that cannot be opened.
    #[error(transparent)]
    Disk(#[from] DiskError),
    /// TAP interface that cannot be opened.
    #[error(transparent)]
    Network(#[from] NetBackendError),
}

/// Open host resources of a machine, whether it runs on KVM or in QEMU.
#[derive(Debug)]
pub struct HostResources {
    /// Listening control socket.
    pub control: UnixListener,
    /// Pipe to the log of the guest's serial console.
    pub serial_log: File,
    /// Open image files of each disk, the uppermost layer first. For QEMU, each list is followed by a second
    /// set of the same files ([`disks_of_qemu`]).
    pub disks: Vec<Vec<File>>,
    /// TAP interface of each network interface; `None` for one with another backend.
    pub taps: Vec<Option<OpenTap>>,
    /// Resources that only the configured kind of machine has.
    pub machine: MachineResources,
    /// Inherited descriptors that hold file locks, by which the supervisor's parent detects the machine's
    /// end.
    pub locks: Vec<OwnedFd>,
}

/// Resources that only one kind of machine has.
#[derive(Debug)]
pub enum MachineResources {
    /// Resources of a machine on KVM with this crate's devices.
    Kvm {
        /// Descriptor of /dev/kvm, with the required capabilities checked.
        device: OwnedFd,
        /// Open kernel and initial RAM disk.
        boot: BootFiles,
        /// Number of reserved huge pages of 2 MiB that are free on the host.
        large_pages_free: u64,
    },
    /// Facts for QEMU's command line.
    Qemu(QemuSetup),
}

impl HostResources {
    /// Opens the files and devices that `config` names, and adds the bound `control` socket, the pipe to the
    /// serial log and the `locks`.
    ///
    /// # Errors
    /// A [`ResourceError`] for the first file or device that is missing, forbidden or unusable.
    pub fn open(
        config: &MachineConfig,
        control: UnixListener,
        serial_log: File,
        locks: Vec<OwnedFd>,
    ) -> Result<Self, ResourceError> {
        let (machine, disks) = match config.machine {
            MachineKind::Kvm => {
                let device = host::open_kvm().map_err(|finding| ResourceError::NoKvm(finding.to_string()))?;
                let boot = BootFiles::open(&config.boot)?;
                let disks = config.disks.iter().map(disk_images::open).collect::<Result<_, _>>()?;
                let large_pages_free = memory::large_pages_free();
                let machine = MachineResources::Kvm { device, boot, large_pages_free };
                (machine, disks)
            }
            MachineKind::Qemu => {
                let setup = QemuSetup::find(config)?;
                let twice = |disk: DiskImages| disk.for_qemu.into_iter().chain(disk.for_check).collect();
                let disks = config.disks.iter().map(|disk| DiskImages::open(disk).map(twice));
                (MachineResources::Qemu(setup), disks.collect::<Result<_, _>>()?)
            }
        };
        let taps = config.networks.iter().map(|network| open_net_backend(&network.link));
        let taps = taps.collect::<Result<_, _>>()?;
        Ok(Self { control, serial_log, disks, taps, machine, locks })
    }

    /// Returns the descriptors of all resources, and the manifest by which [`Self::unpack`] assigns them.
    pub fn pack(&self) -> (Manifest, Vec<BorrowedFd<'_>>) {
        let mut descriptors = vec![self.control.as_fd(), self.serial_log.as_fd()];
        descriptors.extend(self.disks.iter().flatten().map(AsFd::as_fd));
        descriptors.extend(self.taps.iter().flatten().map(|tap| tap.fd.as_fd()));
        let machine = match &self.machine {
            MachineResources::Kvm { device, boot, large_pages_free } => {
                descriptors.extend([device.as_fd(), boot.kernel.as_fd()]);
                descriptors.extend(boot.initrd.as_ref().map(AsFd::as_fd));
                let (initrd, large_pages_free) = (boot.initrd.is_some(), *large_pages_free);
                MachineManifest::Kvm { initrd, large_pages_free }
            }
            MachineResources::Qemu(setup) => MachineManifest::Qemu(setup.clone()),
        };
        descriptors.extend(self.locks.iter().map(AsFd::as_fd));
        let taps = self.taps.iter().map(|tap| tap.as_ref().map(|tap| TapManifest { mtu: tap.mtu })).collect();
        (Manifest { disks: self.disks.iter().map(Vec::len).collect(), taps, machine }, descriptors)
    }

    /// Rebuilds the resources from a manifest and the descriptors of [`Self::pack`], in the process that
    /// received them.
    ///
    /// # Errors
    /// An error when there are fewer descriptors than `manifest` describes.
    pub fn unpack(manifest: Manifest, descriptors: Vec<OwnedFd>) -> io::Result<Self> {
        let mut rest = descriptors.into_iter();
        let mut next = || rest.next().ok_or_else(|| io::Error::other("a descriptor is missing"));
        let control = UnixListener::from(next()?);
        let serial_log = next()?.into();
        let mut disk = |count| (0..count).map(|_| next().map(File::from)).collect::<io::Result<_>>();
        let disks = manifest.disks.into_iter().map(&mut disk).collect::<io::Result<_>>()?;
        let mut tap = |tap: TapManifest| Ok(OpenTap { fd: next()?, mtu: tap.mtu });
        let taps = manifest.taps.into_iter().map(|one| one.map(&mut tap).transpose());
        let taps = taps.collect::<io::Result<_>>()?;
        let machine = match manifest.machine {
            MachineManifest::Kvm { initrd, large_pages_free } => {
                let (device, kernel) = (next()?, next()?.into());
                let initrd = if initrd { Some(next()?.into()) } else { None };
                MachineResources::Kvm { device, boot: BootFiles { kernel, initrd }, large_pages_free }
            }
            MachineManifest::Qemu(setup) => MachineResources::Qemu(setup),
        };
        Ok(Self { control, serial_log, disks, taps, machine, locks: rest.collect() })
    }
}

/// Meaning of a list of descriptors, in the order of [`HostResources::pack`]. Descriptors beyond the
/// described ones are locks.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    /// Number of image files of each disk.
    disks: Vec<usize>,
    /// TAP interface of each network interface, if it has one.
    taps: Vec<Option<TapManifest>>,
    /// Descriptors and facts that only the configured kind of machine has.
    machine: MachineManifest,
}

/// Facts about one TAP interface that its descriptor does not carry.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct TapManifest {
    mtu: Option<u16>,
}

/// Part of the manifest that depends on the kind of machine.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
enum MachineManifest {
    Kvm { initrd: bool, large_pages_free: u64 },
    Qemu(QemuSetup),
}

/// Splits each disk's image files for QEMU into their two sets: the first half for QEMU, the second for the
/// check.
pub fn disks_of_qemu(disks: Vec<Vec<File>>) -> Vec<DiskImages> {
    let halve = |mut images: Vec<File>| {
        let for_check = images.split_off(images.len() / 2);
        DiskImages { for_qemu: images, for_check }
    };
    disks.into_iter().map(halve).collect()
}
