//! Whether a desktop may start on this host now.

use super::available_memory_mib;
use super::choice::{Choice, choose};
use super::directory::World;
use super::table::Record;
use crate::images::Image;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

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
    pub image: Image,
    pub choice: Choice,
}

/// Decides. `starting_mib` is promised to desktops that have not taken it yet.
///
/// # Errors
/// Why not.
pub(super) async fn admit(world: &World, record: &Record, starting_mib: u64) -> Result<Admitted, Refusal> {
    let facts = world.probe.facts().await.map_err(Refusal::Unavailable)?;
    let image = world.image_of(record).map_err(|error| Refusal::Unavailable(error.to_string()))?;
    let choice = match choose(record.pool.machine, image.manifest.runs_at, &facts) {
        Ok(choice) => choice,
        // What was missing may have been put right since.
        Err(_) => {
            let facts = world.probe.facts_now().await.map_err(Refusal::Unavailable)?;
            choose(record.pool.machine, image.manifest.runs_at, &facts).map_err(Refusal::Unavailable)?
        }
    };
    let memory = record.pool.memory_mib;
    if memory < image.manifest.min_memory_mib {
        return Err(Refusal::Unavailable(format!(
            "The image {} needs {} MiB of memory and the pool {} gives {memory} MiB; give it more.",
            image.manifest.name, image.manifest.min_memory_mib, record.pool.name
        )));
    }
    if let Some(available) = available_memory_mib() {
        check_memory(available, starting_mib, memory, world.config.desktops.host_reserve_mib)?;
    }
    check_room(world, record, &image)?;
    Ok(Admitted { image, choice })
}

/// A desktop that has no disk yet will copy its image's.
fn check_room(world: &World, record: &Record, image: &Image) -> Result<(), Refusal> {
    let own = world.state.desktop(&record.id).image();
    let Some(disk) = image.manifest.disk.as_ref().filter(|_| image.dir != own) else { return Ok(()) };
    // What cannot be found out here, the copy itself will.
    let Ok(disk) = std::fs::metadata(image.dir.join(disk)) else { return Ok(()) };
    let Ok(space) = rustix::fs::statvfs(world.state.root()) else { return Ok(()) };
    let free = space.f_bavail.saturating_mul(space.f_frsize);
    compare_room(disk.blocks().saturating_mul(512), free, world.state.root())
}

fn compare_room(wanted: u64, free: u64, place: &Path) -> Result<(), Refusal> {
    if wanted <= free {
        return Ok(());
    }
    Err(Refusal::NoRoom(format!(
        "This desktop's own disk needs {} MiB and {} has {} MiB free; make room and start it again.",
        wanted.div_ceil(1 << 20),
        place.display(),
        free >> 20
    )))
}

fn check_memory(available: u64, promised: u64, wanted: u32, reserve: u32) -> Result<(), Refusal> {
    let free = available.saturating_sub(promised).saturating_sub(u64::from(reserve));
    if u64::from(wanted) <= free {
        return Ok(());
    }
    Err(Refusal::Unavailable(format!(
        "The host has {free} MiB of memory left for desktops and this one needs {wanted} MiB; stop another desktop first."
    )))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_disk_that_does_not_fit_is_not_begun() {
        assert!(compare_room(5, 5, Path::new("/state")).is_ok());
        let refusal = compare_room(5 << 20, (5 << 20) - 1, Path::new("/state")).unwrap_err();
        assert_eq!(
            refusal,
            Refusal::NoRoom(
                "This desktop's own disk needs 5 MiB and /state has 4 MiB free; make room and start it again.".into()
            )
        );
    }

    #[test]
    fn the_reserve_and_promised_memory_are_not_given_away() {
        assert!(check_memory(4096, 0, 3072, 1024).is_ok());
        assert!(check_memory(4096, 1, 3072, 1024).is_err());
        let refusal = check_memory(4096, 1024, 3072, 1024).unwrap_err();
        assert!(refusal.text().contains("2048 MiB of memory left"), "{}", refusal.text());
    }
}
