//! Pixels in, packets out.
//!
//! A machine's graphics device publishes what it scans out to a [`Screen`]; each person who
//! watches has a viewer that finds damage, encodes it and speaks the wire protocol written
//! down in `PROTOCOL.md`. Nothing here knows about KVM, HTTP or people.

pub mod audio;
pub mod canvas;
pub mod client;
mod compare;
mod copy_rect;
pub mod counter;
pub mod counters;
pub mod cpu_time;
pub mod damage;
pub mod framebuffer;
#[cfg(test)]
mod garbage_tests;
pub mod inbox;
pub mod input;
pub mod latency;
pub mod lossless;
pub mod monitors;
pub mod outbox;
pub mod pipeline;
pub mod redirection;
pub mod screen;
mod shared_encode;
pub mod source;
pub mod tile_hashes;
pub mod tiles;
pub mod video;
pub mod viewer;

pub use audio::Sound;
pub use canvas::Canvas;
pub use client::{Client, ClientError};
pub use counter::Counter;
pub use counters::Counters;
pub use input::{InputId, InputSink};
pub use monitors::Monitors;
pub use redirection::RedirectionHub;
pub use screen::Screen;
pub use source::{PixelSource, SourceLost};
pub use viewer::Viewer;
