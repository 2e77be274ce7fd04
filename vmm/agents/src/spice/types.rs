//! Types of the interface of a session: clipboard types, monitors, features and events.

/// Maximum size of transferred clipboard contents in bytes, in either direction.
pub const MAX_CLIPBOARD_BYTES: usize = 64 << 20;

/// Type of a clipboard's contents (`VD_AGENT_CLIPBOARD_*` of `vd_agent.h`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ClipboardType {
    /// UTF-8 text with line feeds as line ends, whatever line ends the guest uses.
    Text,
    /// Image as a PNG file.
    Png,
}

impl ClipboardType {
    /// Supported types; other types of the guest are ignored.
    pub const ALL: [Self; 2] = [Self::Text, Self::Png];
}

/// Position and size of a monitor on the guest's desktop, in pixels (`VDAgentMonConfig`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MonConfig {
    /// Left edge of the monitor on the desktop, in pixels.
    pub x: i32,
    /// Upper edge of the monitor on the desktop, in pixels.
    pub y: i32,
    /// Width of the monitor in pixels; 0 switches the monitor off.
    pub width: u32,
    /// Height of the monitor in pixels; 0 switches the monitor off.
    pub height: u32,
}

/// Features that the guest's agent has announced; all false while no agent is connected.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct AgentFeatures {
    /// Clipboard contents are exchanged on request (`VD_AGENT_CAP_CLIPBOARD_BY_DEMAND`).
    pub clipboard: bool,
    /// The agent applies monitor layouts (`VD_AGENT_CAP_MONITORS_CONFIG`).
    pub monitors_config: bool,
    /// The agent accepts files (no `VD_AGENT_CAP_FILE_XFER_DISABLED`).
    pub file_xfer: bool,
}

/// Event of a session with the guest's agent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AgentEvent {
    /// Features of the agent, after they changed: the agent connected, disconnected or announced others.
    Features(AgentFeatures),
    /// Types of the guest's new clipboard contents; an empty list releases the clipboard.
    ClipboardGrab(Vec<ClipboardType>),
    /// Request of the guest for contents that the host grabbed; [`super::SpiceAgent::send_clipboard`] is the
    /// answer.
    ClipboardRequest(ClipboardType),
    /// Answer to [`super::SpiceAgent::request_clipboard`]; `None` if the guest has no contents of the type.
    ClipboardData(ClipboardType, Option<Vec<u8>>),
    /// Number of a file, and progress of its transfer.
    FileXfer(u32, FileXferEvent),
    /// Answer of the agent to the last monitor layout.
    MonitorsConfigReply {
        /// Whether the guest's desktop applied the layout.
        success: bool,
    },
}

/// Progress of a file transfer into the guest (`VD_AGENT_FILE_XFER_STATUS`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FileXferEvent {
    /// The guest accepted the file, and its data may be sent.
    Accepted,
    /// Number of the file's bytes that were sent to the guest so far.
    Sent(u64),
    /// The guest has stored the whole file.
    Done,
    /// The transfer failed and has ended; one plain sentence for the user.
    Failed(String),
}
