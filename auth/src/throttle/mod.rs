//! Throttling of logins by name, by address and by browser.
//!
//! An attempt takes a place in each of its budgets when it begins, and gives them back when the password is
//! right. A failure keeps its places until it is forgotten, and failures are forgotten one at a time. Without
//! a free place an attempt waits in a bounded queue, which is fair by name and by address.

mod budget;
mod queue;

use crate::device::DeviceId;
use crate::network::Network;
use parking_lot::Mutex;
use queue::{AdmissionQueue, AttemptNumber, Keys, Refusal, Verdict};
use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::oneshot;

/// Maximum length of a name in bytes that is looked up or kept. Names of users are shorter.
const LONGEST_NAME: usize = 128;

/// Reason for which an attempt was not admitted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Throttled {
    /// Too many attempts failed; the duration is the wait until the next attempt.
    Wait(Duration),
    /// Too many users log in at the same time.
    Busy,
}

/// Throttle of logins, with bounded memory.
#[derive(Clone, Default)]
pub struct Throttle {
    shared: Arc<Shared>,
}

/// Source of an attempt.
#[derive(Debug, Clone, Copy)]
pub enum Source {
    /// Address of a client that is not known.
    Address(IpAddr),
    /// Browser in which the user has logged in before.
    Device(DeviceId),
}

/// Admitted attempt.
pub struct Admission {
    /// Places of the attempt in its budgets.
    pub places: Places,
    /// Turn of the attempt at the hasher; the next attempt is admitted when it is dropped.
    pub turn: Turn,
}

/// Places of an attempt in its budgets. If dropped after [`Places::begin`], the attempt counts as failed.
#[must_use]
pub struct Places {
    shared: Arc<Shared>,
    keys: Keys,
    failed: bool,
}

/// Turn of an attempt at the hasher.
#[must_use]
pub struct Turn {
    shared: Arc<Shared>,
}

impl Throttle {
    /// Waits until an attempt for a name may proceed.
    ///
    /// # Errors
    /// [`Throttled`]: the attempt was refused, at once or after a wait of a few seconds.
    pub async fn admit(&self, name: &str, source: Source) -> Result<Admission, Throttled> {
        let name = bounded_name(name).into();
        let keys = match source {
            Source::Address(address) => {
                Keys::Unknown { name, subscriber: Network::subscriber(address), site: Network::site(address) }
            }
            Source::Device(device) => Keys::Known { name, device },
        };
        let (sender, mut verdict) = oneshot::channel();
        let waiting = {
            let mut state = self.shared.state.lock();
            let number = state.queue.arrive(keys, Instant::now());
            state.verdicts.insert(number, sender);
            Waiting { shared: &self.shared, number }
        };
        loop {
            self.shared.advance(|_, _| {});
            let wake = self.shared.state.lock().queue.wake_at(waiting.number, Instant::now());
            let pause = async {
                match wake {
                    Some(at) => tokio::time::sleep_until(at.into()).await,
                    // The verdict is there.
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                verdict = &mut verdict => return verdict.unwrap_or(Err(Throttled::Busy)),
                () = pause => {}
            }
        }
    }
}

/// Returns the part of a name that is looked up and kept: at most [`LONGEST_NAME`] bytes. No user has a longer
/// name, so a cut name is unknown.
pub fn bounded_name(name: &str) -> &str {
    name.get(..name.floor_char_boundary(LONGEST_NAME)).unwrap_or_default()
}

/// State of a throttle.
#[derive(Default)]
struct Shared {
    state: Mutex<State>,
}

/// Queue, and the senders of the verdicts about waiting attempts.
#[derive(Default)]
struct State {
    queue: AdmissionQueue,
    verdicts: HashMap<AttemptNumber, oneshot::Sender<Result<Admission, Throttled>>>,
}

impl Shared {
    /// Changes the queue, and tells the attempts about which it then decides.
    fn advance(self: &Arc<Self>, change: impl FnOnce(&mut AdmissionQueue, Instant)) {
        let now = Instant::now();
        let decided: Vec<_> = {
            let mut state = self.state.lock();
            change(&mut state.queue, now);
            let verdicts = state.queue.advance(now);
            verdicts.into_iter().map(|(number, verdict)| (state.verdicts.remove(&number), verdict)).collect()
        };
        // Without the lock: an admission that nobody receives is dropped here, and takes the lock.
        for (sender, verdict) in decided {
            let verdict = match verdict {
                Verdict::Admitted(keys) => Ok(Admission {
                    places: Places { shared: Arc::clone(self), keys, failed: false },
                    turn: Turn { shared: Arc::clone(self) },
                }),
                Verdict::Refused(Refusal::Wait(wait)) => Err(Throttled::Wait(wait)),
                Verdict::Refused(Refusal::Busy) => Err(Throttled::Busy),
            };
            if let Some(sender) = sender {
                let _ = sender.send(verdict);
            }
        }
    }
}

impl Places {
    /// Marks the attempt as begun: from here on it counts as failed until [`Places::give_back`].
    pub fn begin(&mut self) {
        self.failed = true;
    }

    /// Gives the places back, because the password is right.
    pub fn give_back(mut self) {
        self.failed = false;
    }
}

impl Drop for Places {
    fn drop(&mut self) {
        self.shared.advance(|queue, now| queue.end_attempt(&self.keys, self.failed, now));
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        self.shared.advance(|queue, _| queue.end_turn());
    }
}

/// Attempt that waits in the queue, and leaves it when dropped.
struct Waiting<'a> {
    shared: &'a Shared,
    number: AttemptNumber,
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        let mut state = self.shared.state.lock();
        state.queue.leave(self.number);
        let sender = state.verdicts.remove(&self.number);
        drop(state);
        drop(sender);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn here() -> Source {
        Source::Address(IpAddr::from([192, 0, 2, 1]))
    }

    #[tokio::test]
    async fn an_attempt_that_gives_up_leaves_the_queue_and_its_turn() {
        let throttle = Throttle::default();
        let running = [throttle.admit("ada", here()).await.ok(), throttle.admit("ada", here()).await.ok()];
        {
            let waiting = throttle.admit("ada", here());
            let waited = tokio::time::timeout(Duration::from_millis(1), waiting).await;
            assert!(waited.is_err());
        }
        assert!(throttle.shared.state.lock().verdicts.is_empty());
        drop(running);
        assert!(throttle.admit("ada", here()).await.is_ok());
    }

    #[tokio::test]
    async fn an_attempt_that_began_counts_until_it_is_right() {
        let throttle = Throttle::default();
        for _ in 0..20 {
            let _not_begun = throttle.admit("ada", here()).await.ok().unwrap();
        }
        for _ in 0..20 {
            let mut right = throttle.admit("ada", here()).await.ok().unwrap();
            right.places.begin();
            right.places.give_back();
        }
        let mut tried = 0;
        while let Ok(mut abandoned) = throttle.admit("ada", here()).await {
            abandoned.places.begin();
            tried += 1;
        }
        assert!((1..10).contains(&tried), "{tried}");
    }

    #[tokio::test]
    async fn endless_names_are_kept_short() {
        let throttle = Throttle::default();
        let long = "é".repeat(8192);
        assert_eq!(bounded_name(&long).len(), LONGEST_NAME);
        assert_eq!(bounded_name("ada"), "ada");
        let admission = throttle.admit(&long, here()).await.ok().unwrap();
        let Keys::Unknown { name, .. } = &admission.places.keys else { panic!() };
        assert!(name.len() <= LONGEST_NAME);
    }
}
