//! Desktops: each has one writer, a task that owns its state and its machine.
//!
//! [`Desktops`] finds the task of a desktop; [`actor`] is the task; [`prepare`] brings a machine up;
//! [`control`] talks to it; [`table`] is what is remembered of it on disk.

mod actor;
mod admission;
mod choice;
mod control;
mod directory;
mod host;
mod machine_config;
mod prepare;
mod process;
mod status;
mod table;
mod view;

pub use admission::Refusal;
pub use choice::{Choice, choose};
pub use directory::{Desktops, Handle, ViewerSeat, World};
pub use host::{HostProbe, available_memory_mib};
pub use status::{State, Status};
pub use table::{DesktopTable, Record};
pub use view::DesktopView;
