//! What waits for a guest that is slow to take its input.

use super::event::Action;
use super::key_set::KeySet;
use crate::counters::Counters;
use oriel_display::input::InputId;
use std::collections::VecDeque;
use std::sync::Arc;

/// Actions that wait at most.
pub const CAPACITY: usize = 256;

/// One action and the input that it comes from, if it is one person's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Packet {
    pub action: Action,
    pub id: Option<InputId>,
}

/// A bounded queue. Movements join the one they follow and make room for keys and buttons, which
/// stay in order. Should even those be too many, the guest gets the final state of each instead
/// of its history, so that no key stays stuck.
pub struct Pending {
    packets: VecDeque<Packet>,
    /// A driver is there; without one, what people do is not kept for later.
    open: bool,
    /// As people hold them.
    held: KeySet,
    /// As the guest was told.
    told: KeySet,
    /// The two may differ beyond what is in `packets`.
    history_lost: bool,
    counters: Arc<Counters>,
}

impl Pending {
    pub fn new(counters: Arc<Counters>) -> Self {
        Self {
            packets: VecDeque::new(),
            open: false,
            held: KeySet::default(),
            told: KeySet::default(),
            history_lost: false,
            counters,
        }
    }

    /// A driver came: it takes every key to be up.
    pub fn open(&mut self) {
        self.close();
        self.open = true;
        self.history_lost = true;
    }

    /// The driver is gone, and what it did not take with it.
    pub fn close(&mut self) {
        self.open = false;
        self.history_lost = false;
        self.packets.clear();
        self.told = KeySet::default();
    }

    /// Keeps an action for the guest, or drops one and counts it.
    pub fn push(&mut self, action: Action, id: InputId) {
        if let Action::Switch { code, down } = action {
            self.held.set(code, down);
        }
        if !self.open {
            self.counters.input_dropped.add_one();
            return;
        }
        if let Some(last) = self.packets.back_mut()
            && last.id.is_some_and(|last| last.viewer == id.viewer)
            && let Some(joined) = join(last.action, action)
        {
            *last = Packet { action: joined, id: Some(id) };
            return;
        }
        if self.packets.len() >= CAPACITY && !self.make_room_for(action) {
            return;
        }
        self.packets.push_back(Packet { action, id: Some(id) });
    }

    /// The next action for the guest.
    pub fn pop(&mut self) -> Option<Packet> {
        let packet = self.packets.pop_front().or_else(|| self.catch_up())?;
        if let Action::Switch { code, down } = packet.action {
            self.told.set(code, down);
        }
        Some(packet)
    }

    fn make_room_for(&mut self, action: Action) -> bool {
        self.counters.input_dropped.add_one();
        let is_switch = |action: &Action| matches!(action, Action::Switch { .. });
        if let Some(at) = self.packets.iter().position(|packet| !is_switch(&packet.action)) {
            self.packets.remove(at);
            return true;
        }
        self.history_lost |= is_switch(&action);
        false
    }

    /// One key that the guest believes to be otherwise.
    fn catch_up(&mut self) -> Option<Packet> {
        if !self.history_lost {
            return None;
        }
        let Some(code) = self.held.first_difference(&self.told) else {
            self.history_lost = false;
            return None;
        };
        let down = self.held.contains(code);
        Some(Packet { action: Action::Switch { code, down }, id: None })
    }
}

/// Two movements as one.
fn join(first: Action, second: Action) -> Option<Action> {
    match (first, second) {
        (Action::MoveTo { .. }, Action::MoveTo { .. }) => Some(second),
        (Action::MoveBy { dx, dy }, Action::MoveBy { dx: more_x, dy: more_y }) => {
            Some(Action::MoveBy { dx: dx.saturating_add(more_x), dy: dy.saturating_add(more_y) })
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

    fn pending() -> Pending {
        let mut pending = Pending::new(Arc::new(Counters::default()));
        pending.open();
        assert_eq!(pending.pop(), None);
        pending
    }

    fn id(seq: u32) -> InputId {
        InputId { viewer: 1, seq }
    }

    fn key(code: u16, down: bool) -> Action {
        Action::Switch { code, down }
    }

    fn drain(pending: &mut Pending) -> Vec<Action> {
        std::iter::from_fn(|| pending.pop()).map(|packet| packet.action).collect()
    }

    #[test]
    fn movements_join_but_not_across_a_key() {
        let mut pending = pending();
        pending.push(Action::MoveBy { dx: 1, dy: 2 }, id(1));
        pending.push(Action::MoveBy { dx: 10, dy: -5 }, id(2));
        pending.push(key(KEY_A, true), id(3));
        pending.push(Action::MoveTo { x: 1, y: 1 }, id(4));
        pending.push(Action::MoveTo { x: 2, y: 3 }, id(5));
        assert_eq!(
            pending.pop(),
            Some(Packet { action: Action::MoveBy { dx: 11, dy: -3 }, id: Some(id(2)) })
        );
        assert_eq!(drain(&mut pending), [key(KEY_A, true), Action::MoveTo { x: 2, y: 3 }]);
    }

    #[test]
    fn movements_make_room_for_keys() {
        let mut pending = pending();
        for i in 0..CAPACITY as u32 {
            let action = if i % 2 == 0 { Action::MoveTo { x: 1, y: 1 } } else { key(KEY_A, i % 4 == 1) };
            pending.push(action, id(i));
        }
        pending.push(key(KEY_B, true), id(999));
        let actions = drain(&mut pending);
        assert_eq!(actions.len(), CAPACITY);
        assert_eq!(actions.last(), Some(&key(KEY_B, true)));
        assert_eq!(actions.first(), Some(&key(KEY_A, true)), "the oldest movement went");
        assert_eq!(pending.counters.input_dropped.get(), 1);
    }

    #[test]
    fn no_key_stays_stuck_when_history_is_lost() {
        let mut pending = pending();
        // The guest stalls while one key is held and others are hammered.
        pending.push(key(KEY_B, true), id(1));
        for i in 0..CAPACITY as u32 {
            pending.push(key(KEY_A, i % 2 == 0), id(i));
        }
        pending.push(key(KEY_A, true), id(500));
        pending.push(key(KEY_B, false), id(501));
        let actions = drain(&mut pending);
        let last_of = |code| {
            actions.iter().rev().find_map(|action| match *action {
                Action::Switch { code: c, down } if c == code => Some(down),
                _ => None,
            })
        };
        assert_eq!((last_of(KEY_A), last_of(KEY_B)), (Some(true), Some(false)));
        assert_eq!(pending.pop(), None);
    }

    #[test]
    fn nothing_is_kept_for_a_driver_to_come_but_held_keys() {
        let mut pending = pending();
        pending.close();
        pending.push(key(KEY_A, true), id(1));
        pending.push(key(KEY_B, true), id(2));
        pending.push(key(KEY_B, false), id(3));
        assert_eq!(pending.pop(), None);
        pending.open();
        assert_eq!(drain(&mut pending), [key(KEY_A, true)]);
    }
}
