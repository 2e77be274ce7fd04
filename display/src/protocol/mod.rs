//! The wire protocol of `PROTOCOL.md`: pure functions between bytes and messages, and the framing
//! of messages on a stream socket.

pub mod audio;
pub mod bytes;
pub mod client;
pub mod frame;
pub mod framing;
mod resize;
pub mod server;

#[cfg(test)]
pub(crate) mod garbage_tests;

pub use audio::{AudioPacket, Recording};
pub use client::{ClientMessage, Hello};
pub use frame::{Frame, FrameHeader, Update, VideoUpdate};
pub use server::{CloseCode, Screens, ServerMessage, Welcome};

/// The version that this code speaks.
pub const VERSION: u32 = 1;

/// Longest message from a client.
pub const MAX_CLIENT_MESSAGE: usize = 64 * 1024;

/// Longest message from a server: a whole 8K picture of noise, exact, is 100 MB.
pub const MAX_SERVER_MESSAGE: usize = 128 * 1024 * 1024;

/// Bytes that are not a message.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Malformed {
    /// The message ends before its fields do, or goes on after them.
    #[error("a {0} message of the wrong length")]
    Length(&'static str),
    /// A field has a value that it cannot have.
    #[error("a {message} message with an impossible {field}")]
    Field {
        /// The message's name.
        message: &'static str,
        /// The field's name.
        field: &'static str,
    },
    /// A JSON body that is not what it should be.
    #[error("a {0} message with a JSON body that cannot be read")]
    Json(&'static str),
    /// A message without even a type.
    #[error("an empty message")]
    Empty,
}

/// A message, or a type that this version does not know (to be ignored and counted).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Decoded<M> {
    /// A message.
    Known(M),
    /// Its type byte.
    Unknown(u8),
}
