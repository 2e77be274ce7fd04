//! Tickets: short-lived, single-use permissions to open one thing once.
//!
//! A browser cannot add headers to a WebSocket, so what opens one travels in its address; a ticket
//! is worthless a moment later, unlike anything else that could stand there.

use crate::secret::{Token, TokenHash};
use crate::session::SessionId;
use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// How long a ticket is good for.
pub const LIFETIME: Duration = Duration::from_secs(30);
/// Tickets outstanding at once; beyond it the oldest is forgotten.
const CAPACITY: usize = 4096;

/// What a ticket is bound to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bound {
    /// The person's identifier.
    pub person: String,
    /// The session it was asked for in.
    pub session: SessionId,
    /// What it opens.
    pub target: String,
}

/// Outstanding tickets, each good for one `M` (what may be done).
pub struct Tickets<M> {
    issued: Mutex<HashMap<TokenHash, Grant<M>>>,
}

struct Grant<M> {
    bound: Bound,
    mode: M,
    until: Instant,
}

impl<M> Default for Tickets<M> {
    fn default() -> Self {
        Self { issued: Mutex::new(HashMap::new()) }
    }
}

impl<M> Tickets<M> {
    /// Issues one.
    ///
    /// # Errors
    /// No random bytes.
    pub fn issue(&self, bound: Bound, mode: M, now: Instant) -> Result<Token, getrandom::Error> {
        let token = Token::random()?;
        let mut issued = self.issued.lock().unwrap_or_else(PoisonError::into_inner);
        issued.retain(|_, grant| grant.until > now);
        if issued.len() >= CAPACITY {
            let oldest = issued.iter().min_by_key(|(_, grant)| grant.until).map(|(hash, _)| *hash);
            oldest.and_then(|hash| issued.remove(&hash));
        }
        issued.insert(token.hash(), Grant { bound, mode, until: now + LIFETIME });
        Ok(token)
    }

    /// Takes a ticket in. Whatever comes of it, the ticket is used up: one that was presented for
    /// something else has been stolen or mixed up.
    pub fn redeem(&self, presented: &str, bound: &Bound, now: Instant) -> Option<M> {
        let token = Token::parse(presented)?;
        let mut issued = self.issued.lock().unwrap_or_else(PoisonError::into_inner);
        let grant = issued.remove(&token.hash())?;
        (grant.until > now && grant.bound == *bound).then_some(grant.mode)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bound() -> Bound {
        Bound {
            person: "ada".into(),
            session: SessionId::of(&Token::random().unwrap()),
            target: "desktop".into(),
        }
    }

    #[test]
    fn a_ticket_opens_once() {
        let (tickets, bound, now) = (Tickets::default(), bound(), Instant::now());
        let token = tickets.issue(bound.clone(), "watch", now).unwrap();
        assert_eq!(tickets.redeem(&token.reveal(), &bound, now), Some("watch"));
        assert_eq!(tickets.redeem(&token.reveal(), &bound, now), None);
    }

    #[test]
    fn a_ticket_expires() {
        let (tickets, bound, now) = (Tickets::default(), bound(), Instant::now());
        let token = tickets.issue(bound.clone(), (), now).unwrap();
        assert_eq!(tickets.redeem(&token.reveal(), &bound, now + LIFETIME), None);
    }

    #[test]
    fn a_ticket_opens_for_nobody_and_nothing_else_and_is_gone_then() {
        let now = Instant::now();
        let right = bound();
        let wrong = [
            Bound { person: "eve".into(), ..right.clone() },
            Bound { session: SessionId::of(&Token::random().unwrap()), ..right.clone() },
            Bound { target: "other".into(), ..right.clone() },
        ];
        for other in wrong {
            let tickets = Tickets::default();
            let token = tickets.issue(right.clone(), (), now).unwrap();
            assert_eq!(tickets.redeem(&token.reveal(), &other, now), None);
            assert_eq!(tickets.redeem(&token.reveal(), &right, now), None);
        }
    }

    #[test]
    fn outstanding_tickets_are_bounded_and_the_newest_stays() {
        let (tickets, bound, now) = (Tickets::default(), bound(), Instant::now());
        let mut last = None;
        for turn in 0..CAPACITY + 10 {
            last = Some(tickets.issue(bound.clone(), (), now + Duration::from_micros(turn as u64)).unwrap());
        }
        assert!(tickets.issued.lock().unwrap().len() <= CAPACITY);
        assert_eq!(tickets.redeem(&last.unwrap().reveal(), &bound, now), Some(()));
    }
}
