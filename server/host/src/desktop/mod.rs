//! One desktop: the actor that is the only writer of its state, its record, and its machine.
//!
//! Commands come from [`crate::LocalHost`] and events from the machine; the actor changes the record and the
//! machine, and publishes the status to [`crate::updates`]. The machine itself is a process of its own,
//! `oriel-vmm`.

mod actor;
mod command;
mod control;
mod early_output;
mod machine;
mod machine_config;
mod prepare;
mod process;
mod record;

pub(crate) use actor::Actor;
pub(crate) use command::{CommandRequest, DesktopCommand};
pub(crate) use control::{describe, open_viewer};
pub(crate) use prepare::read_machine_config;
pub(crate) use process::is_alive;
pub(crate) use record::Record;
