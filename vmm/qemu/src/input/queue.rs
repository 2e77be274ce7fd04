//! Bounded queue of input events between viewers, which must not block, and QEMU, which may be slow.

use crate::counters::{Counters, count};
use oriel_display::InputSink;
use oriel_display::input::InputId;
use oriel_wire::InputEvent;
use parking_lot::{Condvar, Mutex};
use std::collections::VecDeque;
use std::sync::Arc;

/// Maximum number of queued events before motions and presses are dropped; a user causes a few dozen a
/// second.
const CAPACITY: usize = 256;
/// Number of Linux key codes whose state is tracked.
const KEYS: usize = 768;

/// Queue of input events for the guest, oldest first. Consecutive motions are coalesced. A full queue drops
/// motions first, then presses; a pressed key or button is always released.
pub(crate) struct InputQueue {
    state: Mutex<QueueState>,
    changed: Condvar,
    counters: Arc<Counters>,
}

/// Queued events and the state of keys and buttons.
struct QueueState {
    events: VecDeque<(InputEvent, InputId)>,
    /// Keys with a queued or executed press and no release after it; only these are released, which bounds
    /// the number of queued releases.
    held_keys: Box<[bool; KEYS]>,
    held_buttons: [bool; 5],
    ended: bool,
}

impl InputQueue {
    /// Creates an empty queue.
    pub fn new(counters: Arc<Counters>) -> Arc<Self> {
        let state = QueueState {
            events: VecDeque::new(),
            held_keys: Box::new([false; KEYS]),
            held_buttons: [false; 5],
            ended: false,
        };
        Arc::new(Self { state: Mutex::new(state), changed: Condvar::new(), counters })
    }

    /// Waits for the oldest event and removes it; `None` once the queue has ended.
    pub fn next(&self) -> Option<(InputEvent, InputId)> {
        let mut state = self.state.lock();
        loop {
            if state.ended {
                return None;
            }
            if let Some(action) = state.events.pop_front() {
                return Some(action);
            }
            self.changed.wait(&mut state);
        }
    }

    /// Ends the queue for ever, and wakes the thread in [`Self::next`].
    pub fn end(&self) {
        self.state.lock().ended = true;
        self.changed.notify_all();
    }
}

impl InputSink for InputQueue {
    fn input(&self, event: InputEvent, id: InputId) {
        let mut state = self.state.lock();
        if state.ended || !state.push(event, id) {
            count(&self.counters.inputs_dropped);
        }
        drop(state);
        self.changed.notify_one();
    }
}

impl QueueState {
    /// Queues `event`. Returns false when the event, or a motion in its place, was dropped.
    fn push(&mut self, event: InputEvent, id: InputId) -> bool {
        if let Some((last, last_id)) = self.events.back_mut()
            && let Some(both) = merge(*last, event)
        {
            (*last, *last_id) = (both, id);
            return true;
        }
        match (pressed(event), self.held(event)) {
            // The code is out of the range of keyboards.
            (Some(_), None) => return false,
            // A release of a key that is not held has no effect, and must not fill the queue.
            (Some(false), Some(false)) => return true,
            _ => {}
        }
        let mut dropped = false;
        if self.events.len() >= CAPACITY {
            let movement = self.events.iter().position(|(queued, _)| pressed(*queued).is_none());
            match (movement, pressed(event)) {
                (Some(index), _) => dropped = self.events.remove(index).is_some(),
                (None, Some(false)) => {}
                (None, _) => return false,
            }
        }
        if let Some(down) = pressed(event) {
            self.set_held(event, down);
        }
        self.events.push_back((event, id));
        !dropped
    }

    /// Whether the key or button of `event` is held; `None` for motions and key codes out of range.
    fn held(&self, event: InputEvent) -> Option<bool> {
        match event {
            InputEvent::Key { code, .. } => self.held_keys.get(usize::from(code)).copied(),
            InputEvent::Button { button, .. } => self.held_buttons.get(button as usize).copied(),
            _ => None,
        }
    }

    /// Records whether the key or button of `event` is held.
    fn set_held(&mut self, event: InputEvent, down: bool) {
        let place = match event {
            InputEvent::Key { code, .. } => self.held_keys.get_mut(usize::from(code)),
            InputEvent::Button { button, .. } => self.held_buttons.get_mut(button as usize),
            _ => None,
        };
        if let Some(place) = place {
            *place = down;
        }
    }
}

/// Whether `event` is a press (`true`) or a release (`false`); `None` for motions.
fn pressed(event: InputEvent) -> Option<bool> {
    match event {
        InputEvent::Key { down, .. } | InputEvent::Button { down, .. } => Some(down),
        InputEvent::PointerTo { .. } | InputEvent::PointerBy { .. } | InputEvent::Wheel { .. } => None,
    }
}

/// Combines two consecutive motions into one with the same effect; `None` if that is impossible.
fn merge(first: InputEvent, second: InputEvent) -> Option<InputEvent> {
    use InputEvent::{PointerBy, PointerTo, Wheel};
    Some(match (first, second) {
        (PointerTo { .. }, PointerTo { .. }) => second,
        (PointerBy { dx: x1, dy: y1 }, PointerBy { dx: x2, dy: y2 }) => {
            PointerBy { dx: x1.saturating_add(x2), dy: y1.saturating_add(y2) }
        }
        (Wheel { dx: x1, dy: y1 }, Wheel { dx: x2, dy: y2 }) => {
            Wheel { dx: x1.saturating_add(x2), dy: y1.saturating_add(y2) }
        }
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use oriel_wire::Button;
    use std::sync::atomic::Ordering::Relaxed;

    struct Bench {
        queue: Arc<InputQueue>,
        counters: Arc<Counters>,
        seq: u32,
    }

    impl Bench {
        fn new() -> Self {
            let counters = Arc::new(Counters::default());
            Self { queue: InputQueue::new(Arc::clone(&counters)), counters, seq: 0 }
        }

        fn put(&mut self, event: InputEvent) {
            self.seq += 1;
            self.queue.input(event, InputId { viewer: 1, seq: self.seq });
        }

        fn take_all(&self) -> Vec<(InputEvent, u32)> {
            self.queue.state.lock().events.drain(..).map(|(event, id)| (event, id.seq)).collect()
        }
    }

    fn key(code: u16, down: bool) -> InputEvent {
        InputEvent::Key { code, down }
    }

    const CLICK: InputEvent = InputEvent::Button { button: Button::Left, down: true };

    #[test]
    fn consecutive_movements_merge_and_keep_the_newest_id() {
        let mut bench = Bench::new();
        bench.put(InputEvent::PointerTo { x: 1, y: 1 });
        bench.put(InputEvent::PointerTo { x: 2, y: 3 });
        bench.put(CLICK);
        bench.put(InputEvent::PointerBy { dx: i16::MAX, dy: -1 });
        bench.put(InputEvent::PointerBy { dx: 5, dy: -1 });
        bench.put(InputEvent::Wheel { dx: 0, dy: 60 });
        bench.put(InputEvent::Wheel { dx: 0, dy: 60 });
        assert_eq!(
            bench.take_all(),
            [
                (InputEvent::PointerTo { x: 2, y: 3 }, 2),
                (CLICK, 3),
                (InputEvent::PointerBy { dx: i16::MAX, dy: -2 }, 5),
                (InputEvent::Wheel { dx: 0, dy: 120 }, 7),
            ]
        );
    }

    #[test]
    fn a_full_queue_loses_movements_first_then_presses_and_never_a_release() {
        let mut bench = Bench::new();
        bench.put(key(30, true));
        bench.put(InputEvent::PointerTo { x: 9, y: 9 });
        for code in 100..100 + CAPACITY as u16 - 2 {
            bench.put(key(code, true));
        }
        assert_eq!(bench.counters.inputs_dropped.load(Relaxed), 0);
        bench.put(key(500, true)); // takes the movement's place
        bench.put(key(501, true)); // finds no place
        bench.put(key(30, false));
        bench.put(key(501, false)); // was never pressed
        assert_eq!(bench.counters.inputs_dropped.load(Relaxed), 2);
        let events = bench.take_all();
        assert_eq!(events.len(), CAPACITY + 1);
        assert!(events.iter().all(|(event, _)| pressed(*event).is_some()));
        assert_eq!(events.last().unwrap().0, key(30, false));
    }

    #[test]
    fn releases_of_what_is_not_held_cannot_fill_the_queue() {
        let mut bench = Bench::new();
        for _ in 0..10_000 {
            bench.put(key(30, false));
            bench.put(key(u16::MAX, false));
        }
        assert!(bench.take_all().is_empty());
    }

    #[test]
    fn ending_wakes_the_consumer() {
        let bench = Bench::new();
        let queue = Arc::clone(&bench.queue);
        let waiter = std::thread::spawn(move || queue.next());
        bench.queue.end();
        assert_eq!(waiter.join().unwrap(), None);
    }
}
