//! What QEMU is started with, found and opened by someone who may: QEMU itself is jailed.

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

/// What was found out of this host.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct QemuSetup {
    /// QEMU.
    pub program: PathBuf,
    /// What executes guest code.
    pub accel: Accel,
    /// QEMU's `-cpu`.
    pub cpu_model: String,
    /// Where QEMU finds the kernel; `None` to boot the first disk.
    pub kernel: Option<PathBuf>,
    /// Where it finds the initial RAM disk.
    pub initrd: Option<PathBuf>,
}

/// That, and what was opened.
pub struct QemuResources {
    /// Facts.
    pub setup: QemuSetup,
    /// The disks in order.
    pub disks: Vec<DiskImages>,
    /// The networks in order.
    pub net_backends: Vec<NetBackendConfig>,
}

impl QemuSetup {
    /// Finds QEMU and what it boots.
    ///
    /// # Errors
    /// When it is missing, or the configuration is none.
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

fn readable(what: &'static str, path: &Path) -> Result<(), StartError> {
    File::open(path).map(drop).map_err(|error| StartError::File { what, path: path.to_owned(), error })
}
