//! QEMU's D-Bus display, peer to peer (QEMU's "D-Bus display" interface, `org.qemu.Display1`).
//!
//! On one connection we call the console ([`Console`]: keys, buttons, size); on the others QEMU
//! calls us: with the picture ([`serve_listener`]), with what the guest plays ([`serve_speaker`])
//! and for what it records ([`serve_microphone`]).

mod console;
mod listener;
mod messages;
mod microphone;
mod pcm;
mod server;
mod speaker;

pub(crate) use console::{Console, MouseButton};
pub(crate) use listener::serve_listener;
pub(crate) use microphone::serve_microphone;
pub(crate) use speaker::serve_speaker;
