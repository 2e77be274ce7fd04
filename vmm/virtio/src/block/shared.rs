//! What a disk's device and its workers share: the requests that wait, and who may touch the guest.

use super::request::{Refusal, Request};
use super::trouble::{DiskTrouble, Report};
use crate::counters::Counters;
use crate::limiter::{Limit, Limiter};
use crate::queue::{Chain, DeviceQueue};
use std::collections::VecDeque;
use std::io;
use std::os::fd::{AsRawFd, RawFd};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, RwLock};
use std::time::{Duration, Instant};
use vmm_sys_util::eventfd::{EFD_NONBLOCK, EventFd};

/// How often a request that found no room on the host is tried again.
const RETRY: Duration = Duration::from_millis(500);

/// The disk's geometry, as far as requests are checked against it.
#[derive(Debug, Clone, Copy)]
pub struct Bounds {
    pub sectors: u64,
    pub read_only: bool,
}

/// What the device and its workers share.
pub struct Shared {
    bounds: Bounds,
    counters: Arc<Counters>,
    report: Report,
    state: Mutex<State>,
    /// There may be something to do.
    work: Condvar,
    /// Waking a request that waits for room.
    room: Condvar,
    /// The activation whose requests may touch the guest's memory, if any. Shared by who copies; a
    /// reset takes it exclusively, so it waits for copies that are under way and never for a disk.
    alive: RwLock<Option<u64>>,
    /// Tells the event loop that a worker met a broken queue.
    broken: EventFd,
}

struct State {
    live: Option<Live>,
    /// Counts activations: a request that was begun before a reset must not end after it.
    generation: u64,
    kicked: bool,
    stopping: bool,
    /// Taken from the queue, not begun: at most as many as the queue is long.
    ready: VecDeque<Job>,
    limiter: Limiter,
    /// The foremost job has been counted as one that has to wait for the limiter.
    throttled: bool,
    /// Requests that wait for room on the host.
    without_room: usize,
}

struct Live {
    queue: DeviceQueue,
    /// The driver never flushes, so every write must be on the medium when it is answered.
    write_through: bool,
}

/// A request at hand.
pub struct Job {
    pub chain: Chain,
    pub request: Result<Request, Refusal>,
    pub write_through: bool,
    generation: u64,
}

/// The device was reset since the request came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stale;

impl Shared {
    /// No driver yet.
    pub fn new(bounds: Bounds, limit: Limit, report: Report, counters: Arc<Counters>) -> io::Result<Self> {
        let state = State {
            live: None,
            generation: 0,
            kicked: false,
            stopping: false,
            ready: VecDeque::new(),
            limiter: Limiter::new(limit),
            throttled: false,
            without_room: 0,
        };
        Ok(Self {
            bounds,
            counters,
            report,
            state: Mutex::new(state),
            work: Condvar::new(),
            room: Condvar::new(),
            alive: RwLock::new(None),
            broken: EventFd::new(EFD_NONBLOCK)?,
        })
    }

    /// The driver is ready.
    pub fn activate(&self, queue: DeviceQueue, write_through: bool) {
        let mut state = self.lock();
        state.live = Some(Live { queue, write_through });
        state.generation += 1;
        state.kicked = true;
        self.set_alive(Some(state.generation));
        self.work.notify_one();
    }

    /// The guest added requests.
    pub fn kick(&self) {
        self.lock().kicked = true;
        self.work.notify_one();
    }

    /// Guest and queue are not touched any more once this returns.
    pub fn reset(&self) {
        let mut state = self.lock();
        state.live = None;
        state.ready.clear();
        self.set_alive(None);
        self.room.notify_all();
    }

    /// Ends the workers, each after the request at hand.
    pub fn stop(&self) {
        self.lock().stopping = true;
        self.work.notify_all();
        self.room.notify_all();
    }

    /// Whether the queue needs a reset.
    pub fn broken(&self) -> bool {
        self.lock().live.as_ref().is_some_and(|live| live.queue.broken())
    }

    /// Readable when [`Self::broken`] may have become true.
    pub fn broken_fd(&self) -> RawFd {
        self.broken.as_raw_fd()
    }

    /// Makes it unreadable again.
    pub fn drain_broken(&self) {
        let _ = self.broken.read();
    }

    /// Waits for the next request that makes sense and may be begun; `None` to end.
    pub fn next(&self) -> Option<Job> {
        let mut state = self.lock();
        loop {
            if state.stopping {
                return None;
            }
            self.fetch(&mut state);
            let wait = match self.admit(&mut state) {
                Admission::Job(job) => {
                    if !state.ready.is_empty() {
                        self.work.notify_one();
                    }
                    return Some(*job);
                }
                Admission::Wait(wait) => wait,
            };
            state = match wait {
                Some(wait) => self.work.wait_timeout(state, wait).unwrap_or_else(PoisonError::into_inner).0,
                None => self.work.wait(state).unwrap_or_else(PoisonError::into_inner),
            };
        }
    }

    /// Moves requests from the queue to those that are ready.
    fn fetch(&self, state: &mut State) {
        let State { live: Some(live), generation, kicked, ready, .. } = state else { return };
        while *kicked && ready.len() < usize::from(live.queue.size()) {
            let Some(chain) = live.queue.pop() else {
                *kicked = false;
                if live.queue.broken() {
                    let _ = self.broken.write(1);
                }
                break;
            };
            match Request::parse(&chain, self.bounds.sectors, self.bounds.read_only) {
                Some(request) => {
                    let write_through = live.write_through;
                    ready.push_back(Job { chain, request, write_through, generation: *generation });
                }
                None => live.queue.complete_malformed(chain),
            }
        }
        live.queue.signal();
    }

    /// The foremost job that is ready, if the limiter lets it pass.
    fn admit(&self, state: &mut State) -> Admission {
        let Some(job) = state.ready.pop_front() else { return Admission::Wait(None) };
        let bytes = job.request.as_ref().map_or(0, Request::bytes_moved);
        match state.limiter.take(Instant::now(), bytes) {
            Ok(()) => {
                state.throttled = false;
                Admission::Job(Box::new(job))
            }
            Err(wait) => {
                if !std::mem::replace(&mut state.throttled, true) {
                    self.counters.block_throttled.add_one();
                }
                state.ready.push_front(job);
                Admission::Wait(Some(wait))
            }
        }
    }

    /// Touches the guest's memory for `job`.
    pub fn with_guest<R>(&self, job: &Job, touch: impl FnOnce() -> R) -> Result<R, Stale> {
        let alive = self.alive.read().unwrap_or_else(PoisonError::into_inner);
        if *alive == Some(job.generation) { Ok(touch()) } else { Err(Stale) }
    }

    /// Hands `job` back with its status behind `written` bytes of data; forgets it if it is stale.
    pub fn finish(&self, job: Job, status: u8, written: u32) {
        let mut state = self.lock();
        if state.generation != job.generation {
            return;
        }
        let Some(live) = &mut state.live else { return };
        let last = job.chain.writable_len().saturating_sub(1);
        match job.chain.write(last, &[status]) {
            Ok(()) => live.queue.complete(job.chain, written),
            Err(_) => live.queue.complete_malformed(job.chain),
        }
        live.queue.signal();
    }

    /// The host had no room for `job`: says so, once for each `first` time and again at every try,
    /// and waits until it is time for the next one.
    pub fn wait_for_room(&self, job: &Job, first: bool) -> Result<(), Stale> {
        let mut state = self.lock();
        state.without_room += usize::from(first);
        drop(state);
        (self.report)(DiskTrouble::Full);
        state = self.lock();
        let gives_up =
            |state: &State| state.stopping || state.live.is_none() || state.generation != job.generation;
        if !gives_up(&state) {
            state = self.room.wait_timeout(state, RETRY).unwrap_or_else(PoisonError::into_inner).0;
        }
        if gives_up(&state) { Err(Stale) } else { Ok(()) }
    }

    /// A request that waited for room does so no more.
    pub fn end_wait_for_room(&self) {
        let mut state = self.lock();
        state.without_room = state.without_room.saturating_sub(1);
        let over = state.without_room == 0;
        drop(state);
        if over {
            (self.report)(DiskTrouble::Over);
        } else {
            self.room.notify_all();
        }
    }

    fn set_alive(&self, generation: Option<u64>) {
        *self.alive.write().unwrap_or_else(PoisonError::into_inner) = generation;
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

enum Admission {
    Job(Box<Job>),
    /// For something to do, or for as long.
    Wait(Option<Duration>),
}
