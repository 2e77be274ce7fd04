//! Desktops in the control plane: owners, pools, commands to the host, and the mirror of the host's statuses.
//!
//! [`Broker`] resolves a user and a pool to a desktop and its specification. [`DesktopHandle`] sends commands
//! to the host. [`Mirror`] keeps statuses from the host in memory and in the database. Machines, disks and
//! sockets belong to the host.

mod activity;
mod broker;
mod broker_state;
mod deletion;
mod error;
mod handle;
mod mirror;
mod resolve;
mod table;
mod view;

pub use activity::ViewerActivity;
pub use broker::Broker;
pub use error::BrokerError;
pub use handle::{ActiveViewer, DesktopHandle};
pub use mirror::Mirror;
pub use oriel_host::schedule::Priority;
pub use oriel_host::{State, Status};
pub use table::{DesktopTable, Record};
pub use view::DesktopView;
