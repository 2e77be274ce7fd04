//! State that all desktops of a host share: settings, stores, the probe, control groups, updates and
//! reservations.
//!
//! [`crate::LocalHost`] makes one context and gives it to every desktop's actor.

use crate::admission::{Host, HostProbe, Reservations, ReserveSettings};
use crate::boot_id::BootId;
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

/// Settings of a host, made by an administrator.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HostSettings {
    /// Time that a guest has for a shutdown before its machine is forced off.
    pub stop_grace: Duration,
    /// Time that an emulated guest (TCG) has for a shutdown before its machine is forced off.
    pub stop_grace_emulated: Duration,
    /// Memory and processors that the host keeps for itself.
    pub reserve: ReserveSettings,
}

impl HostSettings {
    /// Returns the time that a guest has for a shutdown, which is longer for an emulated one.
    pub(crate) fn stop_grace_of(&self, accel: Accel) -> Duration {
        match accel {
            Accel::Tcg => self.stop_grace_emulated,
            Accel::Kvm => self.stop_grace,
        }
    }
}

/// Shared state of a host, for the actors of all its desktops.
pub(crate) struct HostContext {
    /// Settings of the host.
    pub settings: HostSettings,
    /// Folder of the host.
    pub dir: HostDir,
    /// Image store of the host.
    pub images: ImageStore,
    /// Program that inspects and makes disk files.
    pub disks: DiskTool,
    /// Source of the host's facts.
    pub probe: HostProbe,
    /// Control groups for desktops, or one sentence that says why the host has none.
    pub cgroups: Result<Cgroups, String>,
    /// Present boot of the host; `None` if the kernel does not report it.
    pub boot_id: Option<BootId>,
    /// Means of applying priorities to machines.
    pub scheduler: Scheduler,
    /// Statuses of all desktops, and their updates.
    pub updates: UpdateHub,
    /// Reservations of desktops that start; locked for the whole decision whether a desktop may start.
    pub reservations: tokio::sync::Mutex<Reservations>,
    /// Number of virtual processors of every desktop that is up.
    pub up_cpus: Mutex<HashMap<DesktopId, u8>>,
}

impl HostContext {
    /// Makes the shared state of a host whose machine program is `vmm`.
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
            boot_id: BootId::current()
                .inspect_err(|error| tracing::warn!(%error, "the host's boot identifier cannot be read"))
                .ok(),
            scheduler: cgroups.clone().map_or(Scheduler::Nice, Scheduler::Groups),
            cgroups,
            updates: UpdateHub::new(),
            reservations: tokio::sync::Mutex::default(),
            up_cpus: Mutex::default(),
        }
    }

    /// Returns the parts of the host that admission needs.
    pub(crate) fn host(&self) -> Host<'_> {
        Host {
            dir: &self.dir,
            images: &self.images,
            probe: &self.probe,
            reserve: &self.settings.reserve,
            without_cgroups: self.cgroups.as_ref().err().map(String::as_str),
        }
    }

    /// Creates the desktop's control group with its limits, and opens the group's `cgroup.procs`; `None` on a
    /// host without control groups.
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
