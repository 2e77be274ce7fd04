//! Display of a desktop: from the pixels of a graphics device to the packets of a viewer, with audio,
//! clipboard and files.
//!
//! A machine's graphics device publishes its scanout to a [`Screen`]. Each connection of a client has a
//! [`Viewer`], which compares and encodes what changed, by the wire protocol of `docs/protocol.md` (crate
//! `oriel-wire`). The crate contains nothing about KVM, HTTP or users.
//!
//! Each module depends only on those of earlier lines:
//!
//! 1. `counter`, `cpu_time`, `tiles`, `damage`, `source`, `input`, `outbox`
//! 2. `framebuffer`, `latency`; then `compare`, `tile_hashes`, `counters`, `inbox`
//! 3. codecs and searches: `lossless`, `video`, `copy_rect`
//! 4. `pipeline`: composes the updates of one frame
//! 5. `screen`, `audio`, `redirection`: state shared by viewers
//! 6. `shared_encode`, then `monitors`: all screens of a desktop
//! 7. `viewer`: one connection
//! 8. `canvas`, then `client`: the client's side, for tests and tools

pub mod audio;
pub mod canvas;
pub mod client;
mod compare;
pub mod copy_rect;
pub mod counter;
pub mod counters;
pub mod cpu_time;
pub mod damage;
pub mod framebuffer;
#[cfg(test)]
mod garbage_tests;
mod held_inputs;
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
