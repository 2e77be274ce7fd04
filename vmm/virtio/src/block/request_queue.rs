//! Queue of a disk's requests, shared by the device and its worker threads. It tracks waiting requests and
//! prevents access to guest memory for requests from before a reset.

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

/// Number of completed bytes after which the driver is interrupted while more requests are available.
const SIGNAL_BATCH: u64 = 256 << 10;
/// Number of bytes that a small request counts as in [`SIGNAL_BATCH`].
const MIN_BATCHED: u64 = 16 << 10;

/// Interval between attempts of a write while the host has no space.
const NO_SPACE_RETRY: Duration = Duration::from_millis(500);

/// Requests of one disk between the virtqueue and the worker threads.
///
/// Lock order: `state`, then `active_generation`.
pub struct RequestQueue {
    bounds: Bounds,
    counters: Arc<DeviceCounters>,
    on_disk_full: DiskFullHandler,
    state: Mutex<State>,
    /// Event that the guest's available buffer notifications signal; also wakes one more worker.
    doorbell: EventFd,
    /// Epoll instance on which workers wait for the doorbell; one signal wakes one worker.
    work: Epoll,
    /// Event that ends all workers.
    stop: EventFd,
    /// Condition that wakes writes which wait for space on the host.
    space_changed: Condvar,
    /// Activation whose requests may access guest memory, if any. Read-locked while data moves between host
    /// memory and guest memory. A reset write-locks it, and so waits for such moves, but never for a read
    /// from a disk.
    active_generation: RwLock<Option<u64>>,
    /// Event that notifies the event loop of a broken virtqueue.
    queue_broken: EventFd,
}

/// State of the queue under its lock.
struct State {
    active: Option<ActiveQueue>,
    /// Number of the activation; requests of earlier activations must not complete.
    generation: u64,
    stopping: bool,
    /// Whether a worker writes. Only one worker writes at a time: file systems serialise writes to a file,
    /// and a worker that waits for this lock cannot read.
    writing: bool,
    /// Bytes of requests completed since the last used buffer notification.
    unsignalled_bytes: u64,
    /// Requests fetched from the virtqueue and not started, at most as many as the queue has descriptors.
    ready: VecDeque<Job>,
    limiter: RateLimiter,
    /// Whether the first startable job has been counted as throttled.
    throttled: bool,
    /// Number of writes that wait for space on the host.
    waiting_for_space: usize,
}

/// Virtqueue of an activated device.
struct ActiveQueue {
    queue: DeviceQueue,
    /// Whether every write must be on the medium before it completes, since the driver never sends a flush.
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

    /// Enables available buffer notifications; returns whether requests are available already.
    fn enable_notifications(&mut self) -> bool {
        // Chains beyond the capacity of `ready` are fetched by the worker that makes room.
        let full = |active: &ActiveQueue| self.ready.len() >= usize::from(active.queue.size());
        let has_room = !self.active.as_ref().is_none_or(full);
        self.active.as_mut().is_some_and(|active| active.queue.enable_notifications()) && has_room
    }

    /// Returns the index of the first request that does not have to wait for another request.
    fn first_startable(&self) -> Option<usize> {
        self.ready.iter().position(|job| !(self.writing && job.writes()))
    }
}

impl RequestQueue {
    /// Creates a request queue without a driver.
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
        // With edge-triggered events, no worker has to read the doorbell.
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

    /// Starts the queue with the driver's virtqueue.
    pub fn activate(&self, queue: DeviceQueue, write_through: bool) {
        let mut state = self.lock();
        state.active = Some(ActiveQueue { queue, write_through });
        state.generation += 1;
        state.unsignalled_bytes = 0;
        self.set_active_generation(Some(state.generation));
        self.ring();
    }

    /// Returns the event that the driver's available buffer notifications signal.
    pub fn doorbell(&self) -> &EventFd {
        &self.doorbell
    }

    /// Wakes a sleeping worker.
    pub fn ring(&self) {
        // The write fails only if the counter overflows; workers are awake then.
        let _ = self.doorbell.write(1);
    }

    /// Drops the virtqueue and all requests. Guest memory is not accessed any more after the return.
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

    /// Returns the file descriptor that is readable when [`Self::broken`] may have become true.
    pub fn queue_broken_fd(&self) -> RawFd {
        self.queue_broken.as_raw_fd()
    }

    /// Clears the event of [`Self::queue_broken_fd`].
    pub fn drain_queue_broken(&self) {
        let _ = self.queue_broken.read();
    }

    /// Completes `done`, if given, and waits for the next request that can start; `None` ends the worker.
    /// Another worker is woken for the remaining requests before a request that may block.
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

    /// Sends notifications for completed requests and wakes another worker, before the caller blocks on a
    /// disk.
    pub fn before_blocking(&self) {
        self.wake_next_worker(&mut self.lock());
    }

    /// Sends notifications for completed requests, and wakes another worker if more requests wait.
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

    /// Fetches requests from the virtqueue into `ready`.
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

    /// Takes the first startable job, if the rate limiter admits the job.
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

    /// Reports that the host has no space for `job`, and waits until the next attempt; `first` is true before
    /// the first wait of a job.
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

    /// Ends the wait of a job for space, with or without success.
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

    /// Sets the activation whose requests may access guest memory.
    fn set_active_generation(&self, generation: Option<u64>) {
        *self.active_generation.write() = generation;
    }

    /// Locks the state.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock()
    }
}

/// Result of taking the next job.
enum Admission {
    /// Job that can start.
    Job(Box<Job>),
    /// Maximum time to wait for a notification; `None` without limit.
    Wait(Option<Duration>),
}
