//! Whether a desktop may start on this host now.

use super::available_memory_mib;
use super::choice::{Choice, choose};
use super::directory::World;
use super::reserve::{HostSize, Reserve};
use super::table::Record;
use crate::images::RunsAt;
use crate::network::{NetworkSetting, choose_tap, tap_interfaces};
use oriel_vmm_api::{Link, MachineConfig};
use std::collections::HashMap;
use std::path::Path;

/// With less free on the disk, in bytes, no desktop is started.
const LEAST_ROOM: u64 = 256 << 20;

/// Why an order is not followed; each holds one sentence that says what to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refusal {
    /// Not on this host as it is now.
    Unavailable(String),
    /// No room on the disk.
    NoRoom(String),
    /// Not in the desktop's present state.
    Conflict(String),
    /// The server itself failed.
    Internal(String),
}

impl Refusal {
    /// The sentence.
    pub fn text(&self) -> &str {
        match self {
            Self::Unavailable(text) | Self::NoRoom(text) | Self::Conflict(text) | Self::Internal(text) => {
                text
            }
        }
    }
}

impl From<sqlx::Error> for Refusal {
    fn from(error: sqlx::Error) -> Self {
        tracing::error!(%error, "the database failed");
        Self::Internal("The server's database failed; an administrator finds the reason in its log.".into())
    }
}

/// What a desktop was allowed to start with.
pub(super) struct Admitted {
    pub choice: Choice,
    /// What the machine says it is connected to, if that is a TAP interface.
    pub tap: Option<String>,
}

/// What a desktop that starts was promised and has not taken yet.
#[derive(Debug, Clone)]
pub(super) struct Promise {
    pub memory_mib: u32,
    pub cpus: u8,
    pub tap: Option<String>,
}

/// Decides.
///
/// # Errors
/// Why not.
pub(super) async fn admit(
    world: &World,
    record: &Record,
    promised: &HashMap<String, Promise>,
) -> Result<Admitted, Refusal> {
    let settings = &record.pool.settings;
    let facts = world.probe.facts().await.map_err(Refusal::Unavailable)?;
    let image = world.base_of(record).map_err(|error| Refusal::Unavailable(error.to_string()))?.image;
    let choose = |facts| choose(settings.machine, image.runs_at, image.kernel.is_some(), facts);
    let choice = match choose(&facts) {
        Ok(choice) => choice,
        // What was missing may have been put right since.
        Err(_) => {
            let facts = world.probe.facts_now().await.map_err(Refusal::Unavailable)?;
            choose(&facts).map_err(Refusal::Unavailable)?
        }
    };
    if settings.memory_mib < image.min_memory_mib {
        return Err(Refusal::Unavailable(format!(
            "The image {} needs {} MiB of memory and the pool {} gives {} MiB; give it more.",
            image.name, image.min_memory_mib, record.pool.name, settings.memory_mib
        )));
    }
    check_host(world, record, promised).await?;
    check_room(world)?;
    if settings.require_jail
        && let Err(missing) = &world.cgroups
    {
        return Err(Refusal::Unavailable(format!(
            "The pool {} asks for the whole jail. {missing}",
            record.pool.name
        )));
    }
    let tap = match &settings.network {
        NetworkSetting::Tap(name) if image.runs_at == RunsAt::Kernel => {
            Some(free_tap(world, record, name, promised)?)
        }
        _ => None,
    };
    Ok(Admitted { choice, tap })
}

/// Memory and processors.
async fn check_host(
    world: &World,
    record: &Record,
    promised: &HashMap<String, Promise>,
) -> Result<(), Refusal> {
    let (host, settings) = (HostSize::of_this_host(), &record.pool.settings);
    let reserve = Reserve::new(&world.config.desktops, host);
    reserve.check_size(host, settings.memory_mib, settings.cpus).map_err(Refusal::Unavailable)?;
    if let Some(available) = available_memory_mib() {
        let promised = promised.values().map(|promise| u64::from(promise.memory_mib)).sum();
        reserve.check_memory(available, promised, settings.memory_mib)?;
    }
    // Those that were promised theirs may not be recorded as up yet.
    let mut up: HashMap<String, u8> =
        promised.iter().map(|(id, promise)| (id.clone(), promise.cpus)).collect();
    for other in world.table.all().await? {
        if other.state.is_up() && other.id != record.id {
            up.insert(other.id, other.pool.settings.cpus);
        }
    }
    reserve.check_cpus(host, up.values().map(|cpus| u32::from(*cpus)).sum(), settings.cpus)
}

/// A guest soon writes to its disk, and one that cannot is stopped by it.
fn check_room(world: &World) -> Result<(), Refusal> {
    // What cannot be found out here, the guest's first write will.
    let Ok(space) = rustix::fs::statvfs(world.state.root()) else { return Ok(()) };
    compare_room(space.f_bavail.saturating_mul(space.f_frsize), world.state.root())
}

fn compare_room(free: u64, place: &Path) -> Result<(), Refusal> {
    if free >= LEAST_ROOM {
        return Ok(());
    }
    Err(Refusal::NoRoom(format!(
        "There is too little room for what this desktop will write: {} has {} MiB free and {} are needed; make room and start it again.",
        place.display(),
        free >> 20,
        LEAST_ROOM >> 20
    )))
}

fn free_tap(
    world: &World,
    record: &Record,
    setting: &str,
    promised: &HashMap<String, Promise>,
) -> Result<String, Refusal> {
    let all = tap_interfaces(Path::new("/sys/class/net")).map_err(|error| {
        Refusal::Unavailable(format!("This host's network interfaces are not known ({error})."))
    })?;
    let promised = promised.values().filter_map(|promise| promise.tap.clone()).collect();
    let last = last_tap(&world.state.desktop(&record.id).machine_config());
    choose_tap(setting, &all, &promised, last.as_deref()).map_err(Refusal::Unavailable)
}

/// The interface that a desktop had when it ran last.
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
            matches!(&refusal, Refusal::NoRoom(text) if text.contains("/state has 255 MiB free")),
            "{refusal:?}"
        );
    }
}
