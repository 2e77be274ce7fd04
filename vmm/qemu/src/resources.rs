//! Resources that QEMU is started with. A process outside of QEMU's jail finds and opens them.

use crate::accel::{choose_accel, cpu_model};
use crate::disks::DiskImages;
use crate::error::StartError;
use crate::installed::find_program;
use crate::validate::validate;
use oriel_net::NetBackendConfig;
use oriel_vmm_api::{Accel, MachineConfig};
use serde::{Deserialize, Serialize};
use std::fs::File;
use std::path::{Path, PathBuf};

/// Facts about the host and the boot files that QEMU's command line depends on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct QemuSetup {
    /// Path of QEMU.
    pub program: PathBuf,
    /// Accelerator that executes guest code.
    pub accel: Accel,
    /// Value of QEMU's `-cpu`.
    pub cpu_model: String,
    /// Path of the kernel as QEMU opens it; `None` to boot from the first disk.
    pub kernel: Option<PathBuf>,
    /// Path of the initial RAM disk as QEMU opens it.
    pub initrd: Option<PathBuf>,
}

/// Facts, open files and backends that a machine is started with.
pub struct QemuResources {
    /// Facts about host and boot files.
    pub setup: QemuSetup,
    /// Image files of the disks, in the order of the configuration.
    pub disks: Vec<DiskImages>,
    /// Backends of the network interfaces, in the order of the configuration.
    pub net_backends: Vec<NetBackendConfig>,
}

impl QemuSetup {
    /// Validates `config`, and finds QEMU, the accelerator and the boot files.
    ///
    /// # Errors
    /// A [`StartError`] when the configuration is invalid, a boot file cannot be read, QEMU is missing, or
    /// KVM is requested and unavailable.
    pub fn find(config: &MachineConfig) -> Result<Self, StartError> {
        validate(config)?;
        let kernel = Some(&config.boot.kernel).filter(|kernel| !kernel.as_os_str().is_empty());
        let initrd = config.boot.initrd.as_ref().filter(|_| kernel.is_some());
        for (what, path) in [("kernel", kernel), ("initial RAM disk", initrd)] {
            path.map(|path| readable(what, path)).transpose()?;
        }
        let program = find_program().ok_or(StartError::QemuMissing)?;
        let accel = choose_accel(config.accel)?;
        let cpu_model = cpu_model(accel).to_owned();
        Ok(Self { program, accel, cpu_model, kernel: kernel.cloned(), initrd: initrd.cloned() })
    }
}

/// Checks that the boot file at `path` can be read.
fn readable(what: &'static str, path: &Path) -> Result<(), StartError> {
    File::open(path).map(drop).map_err(|error| StartError::File { what, path: path.to_owned(), error })
}
