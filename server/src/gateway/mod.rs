//! The gateway: from a browser's WebSocket to a desktop's machine and back.
//!
//! The bytes of a message are the same on both legs. The gateway never decodes a picture: it looks at the number
//! of a message, refuses what the protocol does not know and what the pool's policy or the viewer's mode does not
//! allow, and counts.

mod handshake;
mod redirection_policy;
mod relay;
mod session_watch;
mod stream;

pub use session_watch::session_ended;
pub use stream::{Stream, serve};

use std::time::Duration;

/// An idle connection is asked for a sign of life this often.
pub const PING_EVERY: Duration = Duration::from_secs(20);
/// A peer from whom nothing was heard for so long is gone.
pub const SILENCE: Duration = Duration::from_secs(60);
