//! Stream of messages on a D-Bus connection.

use futures_core::Stream;
use std::future::poll_fn;
use std::num::NonZeroUsize;
use std::pin::Pin;
use zbus::{Message, MessageStream};

/// Number of messages that may wait to be taken. A whole picture is one message, so there shall not
/// be many; QEMU waits (or drops older pictures, from version 8.2 on) while we do not read.
pub(super) const QUEUED: NonZeroUsize = NonZeroUsize::new(2).unwrap();

/// Receives the next message, or `None` when the connection ended.
pub(super) async fn next_message(stream: &mut MessageStream) -> Option<zbus::Result<Message>> {
    poll_fn(|context| Pin::new(&mut *stream).poll_next(context)).await
}
