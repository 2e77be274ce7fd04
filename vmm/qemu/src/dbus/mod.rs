//! QEMU's D-Bus display, peer to peer (QEMU's "D-Bus display" interface, `org.qemu.Display1`).
//!
//! On one connection Oriel is the client and calls the consoles ([`Console`]: keys, buttons, sizes). On the
//! others QEMU is the client and sends pictures ([`serve_listener`]), sends playback ([`serve_speaker`]) and
//! reads recording ([`serve_microphone`]).

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
