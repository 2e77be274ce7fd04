//! State of the broker that its desktops' handles share.

use super::mirror::Mirror;
use super::table::DesktopTable;
use crate::users::SettingsTable;
use oriel_host::HostClient;
use std::sync::Arc;

/// Parts of the broker that every desktop's handle uses.
pub(super) struct BrokerState {
    /// Host that runs the desktops.
    pub host: Arc<dyn HostClient>,
    /// Table of desktops.
    pub table: DesktopTable,
    /// Table of users' settings.
    pub settings: SettingsTable,
    /// Mirror of the host's statuses.
    pub mirror: Mirror,
}
