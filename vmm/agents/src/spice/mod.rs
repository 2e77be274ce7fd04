//! spice-vdagent client: clipboard, monitor layout and files into the guest, by the protocol of
//! spice-protocol's `vd_agent.h`.
//!
//! - `chunks` is the framing of the stream, `wire` the layout of message bodies.
//! - `clipboard` and `files` are the state machines of these parts, `session` that of the whole protocol.
//! - [`SpiceAgent`] runs a session over a port.
//!
//! There is no queue of messages: a session keeps the state to send (newest layout, newest grab, next piece
//! of each file), and builds a message from it when the previous message is written.

mod agent;
mod chunks;
mod clipboard;
mod files;
mod session;
mod types;
mod wire;

pub use agent::{Counters, SpiceAgent};
#[cfg(feature = "test-driver")]
pub use session::VdAgentSession;
pub use types::{AgentEvent, AgentFeatures, ClipboardType, FileXferEvent, MAX_CLIPBOARD_BYTES, MonConfig};
