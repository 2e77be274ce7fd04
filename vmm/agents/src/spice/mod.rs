//! spice-vdagent: clipboard, layout of the monitors and files into the guest, by the protocol that
//! spice-protocol's `vd_agent.h` defines.
//!
//! - `chunks` finds messages in the stream of bytes, `wire` knows their bodies.
//! - `clipboard` and `files` are the state machines of those two, `session` is that of the whole.
//! - [`SpiceAgent`] runs a session over a port.
//!
//! Nothing waits in a queue of messages: a session keeps what is to be sent (the newest layout, the
//! newest grab, each file's next piece), and makes the next message of it when the last has left.

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
