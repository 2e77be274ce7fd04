//! State that all request handlers share.

use super::action_rate::ActionRate;
use super::metrics_token::MetricsToken;
use super::session_sockets::SessionSockets;
use super::web_root::WebRoot;
use crate::desktops::Broker;
use crate::gateway::AccessSources;
use crate::metrics::Metrics;
use crate::pools::Pools;
use crate::users::SettingsTable;
use oriel_auth::{Login, Network, Origins, Tickets};
use oriel_vmm_api::ViewerMode;
use std::sync::Arc;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// Parts of the server for request handlers.
pub struct App {
    /// Login and sessions of users.
    pub login: Login,
    /// Bound on the actions of each user.
    pub action_rate: ActionRate,
    /// Tickets that open streams.
    pub tickets: Tickets<ViewerMode>,
    /// Host names and origins of this server.
    pub origins: Origins,
    /// Networks of the reverse proxies whose word counts.
    pub trusted_proxies: Vec<Network>,
    /// Token for `/metrics`, if one is configured.
    pub metrics_token: Option<MetricsToken>,
    /// Sources of the rights that open connections follow.
    pub access: AccessSources,
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
    /// Whether an administrator configured the certificate, so that responses may set HSTS.
    pub certificate_given: bool,
    /// Token that is cancelled when the server ends.
    pub stopping: CancellationToken,
    /// Tracker of open WebSockets, for an orderly end of the server.
    pub sockets: TaskTracker,
    /// Count of each session's open sockets of events.
    pub session_sockets: SessionSockets,
}
