//! Host side of the agents that run in a desktop's guest.
//!
//! - [`spice`] implements spice-vdagent's protocol: clipboard, monitors, files into the guest.
//! - [`qga`] implements qemu-guest-agent's protocol: shutdown, frozen file systems, facts.
//! - [`send`] implements oriel-send's protocol: files out of the guest.
//!
//! Each uses a [`port::HostPort`], a stream of bytes to a program in the guest. The crate is independent of
//! the console device behind a port (Oriel's or QEMU's). All bytes from a port are hostile: bounded and
//! checked.

mod poll;
pub mod port;
mod port_thread;
pub mod qga;
pub mod send;
pub mod spice;
