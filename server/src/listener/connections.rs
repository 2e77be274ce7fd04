//! Table of open connections, with limits for those that have not yet carried a request of a logged-in user.
//!
//! Such a connection counts for its client's network, and a logged-in one for its session. Where a limit is
//! exceeded, the oldest connection without work is closed. Connections of trusted reverse proxies carry
//! requests of many clients and have no limit.

use futures_util::task::AtomicWaker;
use oriel_auth::{Network, SessionId};
use parking_lot::Mutex;
use std::collections::{BTreeMap, HashMap};
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::Waker;

/// Maximum number of connections of one subscriber's network before the login.
const PER_SUBSCRIBER: usize = 128;
/// Maximum number of connections of one session.
const PER_SESSION: usize = 64;
/// Maximum number of all connections before the login.
const BEFORE_LOGIN: usize = 1024;

/// Table of open connections.
#[derive(Clone)]
pub struct Connections {
    table: Arc<Mutex<Table>>,
    before_login: usize,
}

/// Entries of the table in the order in which the connections were opened.
#[derive(Default)]
struct Table {
    entries: BTreeMap<u64, Entry>,
    opened: u64,
}

/// Open connection in the table.
struct Entry {
    owner: Owner,
    control: Arc<Control>,
}

/// Owner for which a connection counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Owner {
    /// Client that has not logged in.
    Stranger { subscriber: Network, site: Network },
    /// Session of a logged-in user.
    Session(SessionId),
    /// Trusted reverse proxy.
    Proxy,
}

/// State of a connection that the table and the connection's stream share.
#[derive(Default)]
pub(super) struct Control {
    closed: AtomicBool,
    /// Whether a request is being answered or a WebSocket is open.
    at_work: AtomicBool,
    reader: AtomicWaker,
    writer: AtomicWaker,
}

impl Control {
    /// Orders the end of the connection.
    fn close(&self) {
        self.closed.store(true, Ordering::Release);
        self.reader.wake();
        self.writer.wake();
    }

    /// Returns whether the connection must end; else wakes the reader when it must.
    pub(super) fn is_closed_for_reader(&self, waker: &Waker) -> bool {
        self.reader.register(waker);
        self.closed.load(Ordering::Acquire)
    }

    /// Returns whether the connection must end; else wakes the writer when it must.
    pub(super) fn is_closed_for_writer(&self, waker: &Waker) -> bool {
        self.writer.register(waker);
        self.closed.load(Ordering::Acquire)
    }
}

/// Place of an open connection in the table, which it leaves when dropped.
pub struct ConnectionSlot {
    number: u64,
    control: Arc<Control>,
    table: Arc<Mutex<Table>>,
}

/// Work on a connection, which ends when dropped.
pub struct AtWork<'a>(&'a ConnectionSlot);

impl Connections {
    /// Makes an empty table for a process that may open `descriptors` files; a quarter of them is for
    /// connections before the login.
    pub fn new(descriptors: u64) -> Self {
        let quarter = usize::try_from(descriptors / 4).unwrap_or(BEFORE_LOGIN);
        Self { table: Arc::default(), before_login: quarter.clamp(1, BEFORE_LOGIN) }
    }

    /// Enters a new connection. Where that exceeds a limit, a connection is closed, possibly this one.
    pub fn open(&self, peer: IpAddr, is_proxy: bool) -> ConnectionSlot {
        let owner = if is_proxy {
            Owner::Proxy
        } else {
            Owner::Stranger { subscriber: Network::subscriber(peer), site: Network::site(peer) }
        };
        let control = Arc::new(Control::default());
        let mut table = self.table.lock();
        table.opened += 1;
        let number = table.opened;
        table.entries.insert(number, Entry { owner, control: Arc::clone(&control) });
        if let Some(victim) = table.surplus_stranger(owner, self.before_login) {
            table.close(victim);
        }
        drop(table);
        ConnectionSlot { number, control, table: Arc::clone(&self.table) }
    }
}

impl ConnectionSlot {
    /// Returns the state that the connection's stream watches.
    pub(super) fn control(&self) -> Arc<Control> {
        Arc::clone(&self.control)
    }

    /// Records that the connection carried a request of a session. From here on it counts for the session.
    pub fn logged_in(&self, session: SessionId) {
        let mut table = self.table.lock();
        let Some(entry) = table.entries.get_mut(&self.number) else { return };
        if matches!(entry.owner, Owner::Stranger { .. }) {
            entry.owner = Owner::Session(session);
            if let Some(victim) = table.surplus_of_session(session) {
                table.close(victim);
            }
        }
    }

    /// Marks the connection as one with work until the result is dropped.
    pub fn at_work(&self) -> AtWork<'_> {
        self.control.at_work.store(true, Ordering::Relaxed);
        AtWork(self)
    }

    /// Marks the connection as one with work until it ends, for a WebSocket.
    pub fn is_upgraded(&self) {
        self.control.at_work.store(true, Ordering::Relaxed);
    }
}

impl Drop for AtWork<'_> {
    fn drop(&mut self) {
        self.0.control.at_work.store(false, Ordering::Relaxed);
    }
}

impl Drop for ConnectionSlot {
    fn drop(&mut self) {
        self.table.lock().entries.remove(&self.number);
    }
}

impl Table {
    /// Orders a connection's end. It leaves the count at once, and the table when it has ended.
    fn close(&mut self, number: u64) {
        if let Some(entry) = self.entries.remove(&number) {
            entry.control.close();
        }
    }

    /// Returns the connection to close after a stranger's new one; `None` within the limits.
    fn surplus_stranger(&self, newest: Owner, before_login: usize) -> Option<u64> {
        let Owner::Stranger { subscriber, .. } = newest else { return None };
        let strangers = || {
            self.entries.iter().filter_map(|(number, entry)| match entry.owner {
                Owner::Stranger { subscriber, site } => Some((*number, entry, subscriber, site)),
                Owner::Session(_) | Owner::Proxy => None,
            })
        };
        let of = |network| strangers().filter(move |(_, _, subscriber, _)| *subscriber == network);
        if of(subscriber).count() > PER_SUBSCRIBER {
            return first_without_work(of(subscriber).map(|(number, entry, ..)| (number, entry)));
        }
        if strangers().count() <= before_login {
            return None;
        }
        // Those who have the most give way: the site, and in it the subscriber.
        let site = most_frequent(strangers().map(|(_, _, _, site)| site))?;
        let within = || strangers().filter(move |(_, _, _, of)| *of == site);
        let subscriber = most_frequent(within().map(|(_, _, subscriber, _)| subscriber))?;
        first_without_work(of(subscriber).map(|(number, entry, ..)| (number, entry)))
    }

    /// Returns the connection of a session to close; `None` within the limit.
    fn surplus_of_session(&self, session: SessionId) -> Option<u64> {
        let of_session = || {
            let entries = self.entries.iter().map(|(number, entry)| (*number, entry));
            entries.filter(move |(_, entry)| entry.owner == Owner::Session(session))
        };
        if of_session().count() <= PER_SESSION {
            return None;
        }
        first_without_work(of_session())
    }
}

/// Returns the oldest connection without work, or else the oldest one.
fn first_without_work<'a>(entries: impl Iterator<Item = (u64, &'a Entry)>) -> Option<u64> {
    entries
        .map(|(number, entry)| (entry.control.at_work.load(Ordering::Relaxed), number))
        .min()
        .map(|(_, n)| n)
}

/// Returns the value that occurs most often.
fn most_frequent(values: impl Iterator<Item = Network>) -> Option<Network> {
    let mut counts: HashMap<Network, usize> = HashMap::new();
    for value in values {
        *counts.entry(value).or_default() += 1;
    }
    counts.into_iter().max_by_key(|(_, count)| *count).map(|(value, _)| value)
}

#[cfg(test)]
mod tests {
    use super::*;
    use oriel_auth::Token;

    fn open(connections: &Connections, address: &str) -> ConnectionSlot {
        connections.open(address.parse().unwrap(), false)
    }

    fn is_closed(slot: &ConnectionSlot) -> bool {
        slot.control.closed.load(Ordering::Acquire)
    }

    fn closed(slots: &[ConnectionSlot]) -> Vec<usize> {
        slots.iter().enumerate().filter(|(_, slot)| is_closed(slot)).map(|(at, _)| at).collect()
    }

    #[test]
    fn the_oldest_without_work_of_a_full_network_is_closed() {
        let connections = Connections::new(1 << 20);
        let mut slots: Vec<_> = (0..PER_SUBSCRIBER).map(|_| open(&connections, "192.0.2.1")).collect();
        let neighbour = open(&connections, "192.0.2.2");
        assert!(closed(&slots).is_empty());
        let working = slots[0].at_work();
        let new = open(&connections, "192.0.2.1");
        drop(working);
        assert_eq!(closed(&slots), [1]);
        assert!(!is_closed(&new) && !is_closed(&neighbour));
        // One that ended makes room.
        slots.truncate(PER_SUBSCRIBER - 1);
        let _another = open(&connections, "192.0.2.1");
        assert_eq!(closed(&slots), [1]);
    }

    #[test]
    fn logged_in_connections_do_not_count_for_the_address() {
        let connections = Connections::new(1 << 20);
        let mut users = Vec::new();
        for _ in 0..500 {
            let slot = open(&connections, "192.0.2.1");
            slot.logged_in(SessionId::of(&Token::random().unwrap()));
            users.push(slot);
        }
        let strangers: Vec<_> = (0..PER_SUBSCRIBER).map(|_| open(&connections, "192.0.2.1")).collect();
        assert_eq!((closed(&users), closed(&strangers)), (vec![], vec![]));
    }

    #[test]
    fn a_session_is_bounded_and_its_open_sockets_stay_longest() {
        let connections = Connections::new(1 << 20);
        let session = SessionId::of(&Token::random().unwrap());
        let mut slots = Vec::new();
        for turn in 0..PER_SESSION + 2 {
            let slot = open(&connections, "192.0.2.1");
            if turn == 0 {
                slot.is_upgraded();
            }
            slot.logged_in(session);
            slots.push(slot);
        }
        assert_eq!(closed(&slots), [1, 2]);
    }

    #[test]
    fn who_has_many_addresses_gives_way_to_who_has_one() {
        let connections = Connections::new(1 << 20);
        let first = open(&connections, "198.51.100.1");
        let crowd: Vec<_> = (0..BEFORE_LOGIN as u32)
            .map(|number| open(&connections, &format!("2001:db8:1:{number:x}::1")))
            .collect();
        let last = open(&connections, "203.0.113.1");
        assert_eq!(closed(&crowd).len(), 2);
        assert!(!is_closed(&first) && !is_closed(&last));
    }

    #[test]
    fn proxies_have_no_limit_and_a_process_with_few_descriptors_has_a_small_one() {
        let connections = Connections::new(40);
        let proxy: Vec<_> = (0..2000).map(|_| connections.open([10, 0, 0, 1].into(), true)).collect();
        assert!(closed(&proxy).is_empty());
        let strangers: Vec<_> =
            (0..20u8).map(|last| open(&connections, &format!("192.0.{last}.1"))).collect();
        assert_eq!(closed(&strangers).len(), 10);
    }
}
