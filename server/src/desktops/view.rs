//! View of a desktop in the HTTP API.

use super::table::Record;
use crate::rfc3339;
use crate::users::Settings;
use oriel_host::client::MachinePlan;
use oriel_host::network::sentences;
use oriel_host::{State, Status};
use oriel_vmm_api::{Accel, MachineKind};
use serde::Serialize;

/// JSON object `Desktop` of docs/http-api.md.
#[derive(Debug, Clone, Serialize)]
pub struct DesktopView {
    /// Identifier of the desktop.
    pub id: String,
    /// Name of the desktop, which is its pool's.
    pub name: String,
    /// Name of the pool.
    pub pool: String,
    /// Name of the pool's image.
    pub image: String,
    /// Kind of the running machine, or of the machine that would start now.
    pub machine: MachineKind,
    /// Whether the guest's code is or would be emulated (TCG).
    pub emulated: bool,
    /// Effect of the machine on the desktop's speed, or the reason why the desktop cannot start; one
    /// sentence.
    pub machine_text: String,
    /// State of the desktop.
    pub state: State,
    /// Reason of the state in one sentence, if there is one.
    pub reason: Option<String>,
    /// Whether the desktop stands still until the host's disk has room for its writes.
    pub waiting_for_disk: bool,
    /// Time at which the desktop entered the state (RFC 3339).
    pub since: String,
    /// Number of virtual processors.
    pub cpus: u8,
    /// Guest memory in MiB.
    pub memory_mib: u32,
    /// Number of connected viewers.
    pub viewers: u32,
    /// Size of the first screen, once the guest shows a picture.
    pub screen: Option<Screen>,
    /// Whether the whole picture is sent as H.264, by the user's or else the pool's setting.
    pub video_only: bool,
    /// Network backend, as `passt`, `isolated` or `tap:NAME`.
    pub network: String,
    /// Description of what the desktop can reach, one sentence for each fact.
    pub egress: Vec<String>,
}

/// Size of a screen in pixels.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct Screen {
    /// Width in pixels.
    pub width: u32,
    /// Height in pixels.
    pub height: u32,
}

impl DesktopView {
    /// Makes the view of a desktop from its status, the plan for its next start, and its user's settings.
    pub(super) fn new(record: &Record, status: Status, plan: MachinePlan, settings: &Settings) -> Self {
        let pool = &record.pool.settings;
        let (planned, machine_text) = match plan.machine {
            Ok(choice) => ((choice.machine, choice.accel), choice.text),
            Err(text) => ((MachineKind::Kvm, Accel::Kvm), text),
        };
        let (machine, accel) = status.runs_on.unwrap_or(planned);
        Self {
            id: record.id.clone(),
            name: record.pool.name.to_string(),
            pool: record.pool.name.to_string(),
            image: pool.image.clone(),
            machine,
            emulated: accel == Accel::Tcg,
            machine_text,
            state: status.state,
            reason: status.reason,
            waiting_for_disk: status.waits_for_disk,
            since: rfc3339::of_seconds(status.since),
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
