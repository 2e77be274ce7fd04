//! The host's side of the programs that a desktop guest runs for its host.
//!
//! - [`spice`] speaks with spice-vdagent: clipboard, screen layout, files into the guest.
//! - [`qga`] speaks with qemu-guest-agent: shutdown, frozen file systems, facts.
//! - [`send`] speaks with oriel-send: files out of the guest.
//!
//! All speak over a [`port::HostPort`], a stream of bytes with somebody at the other end or nobody;
//! what carries the bytes (our virtio console, QEMU's) is the machine's business. Everything that
//! comes out of a port was written by a guest and is hostile: bounded, checked, never trusted.

mod poll;
pub mod port;
pub mod qga;
pub mod send;
pub mod spice;

use std::sync::{Mutex, MutexGuard, PoisonError};

/// Locks; what these locks guard is whole between any two statements.
fn lock<T: ?Sized>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
