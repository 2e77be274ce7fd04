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
    /// Login and sessions of users.
    pub login: Login,
    /// Tickets that open streams.
    pub tickets: Tickets<ViewerMode>,
    /// Our own names and pages.
    pub origins: Origins,
    /// Broker of all desktops.
    pub desktops: Broker,
    /// Table of pools.
    pub pools: Pools,
    /// Settings of users.
    pub settings: SettingsTable,
    /// Counters of the server for `/metrics`.
    pub metrics: Arc<Metrics>,
    /// Files of the web client.
    pub web_root: WebRoot,
    /// Whether the certificate was given, and so may be insisted upon.
    pub certificate_given: bool,
    /// The server is going away.
    pub stopping: CancellationToken,
    /// Tracker of open WebSockets, for an orderly end of the server.
    pub sockets: TaskTracker,
}
