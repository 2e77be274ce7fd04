//! Host's side of the agents that run in a desktop's guest.
//!
//! - [`spice`] speaks spice-vdagent's protocol: clipboard, monitors, files into the guest.
//! - [`qga`] speaks qemu-guest-agent's protocol: shutdown, frozen file systems, facts.
//! - [`send`] speaks oriel-send's protocol: files out of the guest.
//!
//! All of them use a [`port::HostPort`], a stream of bytes that a program in the guest has open or not.
//! What carries the bytes (our virtio console, QEMU's) must not be known here. Everything that comes
//! out of a port was written by a guest and is hostile: bounded, checked, never trusted.

mod poll;
pub mod port;
mod port_thread;
pub mod qga;
pub mod send;
pub mod spice;
