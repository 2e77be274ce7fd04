//! Tickets: short-lived, single-use permissions to open one thing once.
//!
//! A browser cannot add headers to a WebSocket, so what opens one travels in its address; a ticket
//! is worthless a moment later, unlike anything else that could stand there.

use crate::secret::{Token, TokenHash};
use crate::session::SessionId;
use parking_lot::Mutex;
use std::collections::HashMap;
use std::time::{Duration, Instant};

/// Time within which a ticket has to be redeemed.
pub const LIFETIME: Duration = Duration::from_secs(30);
/// Tickets outstanding at once; beyond it the oldest is forgotten.
const CAPACITY: usize = 4096;

/// Scope of a ticket: who may redeem it, in which session, for which target.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TicketScope {
    /// Identifier of the user.
    pub user: String,
    /// Session in which the ticket was issued.
    pub session: SessionId,
    /// Identifier of the desktop that the ticket opens.
    pub target: String,
}

/// Outstanding tickets of one server; `M` is the mode that a ticket permits.
pub struct Tickets<M> {
    issued: Mutex<HashMap<TokenHash, Grant<M>>>,
}

struct Grant<M> {
    scope: TicketScope,
    mode: M,
    until: Instant,
}

impl<M> Default for Tickets<M> {
    fn default() -> Self {
        Self { issued: Mutex::new(HashMap::new()) }
    }
}

impl<M> Tickets<M> {
    /// Issues a ticket for one redemption within [`LIFETIME`].
    ///
    /// # Errors
    /// When the kernel gives no random bytes.
    pub fn issue(&self, scope: TicketScope, mode: M, now: Instant) -> Result<Token, getrandom::Error> {
        let token = Token::random()?;
        let mut issued = self.issued.lock();
        issued.retain(|_, grant| grant.until > now);
        if issued.len() >= CAPACITY {
            let oldest = issued.iter().min_by_key(|(_, grant)| grant.until).map(|(hash, _)| *hash);
            oldest.and_then(|hash| issued.remove(&hash));
        }
        issued.insert(token.hash(), Grant { scope, mode, until: now + LIFETIME });
        Ok(token)
    }

    /// Redeems a ticket and gives its mode. A ticket is used up whatever comes of it: one that was presented
    /// for another scope has been stolen or mixed up.
    pub fn redeem(&self, presented: &str, scope: &TicketScope, now: Instant) -> Option<M> {
        let token = Token::parse(presented)?;
        let mut issued = self.issued.lock();
        let grant = issued.remove(&token.hash())?;
        (grant.until > now && grant.scope == *scope).then_some(grant.mode)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scope() -> TicketScope {
        TicketScope {
            user: "ada".into(),
            session: SessionId::of(&Token::random().unwrap()),
            target: "desktop".into(),
        }
    }

    #[test]
    fn a_ticket_opens_once() {
        let (tickets, bound, now) = (Tickets::default(), scope(), Instant::now());
        let token = tickets.issue(bound.clone(), "watch", now).unwrap();
        assert_eq!(tickets.redeem(&token.reveal(), &bound, now), Some("watch"));
        assert_eq!(tickets.redeem(&token.reveal(), &bound, now), None);
    }

    #[test]
    fn a_ticket_expires() {
        let (tickets, bound, now) = (Tickets::default(), scope(), Instant::now());
        let token = tickets.issue(bound.clone(), (), now).unwrap();
        assert_eq!(tickets.redeem(&token.reveal(), &bound, now + LIFETIME), None);
    }

    #[test]
    fn a_ticket_opens_for_nobody_and_nothing_else_and_is_gone_then() {
        let now = Instant::now();
        let right = scope();
        let wrong = [
            TicketScope { user: "eve".into(), ..right.clone() },
            TicketScope { session: SessionId::of(&Token::random().unwrap()), ..right.clone() },
            TicketScope { target: "other".into(), ..right.clone() },
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
        let (tickets, bound, now) = (Tickets::default(), scope(), Instant::now());
        let mut last = None;
        for turn in 0..CAPACITY + 10 {
            last = Some(tickets.issue(bound.clone(), (), now + Duration::from_micros(turn as u64)).unwrap());
        }
        assert!(tickets.issued.lock().len() <= CAPACITY);
        assert_eq!(tickets.redeem(&last.unwrap().reveal(), &bound, now), Some(()));
    }
}
