//! QEMU as one desktop's machine: for guests that our own VMM does not run, and for hosts without
//! hardware virtualization.
//!
//! QEMU runs as a child process that dies with us. Nothing of it is reachable by a path: QMP, the
//! serial line and the D-Bus display travel over inherited socket pairs. QEMU parses what a hostile
//! guest feeds it, so whatever it says here is checked as if the guest had said it.
//!
//! - [`QemuMachine`] starts it, tells it what to do and says how it ended.
//! - `display` receives the picture ([`oriel_display::Screen`] gets it), `dbus` speaks to it.
//! - `qmp` is the control channel, `input` the way of keys and movements into the guest.

mod accel;
mod command_line;
mod counters;
mod dbus;
mod disks;
mod display;
mod error;
mod exit_hints;
mod fd_passing;
mod input;
mod installed;
mod logs;
mod machine;
mod network;
mod ports;
mod process;
mod qmp;
mod resources;
mod start;
mod state;
mod validate;

pub use accel::choose_accel;
pub use disks::DiskImages;
pub use error::{CommandError, StartError};
pub use installed::{Installed, installed};
pub use machine::QemuMachine;
pub use ports::GuestPort;
pub use resources::{QemuResources, QemuSetup};
