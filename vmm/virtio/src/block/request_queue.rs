//! What a disk's device and its workers share: the requests that wait, and who may touch the guest.

use super::disk_full::{DiskFullEvent, DiskFullHandler};
use super::request::{Request, RequestError};
use crate::counters::DeviceCounters;
use crate::queue::{Chain, DeviceQueue};
use crate::rate_limiter::RateLimiter;
use oriel_vmm_api::RateLimit;
use parking_lot::{Condvar, Mutex, MutexGuard, RwLock};
use std::collections::VecDeque;
use std::io;
use std::os::fd::{AsRawFd, RawFd};
use std::sync::Arc;
use std::time::{Duration, Instant};
use vmm_sys_util::epoll::{ControlOperation, Epoll, EpollEvent, EventSet};
use vmm_sys_util::eventfd::{EFD_CLOEXEC, EFD_NONBLOCK, EventFd};

/// While more requests are at hand the driver hears of finished ones after so many bytes.
const SIGNAL_BATCH: u64 = 256 << 10;
/// What a request counts for at least.
const MIN_BATCHED: u64 = 16 << 10;

/// How often a request that found no room on the host is tried again.
const NO_SPACE_RETRY: Duration = Duration::from_millis(500);

/// The disk's geometry, as far as requests are checked against it.
#[derive(Debug, Clone, Copy)]
pub struct Bounds {
    pub sectors: u64,
    pub read_only: bool,
}

/// What the device and its workers share.
pub struct RequestQueue {
    bounds: Bounds,
    counters: Arc<DeviceCounters>,
    on_disk_full: DiskFullHandler,
    state: Mutex<State>,
    /// Rung by the guest, and by whoever finds work for one more worker.
    doorbell: EventFd,
    /// Where workers wait for the doorbell: each ring wakes one of them.
    work: Epoll,
    /// Rung once, for all.
    stop: EventFd,
    /// Waking a request that waits for room.
    space_changed: Condvar,
    /// The activation whose requests may touch the guest's memory, if any. RequestQueue by who moves data
    /// between that and the host's memory; a reset takes it exclusively, so it waits for such moves
    /// and never for a read from a disk.
    active_generation: RwLock<Option<u64>>,
    /// Tells the event loop that a worker met a broken queue.
    queue_broken: EventFd,
}

struct State {
    active: Option<ActiveQueue>,
    /// Counts activations: a request that was begun before a reset must not end after it.
    generation: u64,
    stopping: bool,
    /// A worker writes. One does at a time: file systems let no more into a file, and who waits for
    /// that cannot read.
    writing: bool,
    /// Bytes of requests that went back since the driver was last told.
    unsignalled_bytes: u64,
    /// Taken from the queue, not begun: at most as many as the queue is long.
    ready: VecDeque<Job>,
    limiter: RateLimiter,
    /// The foremost job has been counted as one that has to wait for the limiter.
    throttled: bool,
    /// Requests that wait for room on the host.
    waiting_for_space: usize,
}

struct ActiveQueue {
    queue: DeviceQueue,
    /// The driver never flushes, so every write must be on the medium when it is answered.
    write_through: bool,
}

/// A request at hand.
pub struct Job {
    pub chain: Chain,
    pub request: Result<Request, RequestError>,
    pub write_through: bool,
    generation: u64,
}

/// A request that was done, or refused.
pub struct CompletedJob {
    pub job: Job,
    pub status: u8,
    /// Bytes in the chain's writable part, the status among them.
    pub written: u32,
}

impl Job {
    fn writes(&self) -> bool {
        matches!(self.request, Ok(Request::Write(_)))
    }
}

impl State {
    /// Interrupts the driver, if anything went back and it wants to know.
    fn signal_used(&mut self) {
        self.unsignalled_bytes = 0;
        if let Some(active) = &mut self.active {
            active.queue.signal();
        }
    }

    /// From now on the guest's kicks are heard; whether there is something already.
    fn enable_notifications(&mut self) -> bool {
        // What there is no room for is fetched by whoever makes room.
        let full = |active: &ActiveQueue| self.ready.len() >= usize::from(active.queue.size());
        let has_room = !self.active.as_ref().is_none_or(full);
        self.active.as_mut().is_some_and(|active| active.queue.enable_notifications()) && has_room
    }

    /// The place of the foremost request that need not wait for another.
    fn first_startable(&self) -> Option<usize> {
        self.ready.iter().position(|job| !(self.writing && job.writes()))
    }
}

/// The device was reset since the request came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stale;

impl RequestQueue {
    /// No driver yet.
    pub fn new(
        bounds: Bounds,
        limit: RateLimit,
        on_disk_full: DiskFullHandler,
        counters: Arc<DeviceCounters>,
    ) -> io::Result<Self> {
        let state = State {
            active: None,
            generation: 0,
            stopping: false,
            writing: false,
            unsignalled_bytes: 0,
            ready: VecDeque::new(),
            limiter: RateLimiter::new(limit),
            throttled: false,
            waiting_for_space: 0,
        };
        let event_fd = || EventFd::new(EFD_NONBLOCK | EFD_CLOEXEC);
        let (doorbell, stop, work) = (event_fd()?, event_fd()?, Epoll::new()?);
        // By edges nobody has to read the doorbell to silence it.
        let rings = EventSet::IN | EventSet::EDGE_TRIGGERED;
        work.ctl(ControlOperation::Add, doorbell.as_raw_fd(), EpollEvent::new(rings, 0))?;
        work.ctl(ControlOperation::Add, stop.as_raw_fd(), EpollEvent::new(EventSet::IN, 0))?;
        Ok(Self {
            bounds,
            counters,
            on_disk_full,
            state: Mutex::new(state),
            doorbell,
            work,
            stop,
            space_changed: Condvar::new(),
            active_generation: RwLock::new(None),
            queue_broken: event_fd()?,
        })
    }

    /// The driver is ready.
    pub fn activate(&self, queue: DeviceQueue, write_through: bool) {
        let mut state = self.lock();
        state.active = Some(ActiveQueue { queue, write_through });
        state.generation += 1;
        state.unsignalled_bytes = 0;
        self.set_active_generation(Some(state.generation));
        self.ring();
    }

    /// What the guest's kicks signal.
    pub fn doorbell(&self) -> &EventFd {
        &self.doorbell
    }

    /// Wakes a worker, if one sleeps: there may be something to do.
    pub fn ring(&self) {
        // Can only fail where so many rings are unheard that one more makes no difference.
        let _ = self.doorbell.write(1);
    }

    /// Guest and queue are not touched any more once this returns.
    pub fn reset(&self) {
        let mut state = self.lock();
        state.active = None;
        state.ready.clear();
        self.set_active_generation(None);
        self.space_changed.notify_all();
    }

    /// Ends the workers, each after the request at hand.
    pub fn stop(&self) {
        self.lock().stopping = true;
        let _ = self.stop.write(1);
        self.space_changed.notify_all();
    }

    /// Whether the queue needs a reset.
    pub fn broken(&self) -> bool {
        self.lock().active.as_ref().is_some_and(|active| active.queue.broken())
    }

    /// Readable when [`Self::broken`] may have become true.
    pub fn queue_broken_fd(&self) -> RawFd {
        self.queue_broken.as_raw_fd()
    }

    /// Makes it unreadable again.
    pub fn drain_queue_broken(&self) {
        let _ = self.queue_broken.read();
    }

    /// Hands `done` back, if there is one, and waits for the next request that may be begun; `None`
    /// to end. Before one that may take long, others are called to what else there is to do.
    pub fn next(&self, done: Option<CompletedJob>) -> Option<Job> {
        let mut state = self.lock();
        if let Some(done) = done {
            self.complete_job(&mut state, done);
        }
        loop {
            if state.stopping {
                return None;
            }
            self.fetch(&mut state);
            let wait = match self.next_admitted(&mut state) {
                Admission::Job(job) => {
                    if job.request.as_ref().is_ok_and(Request::may_block) {
                        self.wake_next_worker(&mut state);
                    } else if state.unsignalled_bytes >= SIGNAL_BATCH {
                        state.signal_used();
                    }
                    return Some(*job);
                }
                Admission::Wait(wait) => wait,
            };
            state.signal_used();
            if state.enable_notifications() {
                continue;
            }
            drop(state);
            self.sleep(wait);
            state = self.lock();
            if let Some(active) = &mut state.active {
                active.queue.disable_notifications();
            }
        }
    }

    /// The caller is about to wait for a disk.
    pub fn before_blocking(&self) {
        self.wake_next_worker(&mut self.lock());
    }

    /// Tells the driver what is done, and has another worker see to what else there is to do.
    fn wake_next_worker(&self, state: &mut State) {
        state.signal_used();
        let more = state.enable_notifications();
        if more || state.first_startable().is_some() {
            self.ring();
        }
    }

    /// Until the doorbell rings, or for as long as that, rounded up.
    fn sleep(&self, wait: Option<Duration>) {
        let milliseconds =
            wait.map_or(-1, |wait| i32::try_from(wait.as_nanos().div_ceil(1_000_000)).unwrap_or(i32::MAX));
        // Whatever the reason, the caller looks for itself.
        let _ = self.work.wait(milliseconds, &mut [EpollEvent::default()]);
    }

    /// Moves requests from the queue to those that are ready.
    fn fetch(&self, state: &mut State) {
        let State { active: Some(active), generation, ready, .. } = state else { return };
        while ready.len() < usize::from(active.queue.size()) {
            let Some(chain) = active.queue.pop_without_notification() else {
                if active.queue.broken() {
                    let _ = self.queue_broken.write(1);
                }
                break;
            };
            match Request::parse(&chain, self.bounds.sectors, self.bounds.read_only) {
                Some(request) => {
                    let write_through = active.write_through;
                    ready.push_back(Job { chain, request, write_through, generation: *generation });
                }
                None => active.queue.complete_malformed(chain),
            }
        }
    }

    /// The foremost job that may be begun, if the limiter lets it pass.
    fn next_admitted(&self, state: &mut State) -> Admission {
        let Some(place) = state.first_startable() else { return Admission::Wait(None) };
        let Some(job) = state.ready.remove(place) else { return Admission::Wait(None) };
        let bytes = job.request.as_ref().map_or(0, Request::bytes_moved);
        match state.limiter.take(Instant::now(), bytes) {
            Ok(()) => {
                state.throttled = false;
                state.writing |= job.writes();
                Admission::Job(Box::new(job))
            }
            Err(wait) => {
                if !std::mem::replace(&mut state.throttled, true) {
                    self.counters.block_throttled.add_one();
                }
                state.ready.insert(place, job);
                Admission::Wait(Some(wait))
            }
        }
    }

    /// Touches the guest's memory for `job`.
    pub fn with_guest_memory<R>(&self, job: &Job, touch: impl FnOnce() -> R) -> Result<R, Stale> {
        let active_generation = self.active_generation.read();
        if *active_generation == Some(job.generation) { Ok(touch()) } else { Err(Stale) }
    }

    /// Hands a job back with its status behind the data; forgets it if it is stale.
    fn complete_job(&self, state: &mut State, CompletedJob { job, status, written }: CompletedJob) {
        if job.writes() {
            state.writing = false;
        }
        if state.generation != job.generation {
            return;
        }
        let Some(active) = &mut state.active else { return };
        let last = job.chain.writable_len().saturating_sub(1);
        let moved = job.request.as_ref().map_or(0, Request::bytes_moved);
        match job.chain.write(last, &[status]) {
            Ok(()) => active.queue.complete(job.chain, written),
            Err(_) => active.queue.complete_malformed(job.chain),
        }
        state.unsignalled_bytes = state.unsignalled_bytes.saturating_add(moved.max(MIN_BATCHED));
    }

    /// The host had no room for `job`: says so, once for each `first` time and again at every try,
    /// and waits until it is time for the next one.
    pub fn wait_for_space(&self, job: &Job, first: bool) -> Result<(), Stale> {
        let mut state = self.lock();
        state.waiting_for_space += usize::from(first);
        drop(state);
        (self.on_disk_full)(DiskFullEvent::NoSpace);
        state = self.lock();
        let abandoned =
            |state: &State| state.stopping || state.active.is_none() || state.generation != job.generation;
        if !abandoned(&state) {
            self.space_changed.wait_for(&mut state, NO_SPACE_RETRY);
        }
        if abandoned(&state) { Err(Stale) } else { Ok(()) }
    }

    /// A request that waited for room does so no more.
    pub fn end_wait_for_space(&self) {
        let mut state = self.lock();
        state.waiting_for_space = state.waiting_for_space.saturating_sub(1);
        let over = state.waiting_for_space == 0;
        drop(state);
        if over {
            (self.on_disk_full)(DiskFullEvent::Resolved);
        } else {
            self.space_changed.notify_all();
        }
    }

    fn set_active_generation(&self, generation: Option<u64>) {
        *self.active_generation.write() = generation;
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock()
    }
}

enum Admission {
    Job(Box<Job>),
    /// For something to do, or for as long.
    Wait(Option<Duration>),
}
