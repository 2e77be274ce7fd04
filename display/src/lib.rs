//! Pixels in, packets out.
//!
//! A machine's graphics device publishes what it scans out to a [`Screen`]; each person who
//! watches has a viewer that finds damage, encodes it and speaks the wire protocol written
//! down in `PROTOCOL.md`. Nothing here knows about KVM, HTTP or people.

pub mod geometry;
pub mod input;
pub mod screen;
pub mod source;

pub use geometry::{Rect, Size};
pub use input::{InputEvent, InputSink};
pub use screen::Screen;
pub use source::{CursorImage, PixelSource, SourceLost};
