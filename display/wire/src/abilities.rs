//! What a guest can do for its viewer.

use serde::{Deserialize, Serialize};

/// What the guest can do now.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Abilities {
    /// Copy and paste.
    pub clipboard: bool,
    /// Follow a change of the screens' layout.
    pub resize: bool,
    /// Take files.
    pub files: bool,
    /// Play.
    pub sound: bool,
    /// Record.
    pub microphone: bool,
}
