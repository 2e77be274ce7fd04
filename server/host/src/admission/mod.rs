//! Admission: whether a desktop may start on this host now, and on which machine.
//!
//! A start asks for admission under the lock of the host's reservations, before anything of it is recorded.
//! Admission checks the image, the machine, memory, processors, disk space, the jail and a free TAP
//! interface. It starts nothing.

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

/// Free space in bytes that the host's file system must have for a start.
const LEAST_ROOM: u64 = 256 << 20;

/// Capacity of a host: what is free, and what the host keeps for itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Capacity {
    /// Memory in MiB that is available without swapping (`MemAvailable` of proc_meminfo(5)); `None` if
    /// unknown.
    pub memory_available_mib: Option<u64>,
    /// Memory and processors that the host keeps for itself.
    pub reserve: HostReserve,
    /// Maximum number of virtual processors of all desktops together.
    pub most_virtual_cpus: u32,
}

impl Capacity {
    /// Measures the capacity of this computer.
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

/// Parts of a host that admission reads.
pub(crate) struct Host<'a> {
    /// Folder of the host, on whose file system the desktops write.
    pub dir: &'a HostDir,
    /// Image store of the host.
    pub images: &'a ImageStore,
    /// Source of the host's facts.
    pub probe: &'a HostProbe,
    /// Settings of the host's reserve.
    pub reserve: &'a ReserveSettings,
    /// Sentence that says why the host has no control groups; `None` if it has.
    pub without_cgroups: Option<&'a str>,
}

/// Grant of admission: the means with which a desktop starts.
#[derive(Debug, Clone)]
pub(crate) struct Admitted {
    /// Machine for the desktop.
    pub choice: MachineChoice,
    /// Name of the TAP interface for the machine; `None` for another network backend.
    pub tap: Option<String>,
}

/// Decides whether a desktop may start. `reserved` has the reservations of starting desktops, `up` the number
/// of virtual processors of each desktop that is up.
///
/// # Errors
/// [`DesktopError::Unavailable`] or [`DesktopError::NoRoom`] with the reason in one sentence.
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
        // The facts may be old, and the cause may be removed.
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
            "This desktop may run only with every part of the jail. {missing}"
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

/// Checks memory and processors: for the host as a whole, and for what other desktops leave.
///
/// # Errors
/// [`DesktopError::Unavailable`] with what does not fit.
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

/// Checks the free space of the file system: a guest that cannot write stops.
///
/// # Errors
/// [`DesktopError::NoRoom`] below [`LEAST_ROOM`].
fn check_room(place: &Path) -> Result<(), DesktopError> {
    // An unknown amount of free space is no reason to refuse.
    let Ok(space) = rustix::fs::statvfs(place) else { return Ok(()) };
    compare_room(space.f_bavail.saturating_mul(space.f_frsize), place)
}

/// Compares the free bytes of a file system with [`LEAST_ROOM`].
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

/// Chooses a TAP interface for the setting, preferably the desktop's last one.
///
/// # Errors
/// [`DesktopError::Unavailable`] if no matching interface exists or is free.
fn free_tap(machine_config: &Path, setting: &str, reserved: &Reservations) -> Result<String, DesktopError> {
    let all = tap_interfaces(Path::new("/sys/class/net")).map_err(|error| {
        DesktopError::Unavailable(format!("This host's network interfaces cannot be listed ({error})."))
    })?;
    let reserved = reserved.values().filter_map(|one| one.tap.clone()).collect();
    let last = last_tap(machine_config);
    choose_tap(setting, &all, &reserved, last.as_deref()).map_err(DesktopError::Unavailable)
}

/// Reads the desktop's last TAP interface from its last machine configuration.
fn last_tap(machine_config: &Path) -> Option<String> {
    let config: MachineConfig = serde_json::from_slice(&std::fs::read(machine_config).ok()?).ok()?;
    config.networks.into_iter().find_map(|network| match network.link {
        Link::Tap { name } => Some(name),
        Link::Passt { .. } | Link::Isolated => None,
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
