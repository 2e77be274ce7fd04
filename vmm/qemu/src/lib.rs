//! QEMU as one desktop's machine, for guests that Oriel's own monitor does not run and for hosts without
//! hardware virtualization.
//!
//! QEMU is a child process that dies with the machine process. QMP, the serial line and the D-Bus display use
//! inherited socket pairs, never paths. QEMU parses what a hostile guest sends, so QEMU's messages are
//! checked as guest bytes are.
//!
//! - [`QemuMachine`] starts QEMU, controls the guest and reports the reason of QEMU's exit.
//! - `display` fills the [`oriel_display::Screen`]s with QEMU's pictures; `dbus` is QEMU's D-Bus display.
//! - `qmp` is the control channel; `input` sends keys and pointer motions to the guest.

mod accel;
mod command_line;
mod counters;
mod dbus;
mod disk_full;
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
