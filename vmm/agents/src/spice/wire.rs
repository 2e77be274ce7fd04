//! Bodies of messages and their constants: numbers as in `vd_agent.h`, little-endian and packed.

use super::types::{ClipboardType, MonConfig};

/// Version of the protocol, of which there is one (`VD_AGENT_PROTOCOL`).
pub const PROTOCOL: u32 = 1;
/// Chunk port of messages between agent and client (`VDP_CLIENT_PORT`).
pub const CLIENT_PORT: u32 = 1;
/// Chunk port of messages between agent and server (`VDP_SERVER_PORT`).
pub const SERVER_PORT: u32 = 2;
/// Length of a message's header in bytes: protocol, type, opaque, size (`VDAgentMessage`).
pub const MESSAGE_HEADER: usize = 20;

/// Message types (`VD_AGENT_*`).
pub mod message {
    /// Layout of the monitors, host to agent.
    pub const MONITORS_CONFIG: u32 = 2;
    /// Result of another message, agent to host.
    pub const REPLY: u32 = 3;
    /// Contents of the clipboard.
    pub const CLIPBOARD: u32 = 4;
    /// Capabilities of the sender.
    pub const ANNOUNCE_CAPABILITIES: u32 = 6;
    /// Types of the sender's clipboard.
    pub const CLIPBOARD_GRAB: u32 = 7;
    /// Request for contents of one type.
    pub const CLIPBOARD_REQUEST: u32 = 8;
    /// The sender's clipboard is empty.
    pub const CLIPBOARD_RELEASE: u32 = 9;
    /// Name and size of a file.
    pub const FILE_XFER_START: u32 = 10;
    /// State of a file's transfer.
    pub const FILE_XFER_STATUS: u32 = 11;
    /// Bytes of a file.
    pub const FILE_XFER_DATA: u32 = 12;
    /// Largest contents that the host takes, in bytes.
    pub const MAX_CLIPBOARD: u32 = 14;
}

/// Results in FILE_XFER_STATUS (`VD_AGENT_FILE_XFER_STATUS_*`).
pub mod file_status {
    /// The guest accepted the file.
    pub const CAN_SEND_DATA: u32 = 0;
    /// Either side cancelled the file.
    pub const CANCELLED: u32 = 1;
    /// The guest stored the file.
    pub const SUCCESS: u32 = 3;
    /// The guest's disk is full.
    pub const NOT_ENOUGH_SPACE: u32 = 4;
    /// The guest's session is locked.
    pub const SESSION_LOCKED: u32 = 5;
    /// No user is logged in to the guest.
    pub const AGENT_NOT_CONNECTED: u32 = 6;
    /// The guest takes no files.
    pub const DISABLED: u32 = 7;
}

/// Result in a REPLY to a message that was carried out (`VD_AGENT_SUCCESS`).
pub const REPLY_SUCCESS: u32 = 1;

/// Capabilities of one side, a bit each (`VD_AGENT_CAP_*`).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Capabilities(u32);

impl Capabilities {
    /// MONITORS_CONFIG is carried out.
    pub const MONITORS_CONFIG: u32 = 1;
    /// REPLY is sent.
    pub const REPLY: u32 = 2;
    /// Contents are sent on request only.
    pub const CLIPBOARD_BY_DEMAND: u32 = 5;
    /// Clipboard messages name a selection.
    pub const CLIPBOARD_SELECTION: u32 = 6;
    /// Monitors of size 0 are off.
    pub const SPARSE_MONITORS_CONFIG: u32 = 7;
    /// The guest's lines end with CR and LF.
    pub const GUEST_LINEEND_CRLF: u32 = 9;
    /// MAX_CLIPBOARD is understood.
    pub const MAX_CLIPBOARD: u32 = 10;
    /// Positions in MONITORS_CONFIG are understood.
    pub const MONITORS_CONFIG_POSITION: u32 = 12;
    /// Files are not accepted.
    pub const FILE_XFER_DISABLED: u32 = 13;
    /// FILE_XFER_STATUS may carry details.
    pub const FILE_XFER_DETAILED_ERRORS: u32 = 14;
    /// A new grab needs no release before it.
    pub const CLIPBOARD_NO_RELEASE_ON_REGRAB: u32 = 16;

    /// Capabilities that the host announces.
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

    /// Whether the bit with this number is set.
    pub fn has(self, bit: u32) -> bool {
        self.0 & (1 << bit) != 0
    }

    #[cfg(test)]
    pub fn of(bits: &[u32]) -> Self {
        Self(bits.iter().fold(0, |sum, bit| sum | 1 << bit))
    }
}

/// Parses ANNOUNCE_CAPABILITIES: whether the host's are requested in return, and the capabilities.
pub fn parse_announcement(body: &[u8]) -> Option<(bool, Capabilities)> {
    let (request, rest) = u32_first(body)?;
    // Later words hold bits that are of no concern here.
    let (bits, _) = u32_first(rest)?;
    Some((request != 0, Capabilities(bits)))
}

/// Body of ANNOUNCE_CAPABILITIES.
pub fn announce(request: bool, capabilities: Capabilities) -> Vec<u8> {
    [u32::from(request), capabilities.0].map(u32::to_le_bytes).concat()
}

/// Number of a clipboard type on the wire (`VD_AGENT_CLIPBOARD_*`).
pub fn clipboard_number(clipboard_type: ClipboardType) -> u32 {
    match clipboard_type {
        ClipboardType::Text => 1,
        ClipboardType::Png => 2,
    }
}

/// Clipboard type with this number on the wire, if it is one that is passed on.
pub fn clipboard_type(number: u32) -> Option<ClipboardType> {
    ClipboardType::ALL.into_iter().find(|candidate| clipboard_number(*candidate) == number)
}

/// Body of MONITORS_CONFIG, with positions.
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

/// Body of FILE_XFER_START: a key file (as GLib's `GKeyFile`) with name and size, ended by a zero. `name` is
/// one line and has no backslash, which would begin an escape.
pub fn file_start(id: u32, name: &str, size: u64) -> Vec<u8> {
    let mut body = id.to_le_bytes().to_vec();
    body.extend_from_slice(format!("[vdagent-file-xfer]\nname={name}\nsize={size}\n\0").as_bytes());
    body
}

/// Body of FILE_XFER_DATA without the file's bytes.
pub fn file_data_head(id: u32, length: usize) -> Vec<u8> {
    [&id.to_le_bytes()[..], &u64::try_from(length).unwrap_or(0).to_le_bytes()].concat()
}

/// First two numbers of a body, as FILE_XFER_STATUS and REPLY have them.
pub fn u32_pair(body: &[u8]) -> Option<(u32, u32)> {
    let (first, rest) = u32_first(body)?;
    Some((first, u32_first(rest)?.0))
}

/// First number of a body, and the rest.
pub fn u32_first(body: &[u8]) -> Option<(u32, &[u8])> {
    let (first, rest) = body.split_first_chunk()?;
    Some((u32::from_le_bytes(*first), rest))
}
