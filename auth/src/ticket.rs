//! Tickets: short-lived permissions that each open one stream once.
//!
//! A browser cannot add headers to a WebSocket, so the credential is in the URL, where logs and proxies may
//! record it. A ticket is worthless after its use or its lifetime.

use crate::secret::{Token, TokenHash};
use crate::session::SessionId;
use parking_lot::Mutex;
use std::collections::HashMap;
use std::time::{Duration, Instant};

/// Time after the issue within which a ticket must be redeemed.
pub const LIFETIME: Duration = Duration::from_secs(30);
/// Maximum number of outstanding tickets; beyond it the oldest is forgotten.
const CAPACITY: usize = 4096;

/// Scope of a ticket: the user, the session and the target for which it can be redeemed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TicketScope {
    /// Identifier of the user.
    pub user: String,
    /// Session in which the ticket was issued.
    pub session: SessionId,
    /// Identifier of the desktop that the ticket opens.
    pub target: String,
}

/// Outstanding tickets of a server, in memory only; `M` is the mode that a ticket permits.
pub struct Tickets<M> {
    issued: Mutex<HashMap<TokenHash, Grant<M>>>,
}

/// Ticket that is outstanding.
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
    /// Issues a ticket that can be redeemed once within [`LIFETIME`] after `now`.
    ///
    /// # Errors
    /// The kernel gave no random bytes.
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

    /// Redeems a ticket and returns its mode; `None` if the ticket is unknown, used, expired or of another
    /// scope. The ticket is used up in each case, because one presented for another scope may be stolen.
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
