//! The thread that does a disk's requests.

use super::image::Image;
use super::request::{HEADER_LEN, Refusal, Request, ZeroRange};
use crate::counters::Counters;
use crate::queue::{Chain, DeviceQueue};
use std::io;
use std::ops::Range;
use std::os::fd::{AsRawFd, RawFd};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use virtio_bindings::virtio_blk::{
    VIRTIO_BLK_ID_BYTES, VIRTIO_BLK_S_IOERR, VIRTIO_BLK_S_OK, VIRTIO_BLK_S_UNSUPP,
};
use vmm_sys_util::eventfd::{EFD_NONBLOCK, EventFd};

/// Bytes moved between file and guest at a time.
const CHUNK: usize = 128 << 10;

/// What GET_ID answers.
pub type Serial = [u8; VIRTIO_BLK_ID_BYTES as usize];

/// What the device and its worker share.
pub struct Shared {
    state: Mutex<State>,
    changed: Condvar,
    /// Tells the event loop that the worker met a broken queue.
    trouble: EventFd,
}

/// Guest memory is touched only while this is locked and `live` is there, never during file I/O.
/// So a reset neither waits for a disk nor leaves anybody writing into the guest behind its back.
#[derive(Default)]
struct State {
    live: Option<Live>,
    /// Counts activations: a request that was begun before a reset must not end after it.
    generation: u64,
    kicked: bool,
    stopping: bool,
}

struct Live {
    queue: DeviceQueue,
    /// The driver never flushes, so every write must be on the medium when it is answered.
    write_through: bool,
}

impl Shared {
    /// No driver yet.
    pub fn new() -> io::Result<Self> {
        let trouble = EventFd::new(EFD_NONBLOCK)?;
        Ok(Self { state: Mutex::default(), changed: Condvar::new(), trouble })
    }

    /// The driver is ready.
    pub fn activate(&self, queue: DeviceQueue, write_through: bool) {
        let mut state = self.lock();
        state.live = Some(Live { queue, write_through });
        state.generation += 1;
        state.kicked = true;
        self.changed.notify_one();
    }

    /// The guest added requests.
    pub fn kick(&self) {
        self.lock().kicked = true;
        self.changed.notify_one();
    }

    /// Guest and queue are not touched any more once this returns.
    pub fn reset(&self) {
        self.lock().live = None;
    }

    /// Ends the worker after the request at hand.
    pub fn stop(&self) {
        self.lock().stopping = true;
        self.changed.notify_one();
    }

    /// Whether the queue needs a reset.
    pub fn broken(&self) -> bool {
        self.lock().live.as_ref().is_some_and(|live| live.queue.broken())
    }

    /// Readable when [`Self::broken`] may have become true.
    pub fn trouble_fd(&self) -> RawFd {
        self.trouble.as_raw_fd()
    }

    /// Makes it unreadable again.
    pub fn drain_trouble(&self) {
        let _ = self.trouble.read();
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A request at hand.
struct Job {
    generation: u64,
    chain: Chain,
    request: Result<Request, Refusal>,
    write_through: bool,
}

/// Why a request failed, or why nobody is to be told.
enum Failure {
    Refused(Refusal),
    Host(io::Error),
    /// The device was reset meanwhile.
    Stale,
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        Self::Host(error)
    }
}

/// Does requests until [`Shared::stop`].
pub struct Worker {
    pub shared: Arc<Shared>,
    pub image: Arc<Image>,
    pub id: Serial,
    pub counters: Arc<Counters>,
}

impl Worker {
    /// The thread's body.
    pub fn run(self) {
        let mut buffer = vec![0; CHUNK];
        let mut no_space = false;
        while let Some(job) = self.next() {
            let outcome = match &job.request {
                Ok(request) => self.perform(&job, request, &mut buffer),
                Err(refusal) => Err(Failure::Refused(*refusal)),
            };
            if let Err(failure) = &outcome {
                self.note(failure, &mut no_space);
            } else if matches!(job.request, Ok(Request::Write(_))) {
                no_space = false;
            }
            self.finish(job, &outcome);
        }
    }

    /// Waits for the next request that makes sense.
    fn next(&self) -> Option<Job> {
        let mut state = self.shared.lock();
        loop {
            if state.stopping {
                return None;
            }
            let generation = state.generation;
            if state.kicked
                && let Some(live) = &mut state.live
            {
                if let Some(chain) = live.queue.pop() {
                    match Request::parse(&chain, self.image.sectors(), self.image.read_only()) {
                        Some(request) => {
                            return Some(Job {
                                generation,
                                chain,
                                request,
                                write_through: live.write_through,
                            });
                        }
                        None => live.queue.complete_malformed(chain),
                    }
                    continue;
                }
                live.queue.signal();
                if live.queue.broken() {
                    let _ = self.shared.trouble.write(1);
                }
            }
            state.kicked = false;
            state = self.shared.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    fn perform(&self, job: &Job, request: &Request, buffer: &mut [u8]) -> Result<(), Failure> {
        match request {
            Request::Read(range) => each_chunk(range, buffer, |at, done, chunk| {
                self.image.read(at, chunk)?;
                self.with_guest(job, || job.chain.write(done, chunk))
            }),
            Request::Write(range) => {
                each_chunk(range, buffer, |at, done, chunk| {
                    self.with_guest(job, || job.chain.read(HEADER_LEN + done, chunk))?;
                    Ok(self.image.write(at, chunk)?)
                })?;
                self.settle(job)
            }
            Request::Flush if self.image.read_only() => Ok(()),
            Request::Flush => Ok(self.image.flush()?),
            Request::GetId => {
                let room = job.chain.writable_len().saturating_sub(1);
                let id = self.id.get(..room).unwrap_or(&self.id);
                self.with_guest(job, || job.chain.write(0, id))
            }
            Request::Discard(ranges) => {
                for range in ranges {
                    // A file that cannot give room back keeps it: a discard is only a hint.
                    self.image.punch_hole(range.start, range.end - range.start)?;
                }
                Ok(())
            }
            Request::WriteZeroes(ranges) => {
                for range in ranges {
                    self.write_zeroes(range, buffer)?;
                }
                self.settle(job)
            }
        }
    }

    fn settle(&self, job: &Job) -> Result<(), Failure> {
        if job.write_through {
            self.image.flush()?;
        }
        Ok(())
    }

    fn write_zeroes(&self, range: &ZeroRange, buffer: &mut [u8]) -> Result<(), Failure> {
        let ZeroRange { bytes, may_unmap } = range;
        let len = bytes.end - bytes.start;
        let done = match may_unmap {
            _ if len == 0 => true,
            true => self.image.punch_hole(bytes.start, len)?,
            false => self.image.zero_range(bytes.start, len)?,
        };
        if done {
            return Ok(());
        }
        buffer.fill(0);
        each_chunk(bytes, buffer, |at, _, zeroes| Ok(self.image.write(at, zeroes)?))
    }

    /// Touches the guest's memory, unless the device was reset since the request came.
    fn with_guest<E>(&self, job: &Job, touch: impl FnOnce() -> Result<(), E>) -> Result<(), Failure> {
        let state = self.shared.lock();
        if state.live.is_none() || state.generation != job.generation {
            return Err(Failure::Stale);
        }
        // The request was checked against its chain, so it cannot reach outside of it.
        touch().map_err(|_| Failure::Refused(Refusal::Invalid))
    }

    fn finish(&self, job: Job, outcome: &Result<(), Failure>) {
        let (status, written) = match outcome {
            Ok(()) => (VIRTIO_BLK_S_OK, job.chain.writable_len()),
            Err(Failure::Refused(Refusal::Unsupported)) => (VIRTIO_BLK_S_UNSUPP, 1),
            Err(_) => (VIRTIO_BLK_S_IOERR, 1),
        };
        let mut state = self.shared.lock();
        if state.generation != job.generation {
            return;
        }
        let Some(live) = &mut state.live else { return };
        let last = job.chain.writable_len().saturating_sub(1);
        match job.chain.write(last, &[status as u8]) {
            Ok(()) => live.queue.complete(job.chain, written as u32),
            Err(_) => live.queue.complete_malformed(job.chain),
        }
        live.queue.signal();
    }

    /// Counts a failure, and says it once per bout if the host is to blame.
    fn note(&self, failure: &Failure, no_space: &mut bool) {
        match failure {
            Failure::Stale => return,
            Failure::Refused(refusal) => tracing::debug!(?refusal, "disk request refused"),
            Failure::Host(error) if is_no_space(error) => {
                self.counters.block_no_space.add_one();
                if !std::mem::replace(no_space, true) {
                    tracing::error!("the host's disk is full: a guest's write failed; make room");
                }
            }
            Failure::Host(error) => tracing::error!(%error, "disk request failed"),
        }
        self.counters.block_errors.add_one();
    }
}

fn is_no_space(error: &io::Error) -> bool {
    matches!(error.raw_os_error(), Some(libc::ENOSPC | libc::EDQUOT))
}

/// Cuts `range` into pieces that fit `buffer`: where each lies, how much came before it, its room.
fn each_chunk(
    range: &Range<u64>,
    buffer: &mut [u8],
    mut each: impl FnMut(u64, usize, &mut [u8]) -> Result<(), Failure>,
) -> Result<(), Failure> {
    let mut at = range.start;
    while at < range.end {
        let len = buffer.len().min(usize::try_from(range.end - at).unwrap_or(usize::MAX));
        let Some(chunk) = buffer.get_mut(..len) else { break };
        each(at, (at - range.start) as usize, chunk)?;
        at += len as u64;
    }
    Ok(())
}
