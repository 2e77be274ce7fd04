//! Wire protocol between client, gateway and machine (`docs/protocol.md`): encoders and decoders of messages, the types
//! of their bodies, and the framing of messages on a stream socket.
//!
//! The functions are pure except for the framing. The crate depends on no other part of Oriel.

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

/// Version of the wire protocol that this crate implements.
pub const VERSION: u32 = 1;

/// Largest message from a client in bytes.
pub const MAX_CLIENT_MESSAGE: usize = 64 * 1024;

/// Largest message from a server in bytes. A lossless 8K picture of noise has 100 MB.
pub const MAX_SERVER_MESSAGE: usize = 128 * 1024 * 1024;

/// Error for bytes that are no valid message.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Malformed {
    /// The message is shorter or longer than the fields of the message.
    #[error("a {0} message of the wrong length")]
    Length(&'static str),
    /// A field of the message has an impossible value.
    #[error("a {message} message with an impossible {field}")]
    Field {
        /// Name of the message.
        message: &'static str,
        /// Name of the field.
        field: &'static str,
    },
    /// The JSON body cannot be parsed, or lacks a required key.
    #[error("a {0} message with a JSON body that cannot be read")]
    Json(&'static str),
    /// The message is empty and has no number.
    #[error("an empty message")]
    Empty,
}

/// Decoded message, or the number of an unknown message, which the receiver ignores and counts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Decoded<M> {
    /// Message with a number of the table [`MessageKind`].
    Known(M),
    /// Number that the table does not have in this direction.
    Unknown(u8),
}
