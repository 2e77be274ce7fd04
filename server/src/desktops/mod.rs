//! Desktops: each has one writer, a task that owns its state and its machine.
//!
//! [`Desktops`] finds the task of a desktop; [`actor`] is the task; [`admission`] says whether it
//! may start; [`prepare`] brings a machine up on its [`base`], in its [`cgroup`]; [`control`] talks
//! to it; [`audience`] is who watches, and [`schedule`] what follows from that; [`table`] is what is
//! remembered of it on disk.

mod actor;
mod admission;
mod audience;
mod base;
mod cgroup;
mod choice;
mod control;
mod directory;
mod host;
mod machine_config;
mod prepare;
mod process;
mod reserve;
mod schedule;
mod status;
mod table;
mod view;

pub use admission::Refusal;
pub use audience::Attention;
pub use base::{Base, OwnDisk};
pub use cgroup::{Cgroups, Limits, MOUNT as CGROUP_MOUNT, look as look_at_cgroups};
pub use choice::{Choice, choose};
pub use directory::{Desktops, Handle, ViewerSeat, World};
pub use host::{HostProbe, available_memory_mib};
pub use reserve::{HostSize, Reserve};
pub use status::{State, Status};
pub use table::{DesktopTable, Record};
pub use view::DesktopView;
