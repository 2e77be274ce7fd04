//! spice-vdagent: the clipboard, the screens' layout and files, by the protocol that
//! spice-protocol's `vd_agent.h` defines.
//!
//! - `chunks` finds messages in the stream, `wire` knows their bodies.
//! - `clipboard` and `files` are what there is to say about those two, `session` the whole.
//! - [`SpiceAgent`] lets a session run over a port.
//!
//! Nothing waits in a queue of messages: a session keeps what is to be said (the newest layout, the
//! newest offer, each file's next piece), and makes the next message of it when the last has left.

mod agent;
mod chunks;
mod clipboard;
mod files;
mod session;
mod wire;

pub use agent::{Counters, SpiceAgent};
#[cfg(feature = "test-driver")]
pub use session::VdAgentSession;

/// Contents of a clipboard are at most so long, in bytes.
pub const MAX_CLIPBOARD_BYTES: usize = 64 << 20;

/// What a clipboard can hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ClipboardType {
    /// UTF-8; lines end with a line feed, whatever the guest's own custom is.
    Text,
    /// A PNG file.
    Png,
}

impl ClipboardType {
    /// All there are.
    pub const ALL: [Self; 2] = [Self::Text, Self::Png];
}

/// Where a screen is to be, in pixels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MonConfig {
    /// From the left.
    pub x: i32,
    /// From the top.
    pub y: i32,
    /// Across; 0 switches the screen off.
    pub width: u32,
    /// Down; 0 switches the screen off.
    pub height: u32,
}

/// What the guest's agent can do now; nothing while there is none.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct AgentFeatures {
    /// Copy and paste.
    pub clipboard: bool,
    /// [`SpiceAgent::set_monitors_config`].
    pub monitors_config: bool,
    /// Take files.
    pub file_xfer: bool,
}

/// What the session tells of. The words are for people.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AgentEvent {
    /// The agent came, went, or can do something else than before.
    Features(AgentFeatures),
    /// The guest copied something in these kinds; nothing any more if there are none.
    ClipboardGrab(Vec<ClipboardType>),
    /// The guest pastes what the host offered: [`SpiceAgent::send_clipboard`] answers.
    ClipboardRequest(ClipboardType),
    /// The answer to [`SpiceAgent::request_clipboard`]; `None` if there is none to be had.
    ClipboardData(ClipboardType, Option<Vec<u8>>),
    /// Something became of a file.
    FileXfer(u32, FileXferEvent),
    /// The guest's desktop took the last layout, or did not.
    MonitorsConfigReply {
        /// It did.
        success: bool,
    },
}

/// What became of a file on its way into the guest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FileXferEvent {
    /// The guest takes it.
    Accepted,
    /// So many of its bytes have left for the guest.
    Sent(u64),
    /// It is there.
    Done,
    /// It is not, and nothing more of it is sent; one plain sentence.
    Failed(String),
}
