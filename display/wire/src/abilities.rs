//! Capabilities of a guest, the body of the message Agents. Agents and devices report them; nothing here detects them.

use serde::{Deserialize, Serialize};

/// Capabilities of the guest's agents and devices for one viewer: body of the message Agents.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Abilities {
    /// Clipboard contents can be exchanged with the guest.
    pub clipboard: bool,
    /// The guest applies requests for another layout of the monitors.
    pub resize: bool,
    /// The guest takes uploads.
    pub files: bool,
    /// The guest has a sound card, and the server sends the playback on request.
    pub sound: bool,
    /// The guest has a sound card that records from the viewer's microphone; `false` for a viewer who watches.
    pub microphone: bool,
}
