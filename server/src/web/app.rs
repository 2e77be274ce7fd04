//! What every request can reach.

use super::assets::WebRoot;
use crate::desktops::Broker;
use crate::metrics::Metrics;
use crate::pools::Pools;
use crate::users::SettingsTable;
use oriel_auth::{Login, Origins, Tickets};
use oriel_vmm_api::ViewerMode;
use std::sync::Arc;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// The server's parts.
pub struct App {
    /// Who comes in.
    pub login: Login,
    /// Tickets for streams.
    pub tickets: Tickets<ViewerMode>,
    /// Our own names and pages.
    pub origins: Origins,
    /// Desktops.
    pub desktops: Broker,
    /// Pools.
    pub pools: Pools,
    /// People's settings.
    pub settings: SettingsTable,
    /// Counters.
    pub metrics: Arc<Metrics>,
    /// The web client.
    pub web_root: WebRoot,
    /// Whether the certificate was given, and so may be insisted upon.
    pub certificate_given: bool,
    /// The server is going away.
    pub stopping: CancellationToken,
    /// Open WebSockets.
    pub sockets: TaskTracker,
}
