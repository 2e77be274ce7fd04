//! The messages' bodies: numbers of `vd_agent.h`, little-endian and packed.

use super::{ClipboardType, MonConfig};

/// The only version of the protocol.
pub const PROTOCOL: u32 = 1;
/// The port number of messages between agent and client.
pub const CLIENT_PORT: u32 = 1;
/// The port number of messages between agent and server.
pub const SERVER_PORT: u32 = 2;
/// Bytes of a message before its body: protocol, type, opaque, size.
pub const MESSAGE_HEADER: usize = 20;

/// Message types.
pub mod message {
    pub const MONITORS_CONFIG: u32 = 2;
    pub const REPLY: u32 = 3;
    pub const CLIPBOARD: u32 = 4;
    pub const ANNOUNCE_CAPABILITIES: u32 = 6;
    pub const CLIPBOARD_GRAB: u32 = 7;
    pub const CLIPBOARD_REQUEST: u32 = 8;
    pub const CLIPBOARD_RELEASE: u32 = 9;
    pub const FILE_XFER_START: u32 = 10;
    pub const FILE_XFER_STATUS: u32 = 11;
    pub const FILE_XFER_DATA: u32 = 12;
    pub const MAX_CLIPBOARD: u32 = 14;
}

/// Results in FILE_XFER_STATUS.
pub mod file_status {
    pub const CAN_SEND_DATA: u32 = 0;
    pub const CANCELLED: u32 = 1;
    pub const SUCCESS: u32 = 3;
    pub const NOT_ENOUGH_SPACE: u32 = 4;
    pub const SESSION_LOCKED: u32 = 5;
    pub const AGENT_NOT_CONNECTED: u32 = 6;
    pub const DISABLED: u32 = 7;
}

/// The value of a REPLY to what was done.
pub const REPLY_SUCCESS: u32 = 1;

/// What one side can do: a bit for each.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Capabilities(u32);

impl Capabilities {
    pub const MONITORS_CONFIG: u32 = 1;
    pub const REPLY: u32 = 2;
    pub const CLIPBOARD_BY_DEMAND: u32 = 5;
    pub const CLIPBOARD_SELECTION: u32 = 6;
    pub const SPARSE_MONITORS_CONFIG: u32 = 7;
    pub const GUEST_LINEEND_CRLF: u32 = 9;
    pub const MAX_CLIPBOARD: u32 = 10;
    pub const MONITORS_CONFIG_POSITION: u32 = 12;
    pub const FILE_XFER_DISABLED: u32 = 13;
    pub const FILE_XFER_DETAILED_ERRORS: u32 = 14;
    pub const CLIPBOARD_NO_RELEASE_ON_REGRAB: u32 = 16;

    /// Ours.
    pub const HOST: Self = Self(
        1 << Self::MONITORS_CONFIG
            | 1 << Self::REPLY
            | 1 << Self::CLIPBOARD_BY_DEMAND
            | 1 << Self::CLIPBOARD_SELECTION
            | 1 << Self::MONITORS_CONFIG_POSITION
            | 1 << Self::FILE_XFER_DISABLED
            | 1 << Self::FILE_XFER_DETAILED_ERRORS
            | 1 << Self::CLIPBOARD_NO_RELEASE_ON_REGRAB,
    );

    pub fn has(self, bit: u32) -> bool {
        self.0 & (1 << bit) != 0
    }

    #[cfg(test)]
    pub fn of(bits: &[u32]) -> Self {
        Self(bits.iter().fold(0, |sum, bit| sum | 1 << bit))
    }
}

/// ANNOUNCE_CAPABILITIES: whether ours are asked for in return, and the capabilities.
pub fn announcement(body: &[u8]) -> Option<(bool, Capabilities)> {
    let (request, rest) = u32_first(body)?;
    // Later words hold bits that are of no concern here.
    let (bits, _) = u32_first(rest)?;
    Some((request != 0, Capabilities(bits)))
}

pub fn announce(request: bool, capabilities: Capabilities) -> Vec<u8> {
    [u32::from(request), capabilities.0].map(u32::to_le_bytes).concat()
}

/// The number of a kind of contents.
pub fn number(kind: ClipboardType) -> u32 {
    match kind {
        ClipboardType::Text => 1,
        ClipboardType::Png => 2,
    }
}

/// The kind that has this number, if it is one that matters here.
pub fn kind(number: u32) -> Option<ClipboardType> {
    ClipboardType::ALL.into_iter().find(|kind| self::number(*kind) == number)
}

/// MONITORS_CONFIG with positions.
pub fn monitors_config(monitors: &[MonConfig]) -> Vec<u8> {
    const USE_POSITIONS: u32 = 1;
    const DEPTH: u32 = 32;
    let count = u32::try_from(monitors.len()).unwrap_or(u32::MAX);
    let mut body = [count, USE_POSITIONS].map(u32::to_le_bytes).concat();
    for monitor in monitors {
        body.extend([monitor.height, monitor.width, DEPTH].map(u32::to_le_bytes).concat());
        body.extend([monitor.x, monitor.y].map(i32::to_le_bytes).concat());
    }
    body
}

/// FILE_XFER_START: a key file (as GLib's `GKeyFile`) with name and size, ended by a zero. `name` is
/// one line and has no backslash, which would begin an escape.
pub fn file_start(id: u32, name: &str, size: u64) -> Vec<u8> {
    let mut body = id.to_le_bytes().to_vec();
    body.extend_from_slice(format!("[vdagent-file-xfer]\nname={name}\nsize={size}\n\0").as_bytes());
    body
}

/// FILE_XFER_DATA without the bytes.
pub fn file_data_head(id: u32, length: usize) -> Vec<u8> {
    [&id.to_le_bytes()[..], &u64::try_from(length).unwrap_or(0).to_le_bytes()].concat()
}

/// Two numbers, as FILE_XFER_STATUS and REPLY begin with.
pub fn two(body: &[u8]) -> Option<(u32, u32)> {
    let (first, rest) = u32_first(body)?;
    Some((first, u32_first(rest)?.0))
}

/// The number at the front, and the rest.
pub fn u32_first(body: &[u8]) -> Option<(u32, &[u8])> {
    let (first, rest) = body.split_first_chunk()?;
    Some((u32::from_le_bytes(*first), rest))
}
