//! Oriel's wire protocol, written down in `docs/protocol.md`: pure functions between bytes and messages,
//! the payload types of messages, and the framing of messages on a stream socket.
//!
//! Nothing here does input or output of its own but for the framing, and nothing here knows the rest of Oriel.

mod abilities;
mod audio;
mod client;
mod clipboard;
mod cursor;
mod encode;
pub mod fields;
mod files;
mod frame;
pub mod framing;
mod geometry;
mod input;
mod kind;
mod layout;
mod server;
mod tile_hashes;

pub use abilities::Abilities;
pub use audio::{AudioPacket, Recording};
pub use client::{ClientMessage, Hello};
pub use clipboard::{Chunk, ContentType, MAX_CHUNK, MAX_CONTENTS};
pub use cursor::CursorImage;
pub use files::{FILE_CREDIT, FileOffer, FileState, FileStatus};
pub use frame::{Frame, FrameHeader, Update, VideoUpdate};
pub use geometry::{Rect, Size};
pub use input::{Button, InputEvent};
pub use kind::{Direction, MessageClass, MessageKind};
pub use layout::{DEFAULT_DPI, LayoutRequest, MAX_SCREENS, MonitorChange, MonitorConfig};
pub use server::{CloseCode, Screens, ServerMessage, Welcome, encode_cursor};
pub use tile_hashes::{TILE, TileHashes};

/// The version that this code speaks.
pub const VERSION: u32 = 1;

/// Longest message from a client.
pub const MAX_CLIENT_MESSAGE: usize = 64 * 1024;

/// Longest message from a server: a whole 8K picture of noise, exact, is 100 MB.
pub const MAX_SERVER_MESSAGE: usize = 128 * 1024 * 1024;

/// Bytes that are not a message.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Malformed {
    /// The message ends before or after its last field.
    #[error("a {0} message of the wrong length")]
    Length(&'static str),
    /// A field has an impossible value.
    #[error("a {message} message with an impossible {field}")]
    Field {
        /// The message's name.
        message: &'static str,
        /// The field's name.
        field: &'static str,
    },
    /// The JSON body has another shape than the message's.
    #[error("a {0} message with a JSON body that cannot be read")]
    Json(&'static str),
    /// A message without even a type.
    #[error("an empty message")]
    Empty,
}

/// Decoded message, or a number that this version does not know (to be ignored and counted).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Decoded<M> {
    /// Message of a known number.
    Known(M),
    /// Number of an unknown message.
    Unknown(u8),
}
