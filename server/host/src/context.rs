//! What all desktops of a host share.

use crate::admission::{Host, HostProbe, Reservations, ReserveSettings};
use crate::folder::HostDir;
use crate::hold::DesktopId;
use crate::images::{DiskTool, ImageStore};
use crate::schedule::{CgroupLimits, Cgroups, Entrance, Scheduler};
use crate::spec::DesktopSpec;
use crate::updates::UpdateHub;
use oriel_vmm_api::Accel;
use parking_lot::Mutex;
use std::collections::HashMap;
use std::path::PathBuf;
use std::time::Duration;

/// What an administrator set of a host.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HostSettings {
    /// How long a guest may take to shut down before its machine is ended.
    pub stop_grace: Duration,
    /// The same for a guest that runs by emulation.
    pub stop_grace_emulated: Duration,
    /// What the host keeps for itself.
    pub reserve: ReserveSettings,
}

/// What every desktop's actor needs of its host.
pub(crate) struct HostContext {
    pub settings: HostSettings,
    pub dir: HostDir,
    pub images: ImageStore,
    pub disks: DiskTool,
    pub probe: HostProbe,
    /// The control groups, or why there are none.
    pub cgroups: Result<Cgroups, String>,
    pub scheduler: Scheduler,
    pub updates: UpdateHub,
    /// Locked while it is decided whether a desktop may start.
    pub reservations: tokio::sync::Mutex<Reservations>,
    /// The virtual processors of every desktop that is up.
    pub up_cpus: Mutex<HashMap<DesktopId, u8>>,
}

impl HostContext {
    pub(crate) fn new(
        settings: HostSettings,
        dir: HostDir,
        images: ImageStore,
        vmm: PathBuf,
        cgroups: Result<Cgroups, String>,
    ) -> Self {
        Self {
            settings,
            dir,
            images,
            disks: DiskTool::new(vmm.clone()),
            probe: HostProbe::new(vmm),
            scheduler: cgroups.clone().map_or(Scheduler::Nice, Scheduler::Groups),
            cgroups,
            updates: UpdateHub::new(),
            reservations: tokio::sync::Mutex::default(),
            up_cpus: Mutex::default(),
        }
    }

    /// What admission looks at.
    pub(crate) fn host(&self) -> Host<'_> {
        Host {
            dir: &self.dir,
            images: &self.images,
            probe: &self.probe,
            reserve: &self.settings.reserve,
            without_cgroups: self.cgroups.as_ref().err().map(String::as_str),
        }
    }

    /// Sets the limits of the desktop's control group, and opens the way into it; `None` where there are none.
    ///
    /// # Errors
    /// One sentence: the group cannot be set up.
    pub(crate) fn cgroup(
        &self,
        desktop: &DesktopId,
        spec: &DesktopSpec,
        accel: Accel,
    ) -> Result<Option<Entrance>, String> {
        let Ok(cgroups) = &self.cgroups else { return Ok(None) };
        let entered = cgroups.enter(desktop.as_str(), &CgroupLimits::of(spec, accel));
        entered.map(Some).map_err(|error| format!("The desktop's control group cannot be set up: {error}."))
    }
}
