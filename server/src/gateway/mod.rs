//! Gateway between a browser's WebSocket and a desktop's machine.
//!
//! A message has the same bytes on both legs. The gateway reads a message's number and, for a few messages,
//! its JSON. It refuses messages that the protocol, the pool's policy or the viewer's mode does not allow,
//! and counts. It never decodes a picture.

mod access_watch;
mod handshake;
mod redirection_policy;
mod relay;
mod stream;
mod stream_audit;

pub use access_watch::{AccessSources, AccessWatch};
pub use stream::{Stream, serve};
pub use stream_audit::StreamAudit;

use std::time::Duration;

/// Interval of pings on an open WebSocket.
pub const PING_EVERY: Duration = Duration::from_secs(20);
/// Time without a message after which a client counts as disconnected.
pub const SILENCE: Duration = Duration::from_secs(60);
