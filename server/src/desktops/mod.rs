//! Desktops as the control plane knows them: whose they are, of which pool, and what their host tells of them.
//!
//! [`Broker`] resolves a user and a pool to a desktop and its specification, and gives orders to the host; [`Mirror`] keeps
//! what the host tells, in memory and in the database; [`table`] holds the records; [`activity`] is who is at a desktop, from
//! which its priority follows; [`view`] is a desktop as the API shows it. Machines, disks and sockets are the host's alone.

mod activity;
mod broker;
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
