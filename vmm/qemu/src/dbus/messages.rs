//! Stream of received messages of a D-Bus connection.

use futures_core::Stream;
use std::future::poll_fn;
use std::num::NonZeroUsize;
use std::pin::Pin;
use zbus::{Message, MessageStream};

/// Maximum number of received messages that wait for processing. One message may be a whole picture, so the
/// number is small; while it is reached, QEMU waits, or drops older pictures (from version 8.2 on).
pub(super) const QUEUED: NonZeroUsize = NonZeroUsize::new(2).unwrap();

/// Receives the next message; `None` when the connection has ended.
pub(super) async fn next_message(stream: &mut MessageStream) -> Option<zbus::Result<Message>> {
    poll_fn(|context| Pin::new(&mut *stream).poll_next(context)).await
}
