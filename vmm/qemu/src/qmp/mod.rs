//! QMP, QEMU's control channel: JSON objects, a line each (QEMU's "QEMU Machine Protocol
//! Specification").

mod client;
mod message;

pub(crate) use client::Qmp;
pub(crate) use message::{Axis, Command, Event, InputEvent, RunStatus};
