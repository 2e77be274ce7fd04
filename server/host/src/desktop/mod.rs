//! One desktop: the actor that is its one writer, its record, and its machine.

mod actor;
mod command;
mod control;
mod machine;
mod machine_config;
mod prepare;
mod process;
mod record;

pub(crate) use actor::Actor;
pub(crate) use command::{CommandRequest, DesktopCommand};
pub(crate) use control::{describe, open_viewer};
pub(crate) use record::Record;
