//! Disks as a machine uses them, measured against plain memory and against QEMU's own tools.

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
