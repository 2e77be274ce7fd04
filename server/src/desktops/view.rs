//! A desktop as the API shows it.

use super::State;
use super::choice::choose;
use super::directory::{Handle, World};
use super::table::Record;
use crate::images::RunsAt;
use crate::network::sentences;
use crate::people::Settings;
use oriel_vmm_api::{Accel, MachineKind};
use serde::Serialize;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

/// `Desktop` of docs/http-api.md.
#[derive(Debug, Clone, Serialize)]
#[expect(missing_docs, reason = "docs/http-api.md explains each field")]
pub struct DesktopView {
    pub id: String,
    pub name: String,
    pub pool: String,
    pub image: String,
    pub machine: MachineKind,
    pub emulated: bool,
    pub machine_text: String,
    pub state: State,
    pub reason: Option<String>,
    pub since: String,
    pub cpus: u8,
    pub memory_mib: u32,
    pub viewers: u32,
    pub screen: Option<Screen>,
    pub video_only: bool,
    pub network: String,
    pub reach: Vec<String>,
}

/// A screen's size in pixels.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct Screen {
    pub width: u32,
    pub height: u32,
}

impl DesktopView {
    /// Of a desktop at this moment, for a person with these settings.
    pub async fn new(world: &World, record: &Record, handle: &Handle, settings: &Settings) -> Self {
        let status = handle.status();
        let planned = plan(world, record).await;
        let (machine, accel) = status.runs_on.unwrap_or((planned.0, planned.1));
        Self {
            id: record.id.clone(),
            name: record.pool.name.clone(),
            pool: record.pool.name.clone(),
            image: record.pool.settings.image.clone(),
            machine,
            emulated: accel == Accel::Tcg,
            machine_text: planned.2,
            state: status.state,
            reason: status.reason,
            since: rfc3339(status.since),
            cpus: record.pool.settings.cpus,
            memory_mib: record.pool.settings.memory_mib,
            viewers: handle.viewers(),
            screen: status.screen.map(|(width, height)| Screen { width, height }),
            video_only: settings.video_only.unwrap_or(record.pool.settings.video_only),
            network: record.pool.settings.network.to_string(),
            reach: planned.3,
        }
    }
}

/// What it would run on, or why it cannot; and what it can reach.
async fn plan(world: &World, record: &Record) -> (MachineKind, Accel, String, Vec<String>) {
    let pool = &record.pool.settings;
    let image = world.base_of(record).map(|base| base.image).map_err(|error| error.to_string());
    let runs_at = image.as_ref().map_or(RunsAt::Kernel, |image| image.runs_at);
    let reach = sentences(&pool.network, &pool.reach, runs_at);
    let planned = async {
        let facts = world.probe.facts().await?;
        let image = image?;
        choose(pool.machine, image.runs_at, image.kernel.is_some(), &facts)
    };
    match planned.await {
        Ok(choice) => (choice.machine, choice.accel, choice.text, reach),
        Err(text) => (MachineKind::Kvm, Accel::Kvm, text, reach),
    }
}

fn rfc3339(unix: i64) -> String {
    OffsetDateTime::from_unix_timestamp(unix)
        .ok()
        .and_then(|time| time.format(&Rfc3339).ok())
        .unwrap_or_default()
}
