//! Constants and bodies of spice-vdagent's messages: numbers as in `vd_agent.h`, little-endian and packed.

use super::types::{ClipboardType, MonConfig};

/// Version of the protocol, the only one (`VD_AGENT_PROTOCOL`).
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
    /// Types of the sender's clipboard contents.
    pub const CLIPBOARD_GRAB: u32 = 7;
    /// Request for clipboard contents of a type.
    pub const CLIPBOARD_REQUEST: u32 = 8;
    /// Release of the clipboard: the sender has no contents.
    pub const CLIPBOARD_RELEASE: u32 = 9;
    /// Name and size of a file.
    pub const FILE_XFER_START: u32 = 10;
    /// State of a file's transfer.
    pub const FILE_XFER_STATUS: u32 = 11;
    /// Bytes of a file.
    pub const FILE_XFER_DATA: u32 = 12;
    /// Maximum size of clipboard contents in bytes, host to agent.
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
    /// The guest has no logged-in user.
    pub const AGENT_NOT_CONNECTED: u32 = 6;
    /// The guest accepts no files.
    pub const DISABLED: u32 = 7;
}

/// Result in a REPLY for a message that was executed (`VD_AGENT_SUCCESS`).
pub const REPLY_SUCCESS: u32 = 1;

/// Set of capabilities of host or agent, a bit each (`VD_AGENT_CAP_*`).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Capabilities(u32);

impl Capabilities {
    /// MONITORS_CONFIG is applied.
    pub const MONITORS_CONFIG: u32 = 1;
    /// REPLY is sent.
    pub const REPLY: u32 = 2;
    /// Clipboard contents are sent on request only.
    pub const CLIPBOARD_BY_DEMAND: u32 = 5;
    /// Clipboard messages name a selection.
    pub const CLIPBOARD_SELECTION: u32 = 6;
    /// Monitors of size 0 are off.
    pub const SPARSE_MONITORS_CONFIG: u32 = 7;
    /// Lines of the guest's text end with CR and LF.
    pub const GUEST_LINEEND_CRLF: u32 = 9;
    /// MAX_CLIPBOARD is supported.
    pub const MAX_CLIPBOARD: u32 = 10;
    /// Positions in MONITORS_CONFIG are supported.
    pub const MONITORS_CONFIG_POSITION: u32 = 12;
    /// Files are not accepted.
    pub const FILE_XFER_DISABLED: u32 = 13;
    /// FILE_XFER_STATUS may have details.
    pub const FILE_XFER_DETAILED_ERRORS: u32 = 14;
    /// A grab may follow another grab without a release.
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

    /// Whether the capability with bit number `bit` is set.
    pub fn has(self, bit: u32) -> bool {
        self.0 & (1 << bit) != 0
    }

    /// Creates the set of the capabilities with these bit numbers.
    #[cfg(test)]
    pub fn of(bits: &[u32]) -> Self {
        Self(bits.iter().fold(0, |sum, bit| sum | 1 << bit))
    }
}

/// Parses ANNOUNCE_CAPABILITIES. Returns whether the host's capabilities are requested, and the agent's.
pub fn parse_announcement(body: &[u8]) -> Option<(bool, Capabilities)> {
    let (request, rest) = u32_first(body)?;
    // Later words contain capabilities that are not used.
    let (bits, _) = u32_first(rest)?;
    Some((request != 0, Capabilities(bits)))
}

/// Returns the body of ANNOUNCE_CAPABILITIES.
pub fn announce(request: bool, capabilities: Capabilities) -> Vec<u8> {
    [u32::from(request), capabilities.0].map(u32::to_le_bytes).concat()
}

/// Returns the number of a clipboard type on the wire (`VD_AGENT_CLIPBOARD_*`).
pub fn clipboard_number(clipboard_type: ClipboardType) -> u32 {
    match clipboard_type {
        ClipboardType::Text => 1,
        ClipboardType::Png => 2,
    }
}

/// Returns the clipboard type with number `number` on the wire; `None` for unsupported types.
pub fn clipboard_type(number: u32) -> Option<ClipboardType> {
    ClipboardType::ALL.into_iter().find(|candidate| clipboard_number(*candidate) == number)
}

/// Returns the body of MONITORS_CONFIG, with positions.
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

/// Returns the body of FILE_XFER_START: a key file (GLib's `GKeyFile`) with name and size, terminated by
/// zero. `name` is one line and has no backslash, which would begin an escape sequence.
pub fn file_start(id: u32, name: &str, size: u64) -> Vec<u8> {
    let mut body = id.to_le_bytes().to_vec();
    body.extend_from_slice(format!("[vdagent-file-xfer]\nname={name}\nsize={size}\n\0").as_bytes());
    body
}

/// Returns the body of FILE_XFER_DATA without the file's bytes.
pub fn file_data_head(id: u32, length: usize) -> Vec<u8> {
    [&id.to_le_bytes()[..], &u64::try_from(length).unwrap_or(0).to_le_bytes()].concat()
}

/// Returns the first two numbers of a body, as in FILE_XFER_STATUS and REPLY.
pub fn u32_pair(body: &[u8]) -> Option<(u32, u32)> {
    let (first, rest) = u32_first(body)?;
    Some((first, u32_first(rest)?.0))
}

/// Returns the first number of a body, and the rest of the body.
pub fn u32_first(body: &[u8]) -> Option<(u32, &[u8])> {
    let (first, rest) = body.split_first_chunk()?;
    Some((u32::from_le_bytes(*first), rest))
}
