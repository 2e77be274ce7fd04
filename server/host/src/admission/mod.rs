//! Whether a desktop may start on this host now, and on which machine.

mod host_probe;
mod host_reserve;
mod machine_choice;
mod reservation;

pub use host_probe::{HostProbe, available_memory_mib};
pub use host_reserve::{HostReserve, HostSize, ReserveSettings};
pub use machine_choice::{MachineChoice, choose};
pub(crate) use reservation::{Reservation, Reservations};

use crate::error::DesktopError;
use crate::folder::HostDir;
use crate::hold::DesktopId;
use crate::images::{DesktopImage, ImageStore, RunsAt};
use crate::network::{NetworkSetting, choose_tap, tap_interfaces};
use crate::spec::DesktopSpec;
use oriel_vmm_api::{Link, MachineConfig};
use std::collections::HashMap;
use std::path::Path;

/// With less free on the disk, in bytes, no desktop is started.
const LEAST_ROOM: u64 = 256 << 20;

/// How much of a host is left, and how much it keeps.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Capacity {
    /// Memory that could be used without swapping, in MiB.
    pub memory_available_mib: Option<u64>,
    /// What the host keeps for itself.
    pub reserve: HostReserve,
    /// Virtual processors that all desktops together may have.
    pub most_virtual_cpus: u32,
}

impl Capacity {
    /// The capacity of this host at this moment.
    pub fn of_this_host(settings: &ReserveSettings) -> Self {
        let size = HostSize::of_this_host();
        let reserve = HostReserve::new(settings, size);
        Self {
            memory_available_mib: available_memory_mib(),
            reserve,
            most_virtual_cpus: reserve.most_cpus(size),
        }
    }
}

/// What admission looks at.
pub(crate) struct Host<'a> {
    /// The host's folder, on whose disk desktops write.
    pub dir: &'a HostDir,
    /// The image store.
    pub images: &'a ImageStore,
    /// The host's facts.
    pub probe: &'a HostProbe,
    /// What the host keeps for itself.
    pub reserve: &'a ReserveSettings,
    /// Why desktops have no control groups, where they have none.
    pub without_cgroups: Option<&'a str>,
}

/// What a desktop was allowed to start with.
#[derive(Debug, Clone)]
pub(crate) struct Admitted {
    /// The machine.
    pub choice: MachineChoice,
    /// The TAP interface that the machine is to be connected to.
    pub tap: Option<String>,
}

/// Decides whether a desktop may start. `up` holds the virtual processors of every desktop that is up or starts.
///
/// # Errors
/// Why the desktop may not start, in one sentence.
pub(crate) async fn admit(
    host: &Host<'_>,
    desktop: &DesktopId,
    spec: &DesktopSpec,
    reserved: &Reservations,
    up: &HashMap<DesktopId, u8>,
) -> Result<Admitted, DesktopError> {
    let facts = host.probe.facts().await.map_err(DesktopError::Unavailable)?;
    let image = DesktopImage::of(host.images, &host.dir.desktop(desktop), &spec.image)
        .map_err(|error| DesktopError::Unavailable(error.to_string()))?
        .image;
    let choose = |facts| choose(spec.machine, image.runs_at, image.kernel.is_some(), facts);
    let choice = match choose(&facts) {
        Ok(choice) => choice,
        // What was missing may have been put right since.
        Err(_) => {
            let facts = host.probe.facts_now().await.map_err(DesktopError::Unavailable)?;
            choose(&facts).map_err(DesktopError::Unavailable)?
        }
    };
    if spec.memory_mib < image.min_memory_mib {
        return Err(DesktopError::Unavailable(format!(
            "The image {} needs {} MiB of memory and this desktop has {} MiB; give its pool more.",
            image.name, image.min_memory_mib, spec.memory_mib
        )));
    }
    check_size(host, desktop, spec, reserved, up)?;
    check_room(host.dir.root())?;
    if let (true, Some(missing)) = (spec.require_jail, host.without_cgroups) {
        return Err(DesktopError::Unavailable(format!(
            "This desktop may run in the whole jail only. {missing}"
        )));
    }
    let tap = match &spec.network {
        NetworkSetting::Tap(name) if image.runs_at == RunsAt::Kernel => {
            Some(free_tap(&host.dir.desktop(desktop).machine_config(), name, reserved)?)
        }
        _ => None,
    };
    Ok(Admitted { choice, tap })
}

/// Refuses a desktop whose memory or processors are not left.
fn check_size(
    host: &Host<'_>,
    desktop: &DesktopId,
    spec: &DesktopSpec,
    reserved: &Reservations,
    up: &HashMap<DesktopId, u8>,
) -> Result<(), DesktopError> {
    let size = HostSize::of_this_host();
    let reserve = HostReserve::new(host.reserve, size);
    reserve.check_size(size, spec.memory_mib, spec.cpus).map_err(DesktopError::Unavailable)?;
    if let Some(available) = available_memory_mib() {
        let reserved = reserved.values().map(|one| u64::from(one.memory_mib)).sum();
        reserve.check_memory(available, reserved, spec.memory_mib)?;
    }
    let mut up = up.clone();
    up.extend(reserved.iter().map(|(id, one)| (id.clone(), one.cpus)));
    up.remove(desktop);
    reserve.check_cpus(size, up.values().map(|cpus| u32::from(*cpus)).sum(), spec.cpus)
}

/// A guest soon writes to its disk, and one that cannot is stopped by it.
fn check_room(place: &Path) -> Result<(), DesktopError> {
    // What cannot be found out here, the guest's first write will.
    let Ok(space) = rustix::fs::statvfs(place) else { return Ok(()) };
    compare_room(space.f_bavail.saturating_mul(space.f_frsize), place)
}

fn compare_room(free: u64, place: &Path) -> Result<(), DesktopError> {
    if free >= LEAST_ROOM {
        return Ok(());
    }
    Err(DesktopError::NoRoom(format!(
        "There is too little room for what this desktop will write: {} has {} MiB free and {} are needed; make room and start it again.",
        place.display(),
        free >> 20,
        LEAST_ROOM >> 20
    )))
}

fn free_tap(machine_config: &Path, setting: &str, reserved: &Reservations) -> Result<String, DesktopError> {
    let all = tap_interfaces(Path::new("/sys/class/net")).map_err(|error| {
        DesktopError::Unavailable(format!("This host's network interfaces are not known ({error})."))
    })?;
    let reserved = reserved.values().filter_map(|one| one.tap.clone()).collect();
    let last = last_tap(machine_config);
    choose_tap(setting, &all, &reserved, last.as_deref()).map_err(DesktopError::Unavailable)
}

/// The TAP interface that a desktop had when it ran last.
fn last_tap(machine_config: &Path) -> Option<String> {
    let config: MachineConfig = serde_json::from_slice(&std::fs::read(machine_config).ok()?).ok()?;
    config.networks.into_iter().find_map(|network| match network.link {
        Link::Tap { name } => Some(name),
        Link::Passt | Link::Isolated => None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_disk_is_told_before_the_start() {
        assert!(compare_room(LEAST_ROOM, Path::new("/state")).is_ok());
        let refusal = compare_room(LEAST_ROOM - 1, Path::new("/state")).unwrap_err();
        assert!(
            matches!(&refusal, DesktopError::NoRoom(text) if text.contains("/state has 255 MiB free")),
            "{refusal:?}"
        );
    }
}
