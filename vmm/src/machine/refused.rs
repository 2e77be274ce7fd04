//! Refusal of a request to a machine.

/// Reason for which a machine did not carry out a request; one plain sentence.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Refused(pub String);

impl Refused {
    /// Returns the refusal of a machine that has ended before it answered.
    pub fn gone() -> Self {
        Self("The machine has ended.".into())
    }
}
