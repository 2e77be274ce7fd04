//! Queue of a disk's requests, shared by the device and its worker threads: which requests wait, and
//! which may still touch guest memory after a reset.

use super::disk_full::{DiskFullEvent, DiskFullHandler};
use super::job::{Bounds, CompletedJob, Job, Stale};
use super::request::Request;
use crate::counters::DeviceCounters;
use crate::queue::DeviceQueue;
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

/// While more requests are available, the driver is interrupted after so many completed bytes.
const SIGNAL_BATCH: u64 = 256 << 10;
/// Bytes that a small request counts for in [`SIGNAL_BATCH`].
const MIN_BATCHED: u64 = 16 << 10;

/// Time between two tries of a write that found no space on the host.
const NO_SPACE_RETRY: Duration = Duration::from_millis(500);

/// Requests of one disk between the virtqueue and the worker threads.
///
/// Lock order: `state`, then `active_generation`.
pub struct RequestQueue {
    bounds: Bounds,
    counters: Arc<DeviceCounters>,
    on_disk_full: DiskFullHandler,
    state: Mutex<State>,
    /// Signalled by the guest's available buffer notifications, and to wake one more worker.
    doorbell: EventFd,
    /// Epoll instance on which workers wait for the doorbell; one signal wakes one worker.
    work: Epoll,
    /// Signalled once, to end all workers.
    stop: EventFd,
    /// Wakes writes that wait for space on the host.
    space_changed: Condvar,
    /// Activation whose requests may access guest memory, if any. Read-locked while data moves between
    /// host memory and guest memory; write-locked by a reset, which so waits for such moves and never
    /// for a read from a disk.
    active_generation: RwLock<Option<u64>>,
    /// Tells the event loop that a worker found a broken virtqueue.
    queue_broken: EventFd,
}

struct State {
    active: Option<ActiveQueue>,
    /// Number of the activation: a request of an earlier one must not complete.
    generation: u64,
    stopping: bool,
    /// Whether a worker writes. One does at a time: file systems let no more into a file, and a
    /// worker that waits for that cannot read.
    writing: bool,
    /// Bytes of requests completed since the last used buffer notification.
    unsignalled_bytes: u64,
    /// Requests taken from the virtqueue and not begun, at most as many as it has descriptors.
    ready: VecDeque<Job>,
    limiter: RateLimiter,
    /// Whether the first startable job has been counted as throttled.
    throttled: bool,
    /// Number of writes that wait for space on the host.
    waiting_for_space: usize,
}

struct ActiveQueue {
    queue: DeviceQueue,
    /// Whether every write must be on the medium before it completes, since the driver never flushes.
    write_through: bool,
}

impl State {
    /// Sends the used buffer notification, if requests completed and the driver wants it.
    fn signal_used(&mut self) {
        self.unsignalled_bytes = 0;
        if let Some(active) = &mut self.active {
            active.queue.signal();
        }
    }

    /// Enables available buffer notifications; returns whether there are requests to fetch already.
    fn enable_notifications(&mut self) -> bool {
        // Chains beyond the capacity of `ready` are fetched by the worker that makes room.
        let full = |active: &ActiveQueue| self.ready.len() >= usize::from(active.queue.size());
        let has_room = !self.active.as_ref().is_none_or(full);
        self.active.as_mut().is_some_and(|active| active.queue.enable_notifications()) && has_room
    }

    /// Index of the first request that need not wait for another one.
    fn first_startable(&self) -> Option<usize> {
        self.ready.iter().position(|job| !(self.writing && job.writes()))
    }
}

impl RequestQueue {
    /// Request queue without a driver.
    ///
    /// # Errors
    /// When the host is out of file descriptors.
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

    /// Starts with the driver's virtqueue.
    pub fn activate(&self, queue: DeviceQueue, write_through: bool) {
        let mut state = self.lock();
        state.active = Some(ActiveQueue { queue, write_through });
        state.generation += 1;
        state.unsignalled_bytes = 0;
        self.set_active_generation(Some(state.generation));
        self.ring();
    }

    /// Event that the driver's available buffer notifications signal.
    pub fn doorbell(&self) -> &EventFd {
        &self.doorbell
    }

    /// Wakes one sleeping worker.
    pub fn ring(&self) {
        // Fails only where the counter is full, and then workers are awake anyway.
        let _ = self.doorbell.write(1);
    }

    /// Drops the virtqueue and all requests; guest memory is not accessed any more once this returns.
    pub fn reset(&self) {
        let mut state = self.lock();
        state.active = None;
        state.ready.clear();
        self.set_active_generation(None);
        self.space_changed.notify_all();
    }

    /// Ends all workers, each after its current request.
    pub fn stop(&self) {
        self.lock().stopping = true;
        let _ = self.stop.write(1);
        self.space_changed.notify_all();
    }

    /// Whether the virtqueue is broken, so that the device needs a reset.
    pub fn broken(&self) -> bool {
        self.lock().active.as_ref().is_some_and(|active| active.queue.broken())
    }

    /// File descriptor that is readable when [`Self::broken`] may have become true.
    pub fn queue_broken_fd(&self) -> RawFd {
        self.queue_broken.as_raw_fd()
    }

    /// Clears the event of [`Self::queue_broken_fd`].
    pub fn drain_queue_broken(&self) {
        let _ = self.queue_broken.read();
    }

    /// Completes `done`, if given, and waits for the next request that may begin; `None` ends the
    /// worker. Before a request that may block, another worker is woken for the remaining ones.
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

    /// Signals completed requests and wakes another worker, before the caller blocks on a disk.
    pub fn before_blocking(&self) {
        self.wake_next_worker(&mut self.lock());
    }

    /// Signals completed requests, and wakes another worker if there are more.
    fn wake_next_worker(&self, state: &mut State) {
        state.signal_used();
        let more = state.enable_notifications();
        if more || state.first_startable().is_some() {
            self.ring();
        }
    }

    /// Sleeps until the doorbell is signalled, or for `wait` rounded up to milliseconds.
    fn sleep(&self, wait: Option<Duration>) {
        let milliseconds =
            wait.map_or(-1, |wait| i32::try_from(wait.as_nanos().div_ceil(1_000_000)).unwrap_or(i32::MAX));
        // Whatever woke the worker, it checks all conditions again.
        let _ = self.work.wait(milliseconds, &mut [EpollEvent::default()]);
    }

    /// Moves requests from the virtqueue to `ready`.
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

    /// Takes the first startable job that the rate limiter admits.
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

    /// Runs `touch`, which accesses guest memory for `job`.
    ///
    /// # Errors
    /// When the device was reset since the job was fetched.
    pub fn with_guest_memory<R>(&self, job: &Job, touch: impl FnOnce() -> R) -> Result<R, Stale> {
        let active_generation = self.active_generation.read();
        if *active_generation == Some(job.generation) { Ok(touch()) } else { Err(Stale) }
    }

    /// Writes the status byte of a job and returns its chain; drops the job if it is stale.
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

    /// Reports that the host has no space for `job`, and waits until the next try is due; `first` is
    /// true at the first try.
    ///
    /// # Errors
    /// When the device was reset or is being dropped.
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

    /// Ends the wait of one job, with or without success.
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
    /// Wait for a notification, at most for this long.
    Wait(Option<Duration>),
}
