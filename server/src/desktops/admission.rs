//! Whether a desktop may start on this host now.

use super::available_memory_mib;
use super::choice::{Choice, choose};
use super::directory::World;
use super::table::Record;
use crate::images::Image;

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
    let choice = choose(record.pool.machine, image.manifest.runs_at, &facts).map_err(Refusal::Unavailable)?;
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
    Ok(Admitted { image, choice })
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
    fn the_reserve_and_promised_memory_are_not_given_away() {
        assert!(check_memory(4096, 0, 3072, 1024).is_ok());
        assert!(check_memory(4096, 1, 3072, 1024).is_err());
        let refusal = check_memory(4096, 1024, 3072, 1024).unwrap_err();
        assert!(refusal.text().contains("2048 MiB of memory left"), "{}", refusal.text());
    }
}
