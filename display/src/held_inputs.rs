//! Keys and buttons that viewers hold down: of each viewer, and of all viewers of a desktop together.
//!
//! The guest has one keyboard and one pointer. A viewer's release reaches the guest when no other viewer holds
//! the same key or button.

use oriel_wire::{Button, InputEvent};
use parking_lot::Mutex;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// Key or button that can be held down.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Input {
    /// Key, by its Linux key code.
    Key(u16),
    /// Button of the pointer.
    Button(Button),
}

impl Input {
    /// Returns the event of a press or release.
    fn event(self, down: bool) -> InputEvent {
        match self {
            Self::Key(code) => InputEvent::Key { code, down },
            Self::Button(button) => InputEvent::Button { button, down },
        }
    }
}

/// Number of viewers of a desktop that hold each key and button down. Its lock is held while an event is passed to
/// the machine, so that a press and a release of two viewers arrive in the order in which they are counted.
#[derive(Debug, Default)]
pub struct SharedInputs(Mutex<BTreeMap<Input, usize>>);

/// Keys and buttons that a viewer holds down; dropping it forgets them.
pub struct HeldInputs {
    held: BTreeSet<Input>,
    shared: Arc<SharedInputs>,
}

impl HeldInputs {
    /// Creates the record of a viewer that holds nothing.
    pub fn new(shared: Arc<SharedInputs>) -> Self {
        Self { held: BTreeSet::new(), shared }
    }

    /// Records a press or release of the viewer, and calls `pass` unless it is a release of what another viewer
    /// holds. Other events are passed as they are.
    pub fn pass(&mut self, event: InputEvent, pass: impl FnOnce()) {
        let (input, down) = match event {
            InputEvent::Key { code, down } => (Input::Key(code), down),
            InputEvent::Button { button, down } => (Input::Button(button), down),
            InputEvent::PointerTo { .. } | InputEvent::PointerBy { .. } | InputEvent::Wheel { .. } => {
                return pass();
            }
        };
        let mut shared = self.shared.0.lock();
        if down {
            if self.held.insert(input) {
                *shared.entry(input).or_default() += 1;
            }
            return pass();
        }
        if self.held.remove(&input) {
            forget(&mut shared, input);
        }
        if !shared.contains_key(&input) {
            pass();
        }
    }

    /// Releases everything that the viewer holds, and calls `pass` with the release of what no other viewer holds.
    pub fn release_all(&mut self, mut pass: impl FnMut(InputEvent)) {
        let mut shared = self.shared.0.lock();
        for input in std::mem::take(&mut self.held) {
            forget(&mut shared, input);
            if !shared.contains_key(&input) {
                pass(input.event(false));
            }
        }
    }
}

impl Drop for HeldInputs {
    fn drop(&mut self) {
        self.release_all(|_| ());
    }
}

/// Counts one viewer less that holds an input.
fn forget(shared: &mut BTreeMap<Input, usize>, input: Input) {
    if let Some(count) = shared.get_mut(&input) {
        *count -= 1;
        if *count == 0 {
            shared.remove(&input);
        }
    }
}
