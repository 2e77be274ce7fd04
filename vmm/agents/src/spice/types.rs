//! What callers exchange with a session: clipboard types, monitors, features and events.

/// Largest contents of a clipboard that are passed on, in bytes, in either direction.
pub const MAX_CLIPBOARD_BYTES: usize = 64 << 20;

/// Type of a clipboard's contents (`VD_AGENT_CLIPBOARD_*` of `vd_agent.h`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ClipboardType {
    /// UTF-8 text whose lines end with a line feed, whatever the guest's own custom is.
    Text,
    /// PNG file.
    Png,
}

impl ClipboardType {
    /// Every type that is passed on; the guest's others are ignored.
    pub const ALL: [Self; 2] = [Self::Text, Self::Png];
}

/// Place and size of one monitor in the guest's desktop, in pixels (`VDAgentMonConfig`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MonConfig {
    /// Left edge of the monitor on the desktop.
    pub x: i32,
    /// Top edge of the monitor on the desktop.
    pub y: i32,
    /// Width of the monitor; 0 switches the monitor off.
    pub width: u32,
    /// Height of the monitor; 0 switches the monitor off.
    pub height: u32,
}

/// Features that the guest's agent announced; all false while no agent is connected.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct AgentFeatures {
    /// Clipboard contents are exchanged on request (`VD_AGENT_CAP_CLIPBOARD_BY_DEMAND`).
    pub clipboard: bool,
    /// The agent lays out monitors as told (`VD_AGENT_CAP_MONITORS_CONFIG`).
    pub monitors_config: bool,
    /// The agent accepts files (no `VD_AGENT_CAP_FILE_XFER_DISABLED`).
    pub file_xfer: bool,
}

/// Event that a session reports, caused by the guest's agent or by its absence.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AgentEvent {
    /// The agent connected, disconnected, or announced other features than before.
    Features(AgentFeatures),
    /// The guest's clipboard has contents of these types; an empty list releases the clipboard.
    ClipboardGrab(Vec<ClipboardType>),
    /// The guest pastes what the host grabbed; [`super::SpiceAgent::send_clipboard`] answers.
    ClipboardRequest(ClipboardType),
    /// Answer to [`super::SpiceAgent::request_clipboard`]; `None` if the guest has no such contents.
    ClipboardData(ClipboardType, Option<Vec<u8>>),
    /// Progress of the file with this number.
    FileXfer(u32, FileXferEvent),
    /// The agent answered the last monitors configuration.
    MonitorsConfigReply {
        /// Whether the guest's desktop applied the configuration.
        success: bool,
    },
}

/// Progress of a file on its way into the guest (`VD_AGENT_FILE_XFER_STATUS`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FileXferEvent {
    /// The guest accepted the file; its data may be sent.
    Accepted,
    /// Number of the file's bytes that have left for the guest so far.
    Sent(u64),
    /// The guest has stored the whole file.
    Done,
    /// The file failed, and no more of it is sent; one plain sentence for the user.
    Failed(String),
}
