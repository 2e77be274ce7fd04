//! Events by which a running guest ends or resets its own machine.

use parking_lot::Mutex;

/// Event on a virtual processor or in a device that the state driver has to act on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum GuestEvent {
    /// The guest switched itself off (ACPI S5).
    PowerOff,
    /// The guest asked to be reset.
    Reset,
    /// The guest cannot go on; the reason in one plain sentence.
    Crash(String),
}

/// First event of the guest since its machine started. Later ones are consequences of the first, and
/// are dropped until the machine starts anew.
pub struct GuestEvents {
    first: Mutex<Option<GuestEvent>>,
    wake: Box<dyn Fn() + Send + Sync>,
}

impl GuestEvents {
    /// Without an event; `wake` is called once an event is there, to wake the state driver.
    pub fn new(wake: impl Fn() + Send + Sync + 'static) -> Self {
        Self { first: Mutex::new(None), wake: Box::new(wake) }
    }

    /// Records `event` and wakes the state driver, unless another event came before.
    pub fn report(&self, event: GuestEvent) {
        let mut first = self.first.lock();
        tracing::debug!(?event, "the guest caused an event");
        if first.is_none() {
            *first = Some(event);
            drop(first);
            (self.wake)();
        }
    }

    /// First event since [`Self::clear`].
    pub fn first(&self) -> Option<GuestEvent> {
        self.first.lock().clone()
    }

    /// Forgets the event. To be called while no processor runs.
    pub fn clear(&self) {
        *self.first.lock() = None;
    }
}
