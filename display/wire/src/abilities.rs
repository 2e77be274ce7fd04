//! What a guest can do for its viewer.

use serde::{Deserialize, Serialize};

/// Capabilities of the guest's agents and devices, as the message Agents announces them to one viewer.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Abilities {
    /// Clipboard contents can be exchanged with the guest.
    pub clipboard: bool,
    /// The guest follows requests for another layout of its monitors.
    pub resize: bool,
    /// The guest takes uploads.
    pub files: bool,
    /// The guest has a sound card whose playback can be heard.
    pub sound: bool,
    /// The guest has a sound card that records.
    pub microphone: bool,
}
