//! A desktop as the API shows it.

use super::table::Record;
use crate::users::Settings;
use oriel_host::client::MachinePlan;
use oriel_host::network::sentences;
use oriel_host::{State, Status};
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
    pub egress: Vec<String>,
}

/// A screen's size in pixels.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct Screen {
    pub width: u32,
    pub height: u32,
}

impl DesktopView {
    /// A desktop in a status, with what it would run on, for a user with these settings.
    pub(super) fn new(record: &Record, status: Status, plan: MachinePlan, settings: &Settings) -> Self {
        let pool = &record.pool.settings;
        let (planned, machine_text) = match plan.machine {
            Ok(choice) => ((choice.machine, choice.accel), choice.text),
            Err(text) => ((MachineKind::Kvm, Accel::Kvm), text),
        };
        let (machine, accel) = status.runs_on.unwrap_or(planned);
        Self {
            id: record.id.clone(),
            name: record.pool.name.clone(),
            pool: record.pool.name.clone(),
            image: pool.image.clone(),
            machine,
            emulated: accel == Accel::Tcg,
            machine_text,
            state: status.state,
            reason: status.reason,
            since: rfc3339(status.since),
            cpus: pool.cpus,
            memory_mib: pool.memory_mib,
            viewers: status.viewers,
            screen: status.screen.map(|(width, height)| Screen { width, height }),
            video_only: settings.video_only.unwrap_or(pool.video_only),
            network: pool.network.to_string(),
            egress: sentences(&pool.network, &pool.egress, plan.runs_at),
        }
    }
}

fn rfc3339(unix: i64) -> String {
    OffsetDateTime::from_unix_timestamp(unix)
        .ok()
        .and_then(|time| time.format(&Rfc3339).ok())
        .unwrap_or_default()
}
