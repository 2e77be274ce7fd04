//! QEMU's D-Bus display, peer to peer (QEMU's "D-Bus display" interface, `org.qemu.Display1`).
//!
//! On one connection we call the console ([`Console`]: keys, buttons, size); on the others QEMU
//! calls us: with the picture ([`serve_listener`]), with what the guest plays ([`serve_speaker`])
//! and for what it records ([`serve_microphone`]).

mod console;
mod listener;
mod microphone;
mod pcm;
mod server;
mod speaker;

pub(crate) use console::{Console, MouseButton};
pub(crate) use listener::serve_listener;
pub(crate) use microphone::serve_microphone;
pub(crate) use speaker::serve_speaker;

/// Room for messages that nobody has taken yet. A whole picture is one message, so there shall not
/// be many; QEMU waits (or drops older pictures, from version 8.2 on) while we do not read.
const QUEUED: std::num::NonZeroUsize = std::num::NonZeroUsize::new(2).unwrap();

/// The next message, or `None` when the connection ended.
async fn next_message(stream: &mut zbus::MessageStream) -> Option<zbus::Result<zbus::Message>> {
    use futures_core::Stream;
    use std::future::poll_fn;
    use std::pin::Pin;
    poll_fn(|context| Pin::new(&mut *stream).poll_next(context)).await
}
