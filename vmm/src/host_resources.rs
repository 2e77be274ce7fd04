//! Everything that a machine needs of its host, opened before the machine's process is jailed: from
//! then on it opens nothing.

use crate::boot::{BootError, BootFiles};
use crate::disk_images::{self, DiskError};
use crate::legacy::LogFiles;
use crate::{host, memory};
use oriel_net::{NetBackendError, OpenTap, open_net_backend};
use oriel_qemu::{DiskImages, QemuSetup, StartError};
use oriel_vmm_api::{MachineConfig, MachineKind};
use serde::{Deserialize, Serialize};
use std::fs::File;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::net::UnixListener;
use std::path::PathBuf;

/// Why something could not be opened; one plain sentence.
#[derive(Debug, thiserror::Error)]
pub enum ResourceError {
    /// No usable /dev/kvm.
    #[error("{0}")]
    NoKvm(String),
    /// Kernel or initrd.
    #[error(transparent)]
    Boot(#[from] BootError),
    /// Something of QEMU's.
    #[error(transparent)]
    Qemu(#[from] StartError),
    /// A disk.
    #[error(transparent)]
    Disk(#[from] DiskError),
    /// A network.
    #[error(transparent)]
    Network(#[from] NetBackendError),
    /// The serial log.
    #[error("the serial log {path} cannot be written: {error}")]
    SerialLog {
        /// The file.
        path: PathBuf,
        /// The system's word.
        error: io::Error,
    },
}

/// What both kinds of machine need, and what the configured kind does.
#[derive(Debug)]
pub struct HostResources {
    /// The control socket.
    pub control: UnixListener,
    /// The guest's serial console.
    pub serial_log: LogFiles,
    /// The images of each disk, the top one first; for QEMU all of them twice
    /// ([`oriel_qemu::DiskImages`]).
    pub disks: Vec<Vec<File>>,
    /// For each network interface that leads to one of the host's.
    pub taps: Vec<Option<OpenTap>>,
    /// For the kind of machine.
    pub machine: MachineResources,
    /// Locks by which whoever started the supervisor knows that the machine lives.
    pub locks: Vec<OwnedFd>,
}

/// What one kind of machine needs.
#[derive(Debug)]
pub enum MachineResources {
    /// Our own.
    Kvm {
        /// /dev/kvm, checked.
        device: OwnedFd,
        /// What it boots.
        boot: BootFiles,
        /// Reserved huge pages that the host has left.
        large_pages_free: u64,
    },
    /// QEMU.
    Qemu(QemuSetup),
}

impl HostResources {
    /// Opens what `config` names.
    ///
    /// # Errors
    /// When one of them is missing or forbidden.
    pub fn open(
        config: &MachineConfig,
        control: UnixListener,
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
        let serial_log = LogFiles::create(&config.serial_log)
            .map_err(|error| ResourceError::SerialLog { path: config.serial_log.clone(), error })?;
        Ok(Self { control, serial_log, disks, taps, machine, locks })
    }

    /// What the descriptors are, and they themselves in that order.
    pub fn pack(&self) -> (Manifest, Vec<BorrowedFd<'_>>) {
        let mut descriptors =
            vec![self.control.as_fd(), self.serial_log.current.as_fd(), self.serial_log.rotated.as_fd()];
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

    /// The other way round, in the process that they were sent to.
    ///
    /// # Errors
    /// When descriptors are missing.
    pub fn unpack(manifest: Manifest, descriptors: Vec<OwnedFd>) -> io::Result<Self> {
        let mut rest = descriptors.into_iter();
        let mut next = || rest.next().ok_or_else(|| io::Error::other("a descriptor is missing"));
        let control = UnixListener::from(next()?);
        let serial_log = LogFiles { current: next()?.into(), rotated: next()?.into() };
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

/// What a list of descriptors is; what it does not speak of are locks.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    disks: Vec<usize>,
    taps: Vec<Option<TapManifest>>,
    machine: MachineManifest,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct TapManifest {
    mtu: Option<u16>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
enum MachineManifest {
    Kvm { initrd: bool, large_pages_free: u64 },
    Qemu(QemuSetup),
}

/// The images of QEMU's disks, which came twice.
pub fn disks_of_qemu(disks: Vec<Vec<File>>) -> Vec<DiskImages> {
    let halve = |mut images: Vec<File>| {
        let for_check = images.split_off(images.len() / 2);
        DiskImages { for_qemu: images, for_check }
    };
    disks.into_iter().map(halve).collect()
}
