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
pub use session::Session;

/// Contents of a clipboard are at most so long, in bytes.
pub const MAX_CONTENTS: usize = 64 << 20;

/// What a clipboard can hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// UTF-8; lines end with a line feed, whatever the guest's own custom is.
    Text,
    /// A PNG file.
    Png,
}

impl Kind {
    /// All there are.
    pub const ALL: [Self; 2] = [Self::Text, Self::Png];
}

/// Where a screen is to be, in pixels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Monitor {
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
pub struct Abilities {
    /// Copy and paste.
    pub clipboard: bool,
    /// [`SpiceAgent::set_monitors`].
    pub resize: bool,
    /// Take files.
    pub files: bool,
}

/// What the session tells of. The words are for people.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum News {
    /// The agent came, went, or can do something else than before.
    Abilities(Abilities),
    /// The guest copied something in these kinds; nothing any more if there are none.
    Offered(Vec<Kind>),
    /// The guest pastes what the host offered: [`SpiceAgent::provide`] answers.
    Wanted(Kind),
    /// The answer to [`SpiceAgent::request`]; `None` if there is none to be had.
    Contents(Kind, Option<Vec<u8>>),
    /// Something became of a file.
    File(u32, FileNews),
    /// The guest's desktop took the last layout, or did not.
    Monitors {
        /// It did.
        taken: bool,
    },
}

/// What became of a file on its way into the guest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FileNews {
    /// The guest takes it.
    Accepted,
    /// So many of its bytes have left for the guest.
    Written(u64),
    /// It is there.
    Done,
    /// It is not, and nothing more of it is sent; one plain sentence.
    Failed(String),
}
