//! The gateway: from a browser's WebSocket to a desktop's socket and back.
//!
//! The bytes of a message are the same on both legs. The gateway never decodes a picture: it looks
//! at a message's first byte, to keep those who only watch from acting and what a pool does not share
//! from crossing, and counts.

mod crossing;
mod opening;
mod relay;
mod session_watch;
mod stream;
mod wire;

pub use session_watch::session_ended;
pub use stream::{Stream, serve};
pub use wire::LONGEST_FROM_CLIENT;

use std::time::Duration;

/// An idle connection is asked for a sign of life this often.
pub const PING_EVERY: Duration = Duration::from_secs(20);
/// A peer from whom nothing was heard for so long is gone.
pub const SILENCE: Duration = Duration::from_secs(60);
