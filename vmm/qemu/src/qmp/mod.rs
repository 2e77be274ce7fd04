//! QMP, QEMU's control channel: JSON objects, one per line ("QEMU Machine Protocol Specification").

mod client;
mod message;

pub(crate) use client::Qmp;
pub(crate) use message::{Axis, Command, Event, InputEvent, RunStatus};
