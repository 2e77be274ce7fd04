//! Bounded queue of login attempts, which admits few at a time and is fair by name and by address.
//!
//! The queue is a state machine without a clock: each function takes the time. An attempt waits for a place in
//! all its budgets and for its turn at the hasher. Known browsers have a queue and budgets of their own, so
//! strangers cannot keep them out.

use super::budget::{Availability, Budgets, Pace};
use crate::device::DeviceId;
use crate::network::Network;
use std::collections::HashMap;
use std::time::{Duration, Instant};

/// Maximum number of attempts that are admitted at the same time, each of which has a password hashed.
pub(super) const AT_ONCE: usize = 2;
/// Maximum number of attempts of strangers that wait.
const WAITING_UNKNOWN: usize = 512;
/// Maximum number of attempts of known browsers that wait.
const WAITING_KNOWN: usize = 128;
/// Maximum wait of an attempt.
pub(super) const LONGEST_WAIT: Duration = Duration::from_secs(10);

/// Budget of a name or of a known browser.
const PERSON: Pace = Pace { places: 6, forget_every: Duration::from_secs(60) };
/// Budget of a subscriber's network: an office behind one address makes typing mistakes.
const SUBSCRIBER: Pace = Pace { places: 100, forget_every: Duration::from_secs(30) };
/// Budget of a site's network.
const SITE: Pace = Pace { places: 400, forget_every: Duration::from_secs(8) };
/// Budget without a limit, which records the order of admission only.
const UNLIMITED: Pace = Pace { places: u32::MAX, forget_every: Duration::from_secs(1) };

/// Keys against which an attempt counts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Keys {
    /// Attempt of a stranger.
    Unknown {
        /// Name, bounded by the caller.
        name: Box<str>,
        /// Network of the subscriber.
        subscriber: Network,
        /// Network of the site.
        site: Network,
    },
    /// Attempt of a browser in which the user has logged in before.
    Known {
        /// Name of the user.
        name: Box<str>,
        /// Browser.
        device: DeviceId,
    },
}

/// Reason for which an attempt is not admitted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Refusal {
    /// Too many attempts failed; the duration is the wait until an attempt may be admitted.
    Wait(Duration),
    /// Too many attempts wait.
    Busy,
}

/// Decision about an attempt that has waited.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// The attempt has its places and its turn.
    Admitted(Keys),
    /// The attempt is refused.
    Refused(Refusal),
}

/// Number of an attempt in the queue.
pub(super) type AttemptNumber = u64;

/// Rank of a waiting attempt, the least first: numbers of the last admissions by its name and networks, and its
/// own number.
type Rank = ([u64; 3], AttemptNumber);

/// Attempt that waits.
struct Waiting {
    number: AttemptNumber,
    keys: Keys,
    deadline: Instant,
}

impl Waiting {
    /// Returns whether the attempt is one of a known browser.
    fn is_known(&self) -> bool {
        matches!(self.keys, Keys::Known { .. })
    }
}

/// Queue of attempts with their budgets.
pub(super) struct AdmissionQueue {
    names: Budgets<Box<str>>,
    subscribers: Budgets<Network>,
    sites: Budgets<Network>,
    devices: Budgets<DeviceId>,
    known_names: Budgets<Box<str>>,
    waiting: Vec<Waiting>,
    /// Number of turns in use.
    turns: usize,
    /// Number of the newest attempt.
    newest: AttemptNumber,
    /// Number of admitted attempts so far.
    admitted: u64,
    /// Whether the attempt that was admitted last is one of a known browser.
    last_was_known: bool,
}

impl Default for AdmissionQueue {
    fn default() -> Self {
        Self {
            names: Budgets::new(PERSON),
            subscribers: Budgets::new(SUBSCRIBER),
            sites: Budgets::new(SITE),
            devices: Budgets::new(PERSON),
            known_names: Budgets::new(UNLIMITED),
            waiting: Vec::new(),
            turns: 0,
            newest: 0,
            admitted: 0,
            last_was_known: false,
        }
    }
}

impl AdmissionQueue {
    /// Appends an attempt, and returns its number. [`AdmissionQueue::advance`] decides about it.
    pub fn arrive(&mut self, keys: Keys, now: Instant) -> AttemptNumber {
        self.newest += 1;
        self.waiting.push(Waiting { number: self.newest, keys, deadline: now + LONGEST_WAIT });
        self.newest
    }

    /// Removes an attempt that no longer waits for a verdict.
    pub fn leave(&mut self, number: AttemptNumber) {
        self.waiting.retain(|waiting| waiting.number != number);
    }

    /// Ends an admitted attempt. A failure keeps its places until it is forgotten.
    pub fn end_attempt(&mut self, keys: &Keys, failed: bool, now: Instant) {
        match keys {
            Keys::Unknown { name, subscriber, site } => {
                self.names.end(name, failed, now);
                self.subscribers.end(subscriber, failed, now);
                self.sites.end(site, failed, now);
            }
            Keys::Known { name, device } => {
                self.devices.end(device, failed, now);
                self.known_names.end(name, failed, now);
            }
        }
    }

    /// Ends the turn of an admitted attempt.
    pub fn end_turn(&mut self) {
        self.turns = self.turns.saturating_sub(1);
    }

    /// Returns the time at which [`AdmissionQueue::advance`] may decide about an attempt without any other
    /// event; `None` if the attempt does not wait.
    pub fn wake_at(&mut self, number: AttemptNumber, now: Instant) -> Option<Instant> {
        let waiting = self.waiting.iter().find(|waiting| waiting.number == number)?;
        let (keys, deadline) = (waiting.keys.clone(), waiting.deadline);
        Some(self.availability(&keys, now).1.map_or(deadline, |from| from.min(deadline)))
    }

    /// Decides about attempts: refuses those that cannot be admitted in time, and admits the next ones while
    /// there are turns.
    pub fn advance(&mut self, now: Instant) -> Vec<(AttemptNumber, Verdict)> {
        let mut verdicts = Vec::new();
        self.refuse_hopeless(now, &mut verdicts);
        for known in [false, true] {
            while let Some(at) = self.surplus(known) {
                verdicts.push((self.waiting.remove(at).number, Verdict::Refused(Refusal::Busy)));
            }
        }
        while self.turns < AT_ONCE
            && let Some(at) = self.next(now)
        {
            let waiting = self.waiting.remove(at);
            self.last_was_known = waiting.is_known();
            self.turns += 1;
            self.admitted += 1;
            self.take(&waiting.keys, now);
            verdicts.push((waiting.number, Verdict::Admitted(waiting.keys)));
        }
        verdicts
    }

    /// Refuses attempts whose deadline has passed or comes before failures are forgotten.
    fn refuse_hopeless(&mut self, now: Instant, verdicts: &mut Vec<(AttemptNumber, Verdict)>) {
        for waiting in std::mem::take(&mut self.waiting) {
            let refusal = match self.availability(&waiting.keys, now).1 {
                // Told earlier than the place is free, so that the next attempt waits in the queue for it.
                Some(from) if from > waiting.deadline => {
                    Some(Refusal::Wait(from.saturating_duration_since(now).saturating_sub(LONGEST_WAIT / 2)))
                }
                _ if now >= waiting.deadline => Some(Refusal::Busy),
                _ => None,
            };
            match refusal {
                Some(refusal) => verdicts.push((waiting.number, Verdict::Refused(refusal))),
                None => self.waiting.push(waiting),
            }
        }
    }

    /// Returns the position of an attempt to refuse because too many wait: the newest of the subscriber or
    /// user with the most waiting attempts.
    fn surplus(&self, known: bool) -> Option<usize> {
        let lane = || self.waiting.iter().enumerate().filter(move |(_, waiting)| waiting.is_known() == known);
        if lane().count() <= if known { WAITING_KNOWN } else { WAITING_UNKNOWN } {
            return None;
        }
        let mut by_source: HashMap<String, usize> = HashMap::new();
        let source = |waiting: &Waiting| match &waiting.keys {
            Keys::Unknown { subscriber, .. } => subscriber.to_string(),
            Keys::Known { name, .. } => name.to_string(),
        };
        for (_, waiting) in lane() {
            *by_source.entry(source(waiting)).or_default() += 1;
        }
        lane()
            .max_by_key(|(_, waiting)| (by_source.get(&source(waiting)).copied(), waiting.number))
            .map(|(at, _)| at)
    }

    /// Returns the position of the attempt to admit next. Known browsers and strangers take turns. Among each,
    /// the attempt goes first whose name and networks were admitted the longest time ago.
    fn next(&mut self, now: Instant) -> Option<usize> {
        let mut best: [Option<(Rank, usize)>; 2] = [None, None];
        let waiting = std::mem::take(&mut self.waiting);
        for (at, attempt) in waiting.iter().enumerate() {
            if self.availability(&attempt.keys, now).0 {
                let rank = (self.last_admitted(&attempt.keys), attempt.number);
                let known = attempt.is_known();
                let [strangers, known_ones] = &mut best;
                let of_lane = if known { known_ones } else { strangers };
                if of_lane.is_none_or(|(best, _)| rank < best) {
                    *of_lane = Some((rank, at));
                }
            }
        }
        self.waiting = waiting;
        let [strangers, known] = best.map(|found| found.map(|(_, at)| at));
        if self.last_was_known { strangers.or(known) } else { known.or(strangers) }
    }

    /// Returns the numbers of the last admitted attempts of the keys, the newest first.
    fn last_admitted(&self, keys: &Keys) -> [u64; 3] {
        let mut last = match keys {
            Keys::Unknown { name, subscriber, site } => [
                self.names.last_admitted(name),
                self.subscribers.last_admitted(subscriber),
                self.sites.last_admitted(site),
            ],
            Keys::Known { name, device } => {
                [self.known_names.last_admitted(name), self.devices.last_admitted(device), 0]
            }
        };
        last.sort_unstable_by(|one, other| other.cmp(one));
        last
    }

    /// Returns whether all budgets of an attempt have a free place, and the time before which one of them has
    /// none in any case.
    fn availability(&mut self, keys: &Keys, now: Instant) -> (bool, Option<Instant>) {
        let rooms = match keys {
            Keys::Unknown { name, subscriber, site } => [
                self.names.availability(name, now),
                self.subscribers.availability(subscriber, now),
                self.sites.availability(site, now),
            ],
            Keys::Known { device, .. } => {
                [self.devices.availability(device, now), Availability::Free, Availability::Free]
            }
        };
        let free = rooms.iter().all(|room| *room == Availability::Free);
        let from = rooms.iter().filter_map(|room| match room {
            Availability::From(from) => Some(*from),
            Availability::Free | Availability::InProgress => None,
        });
        (free, from.max())
    }

    /// Takes the places of an attempt.
    fn take(&mut self, keys: &Keys, now: Instant) {
        match keys {
            Keys::Unknown { name, subscriber, site } => {
                self.names.take(name, self.admitted, now);
                self.subscribers.take(subscriber, self.admitted, now);
                self.sites.take(site, self.admitted, now);
            }
            Keys::Known { name, device } => {
                self.devices.take(device, self.admitted, now);
                self.known_names.take(name, self.admitted, now);
            }
        }
    }
}

#[cfg(test)]
#[path = "queue_tests.rs"]
mod tests;
