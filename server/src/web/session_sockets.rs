//! Count of a session's open sockets of events.

use oriel_auth::SessionId;
use parking_lot::Mutex;
use std::collections::HashMap;
use std::sync::Arc;

/// Maximum number of a session's sockets: each open page has one.
const PER_SESSION: usize = 32;

/// Count of open sockets by session.
#[derive(Clone, Default)]
pub struct SessionSockets {
    open: Arc<Mutex<HashMap<SessionId, usize>>>,
}

/// Open socket in the count, which it leaves when dropped.
pub(super) struct SocketPlace {
    sockets: SessionSockets,
    session: SessionId,
}

impl SessionSockets {
    /// Counts a socket of a session; `None` if the session has the maximum.
    pub(super) fn open(&self, session: SessionId) -> Option<SocketPlace> {
        let mut open = self.open.lock();
        let count = open.entry(session).or_default();
        if *count >= PER_SESSION {
            return None;
        }
        *count += 1;
        Some(SocketPlace { sockets: self.clone(), session })
    }
}

impl Drop for SocketPlace {
    fn drop(&mut self) {
        let mut open = self.sockets.open.lock();
        if let Some(count) = open.get_mut(&self.session) {
            *count -= 1;
            if *count == 0 {
                open.remove(&self.session);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use oriel_auth::Token;

    #[test]
    fn each_session_has_its_places_and_gets_them_back() {
        let sockets = SessionSockets::default();
        let [ada, eve] = [(); 2].map(|()| SessionId::of(&Token::random().unwrap()));
        let mut places: Vec<_> = (0..PER_SESSION).map(|_| sockets.open(ada).unwrap()).collect();
        assert!(sockets.open(ada).is_none());
        assert!(sockets.open(eve).is_some());
        places.pop();
        assert!(sockets.open(ada).is_some());
        drop(places);
        assert!(sockets.open.lock().is_empty());
    }
}
