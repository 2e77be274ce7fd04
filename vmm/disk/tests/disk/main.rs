//! Disks as a machine uses them, compared with plain memory and with QEMU's tools.

// Test helpers fail by panicking, as tests do.
#![allow(clippy::unwrap_used, clippy::panic)]

mod concurrent;
mod full;
mod hostile;
mod killed;
mod locks;
mod model;
mod overlays;
mod support;
