//! Bounded queue of input actions for a guest that is slow to take its events.

use super::event::Action;
use super::key_set::KeySet;
use crate::counters::DeviceCounters;
use oriel_display::input::InputId;
use std::collections::VecDeque;
use std::sync::Arc;

/// Maximum number of queued actions.
pub const CAPACITY: usize = 256;

/// Queued action, with the viewer's input that caused it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Packet {
    /// Action to send to the guest.
    pub action: Action,
    /// Identifier of the causing input for latency measurement; `None` for a resynchronisation.
    pub id: Option<InputId>,
}

/// Bounded queue of a device's actions. Motions are coalesced, and evicted for keys and buttons, which stay
/// in order. If keys and buttons exceed the capacity, the guest gets the final state of each key instead of
/// its history, so that no key stays pressed.
pub struct ActionQueue {
    packets: VecDeque<Packet>,
    /// Whether a driver is active; without one, actions are dropped.
    open: bool,
    /// Keys and buttons that viewers hold.
    pressed: KeySet,
    /// Keys and buttons that are pressed according to the events sent to the guest.
    reported: KeySet,
    /// Whether `pressed` and `reported` may differ by more than `packets`.
    out_of_sync: bool,
    counters: Arc<DeviceCounters>,
}

impl ActionQueue {
    /// Creates a closed, empty queue.
    pub fn new(counters: Arc<DeviceCounters>) -> Self {
        Self {
            packets: VecDeque::new(),
            open: false,
            pressed: KeySet::default(),
            reported: KeySet::default(),
            out_of_sync: false,
            counters,
        }
    }

    /// Opens the queue for a new driver, for which every key is released.
    pub fn open(&mut self) {
        self.close();
        self.open = true;
        self.out_of_sync = true;
    }

    /// Closes and empties the queue at a reset.
    pub fn close(&mut self) {
        self.open = false;
        self.out_of_sync = false;
        self.packets.clear();
        self.reported = KeySet::default();
    }

    /// Queues an action of the viewer's input `id`, or drops and counts it.
    pub fn push(&mut self, action: Action, id: InputId) {
        if let Action::Key { code, down } = action {
            self.pressed.set(code, down);
        }
        if !self.open {
            self.counters.input_dropped.add_one();
            return;
        }
        if let Some(last) = self.packets.back_mut()
            && last.id.is_some_and(|last| last.viewer == id.viewer)
            && let Some(coalesced) = coalesce(last.action, action)
        {
            *last = Packet { action: coalesced, id: Some(id) };
            return;
        }
        if self.packets.len() >= CAPACITY && !self.evict_for(action) {
            return;
        }
        self.packets.push_back(Packet { action, id: Some(id) });
    }

    /// Takes the next action for the guest.
    pub fn pop(&mut self) -> Option<Packet> {
        let packet = self.packets.pop_front().or_else(|| self.next_resync())?;
        if let Action::Key { code, down } = packet.action {
            self.reported.set(code, down);
        }
        Some(packet)
    }

    /// Removes a motion to make room for `action`. Returns false if `action` must be dropped instead.
    fn evict_for(&mut self, action: Action) -> bool {
        self.counters.input_dropped.add_one();
        let is_key = |action: &Action| matches!(action, Action::Key { .. });
        if let Some(at) = self.packets.iter().position(|packet| !is_key(&packet.action)) {
            self.packets.remove(at);
            return true;
        }
        self.out_of_sync |= is_key(&action);
        false
    }

    /// Returns the action that corrects a key whose state in the guest is wrong.
    fn next_resync(&mut self) -> Option<Packet> {
        if !self.out_of_sync {
            return None;
        }
        let Some(code) = self.pressed.first_difference(&self.reported) else {
            self.out_of_sync = false;
            return None;
        };
        let is_pressed = self.pressed.contains(code);
        Some(Packet { action: Action::Key { code, down: is_pressed }, id: None })
    }
}

/// Combines two consecutive motions into one; `None` if they are of different kinds.
fn coalesce(first: Action, second: Action) -> Option<Action> {
    match (first, second) {
        (Action::Absolute { .. }, Action::Absolute { .. }) => Some(second),
        (Action::Relative { dx, dy }, Action::Relative { dx: more_x, dy: more_y }) => {
            Some(Action::Relative { dx: dx.saturating_add(more_x), dy: dy.saturating_add(more_y) })
        }
        (Action::Wheel { dx, dy }, Action::Wheel { dx: more_x, dy: more_y }) => {
            Some(Action::Wheel { dx: dx.saturating_add(more_x), dy: dy.saturating_add(more_y) })
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY_A: u16 = 30;
    const KEY_B: u16 = 48;

    fn open_queue() -> ActionQueue {
        let mut queue = ActionQueue::new(Arc::new(DeviceCounters::default()));
        queue.open();
        assert_eq!(queue.pop(), None);
        queue
    }

    fn id(seq: u32) -> InputId {
        InputId { viewer: 1, seq }
    }

    fn key(code: u16, down: bool) -> Action {
        Action::Key { code, down }
    }

    fn drain(queue: &mut ActionQueue) -> Vec<Action> {
        std::iter::from_fn(|| queue.pop()).map(|packet| packet.action).collect()
    }

    #[test]
    fn movements_join_but_not_across_a_key() {
        let mut queue = open_queue();
        queue.push(Action::Relative { dx: 1, dy: 2 }, id(1));
        queue.push(Action::Relative { dx: 10, dy: -5 }, id(2));
        queue.push(key(KEY_A, true), id(3));
        queue.push(Action::Absolute { x: 1, y: 1 }, id(4));
        queue.push(Action::Absolute { x: 2, y: 3 }, id(5));
        assert_eq!(
            queue.pop(),
            Some(Packet { action: Action::Relative { dx: 11, dy: -3 }, id: Some(id(2)) })
        );
        assert_eq!(drain(&mut queue), [key(KEY_A, true), Action::Absolute { x: 2, y: 3 }]);
    }

    #[test]
    fn movements_make_room_for_keys() {
        let mut queue = open_queue();
        for i in 0..CAPACITY as u32 {
            let action = if i % 2 == 0 { Action::Absolute { x: 1, y: 1 } } else { key(KEY_A, i % 4 == 1) };
            queue.push(action, id(i));
        }
        queue.push(key(KEY_B, true), id(999));
        let actions = drain(&mut queue);
        assert_eq!(actions.len(), CAPACITY);
        assert_eq!(actions.last(), Some(&key(KEY_B, true)));
        assert_eq!(actions.first(), Some(&key(KEY_A, true)), "the oldest movement went");
        assert_eq!(queue.counters.input_dropped.get(), 1);
    }

    #[test]
    fn no_key_stays_stuck_when_history_is_lost() {
        let mut queue = open_queue();
        // The guest stalls while one key is held and others are hammered.
        queue.push(key(KEY_B, true), id(1));
        for i in 0..CAPACITY as u32 {
            queue.push(key(KEY_A, i % 2 == 0), id(i));
        }
        queue.push(key(KEY_A, true), id(500));
        queue.push(key(KEY_B, false), id(501));
        let actions = drain(&mut queue);
        let last_of = |code| {
            actions.iter().rev().find_map(|action| match *action {
                Action::Key { code: c, down } if c == code => Some(down),
                _ => None,
            })
        };
        assert_eq!((last_of(KEY_A), last_of(KEY_B)), (Some(true), Some(false)));
        assert_eq!(queue.pop(), None);
    }

    #[test]
    fn nothing_is_kept_for_a_driver_to_come_but_held_keys() {
        let mut queue = open_queue();
        queue.close();
        queue.push(key(KEY_A, true), id(1));
        queue.push(key(KEY_B, true), id(2));
        queue.push(key(KEY_B, false), id(3));
        assert_eq!(queue.pop(), None);
        queue.open();
        assert_eq!(drain(&mut queue), [key(KEY_A, true)]);
    }
}
