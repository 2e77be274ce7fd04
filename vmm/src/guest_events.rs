//! Events by which a running guest ends or resets its own machine.
//!
//! Processor threads and legacy devices report them, and the state driver handles the first one. Events for
//! control connections are in [`crate::events`].

use parking_lot::Mutex;

/// Event on a virtual processor or in a device that the state driver has to act on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum GuestEvent {
    /// Power-off by the guest (ACPI state S5).
    PowerOff,
    /// Request of the guest for a reset.
    Reset,
    /// Failure after which the guest cannot continue, in one plain sentence.
    Crash(String),
}

/// Holder of the guest's first event since power-on. Later events are consequences of the first, and are
/// dropped until [`Self::clear`].
pub struct GuestEvents {
    first: Mutex<Option<GuestEvent>>,
    wake: Box<dyn Fn() + Send + Sync>,
}

impl GuestEvents {
    /// Creates the holder without an event. `wake` is called after the first event, to notify the state
    /// driver.
    pub fn new(wake: impl Fn() + Send + Sync + 'static) -> Self {
        Self { first: Mutex::new(None), wake: Box::new(wake) }
    }

    /// Records `event` and wakes the state driver, unless an earlier event is held.
    pub fn report(&self, event: GuestEvent) {
        let mut first = self.first.lock();
        oriel_vmm_api::log_limited!(debug, ?event, "the guest reported an event");
        if first.is_none() {
            *first = Some(event);
            drop(first);
            (self.wake)();
        }
    }

    /// Returns the first event since the last [`Self::clear`].
    pub fn first(&self) -> Option<GuestEvent> {
        self.first.lock().clone()
    }

    /// Removes the held event, for a reset. No virtual processor may run.
    pub fn clear(&self) {
        *self.first.lock() = None;
    }
}
