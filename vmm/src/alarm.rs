//! What a running guest brings upon its machine.

use std::sync::Mutex;

/// Something that the machine's driver has to act on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Incident {
    /// The guest switched itself off.
    PowerOff,
    /// The guest asked to be reset.
    Reset,
    /// The guest cannot go on; one plain sentence.
    Crash(String),
}

/// Tells the driver of the first incident; what follows on its heels is its consequence and is
/// dropped until the machine starts anew.
pub struct Alarm {
    incident: Mutex<Option<Incident>>,
    wake: Box<dyn Fn() + Send + Sync>,
}

impl Alarm {
    /// `wake` makes the driver look.
    pub fn new(wake: impl Fn() + Send + Sync + 'static) -> Self {
        Self { incident: Mutex::new(None), wake: Box::new(wake) }
    }

    /// Something happened.
    pub fn raise(&self, incident: Incident) {
        let mut slot = crate::lock(&self.incident);
        tracing::debug!(?incident, "the guest raised the alarm");
        if slot.is_none() {
            *slot = Some(incident);
            drop(slot);
            (self.wake)();
        }
    }

    /// What happened since [`Self::clear`].
    pub fn incident(&self) -> Option<Incident> {
        crate::lock(&self.incident).clone()
    }

    /// No processor runs any more: forget what the past one did.
    pub fn clear(&self) {
        *crate::lock(&self.incident) = None;
    }
}
