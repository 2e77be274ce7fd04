//! What the guest can do for a person beside its screen.

use serde::{Deserialize, Serialize};

/// 0x0A. What is missing from its JSON is false.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Agents {
    /// It shares its clipboard.
    pub clipboard: bool,
    /// It takes another screen size.
    pub resize: bool,
    /// It takes files.
    pub files: bool,
    /// It has a sound card that plays,
    pub sound: bool,
    /// and one that records; never for those who watch.
    pub microphone: bool,
}
