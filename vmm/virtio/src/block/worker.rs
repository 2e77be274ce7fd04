//! Worker threads that execute a disk's requests.

use super::job::{CompletedJob, Job, Stale};
use super::request::{HEADER_LEN, Request, RequestError};
use super::request_queue::RequestQueue;
use crate::counters::DeviceCounters;
use oriel_disk::{BackingChain, IoBuffers, is_no_space};
use std::io;
use std::ops::Range;
use std::sync::Arc;
use virtio_bindings::virtio_blk::{
    VIRTIO_BLK_ID_BYTES, VIRTIO_BLK_S_IOERR, VIRTIO_BLK_S_OK, VIRTIO_BLK_S_UNSUPP,
};

/// Maximum number of bytes moved between file and guest at a time, for which a reset waits; a multiple of
/// every usual cluster size.
const CHUNK: u64 = 1 << 20;
/// Size of the bounce buffer for reads and writes that block on a disk.
const BUFFER: usize = 128 << 10;

/// Serial number that VIRTIO_BLK_T_GET_ID answers with, padded with zeroes.
pub type DiskSerial = [u8; VIRTIO_BLK_ID_BYTES as usize];

/// Reason for which a request failed.
enum Failure {
    Refused(RequestError),
    Host(io::Error),
    Stale,
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        Self::Host(error)
    }
}

impl From<Stale> for Failure {
    fn from(_: Stale) -> Self {
        Self::Stale
    }
}

/// Hook that each worker thread calls once, before its first request. The virtual machine monitor applies its
/// system call filter in the hook.
pub type ThreadSetup = Arc<dyn Fn() + Send + Sync>;

/// Worker thread that executes a disk's requests until [`RequestQueue::stop`].
pub struct Worker {
    /// Hook that runs first on the thread.
    pub thread_setup: ThreadSetup,
    /// Queue of the disk's requests.
    pub requests: Arc<RequestQueue>,
    /// Disk that requests read and write.
    pub disk: Arc<BackingChain>,
    /// Serial number of the disk.
    pub serial: DiskSerial,
    /// Counters of the machine's devices.
    pub counters: Arc<DeviceCounters>,
}

impl Worker {
    /// Executes requests until the queue is stopped.
    pub fn run(self) {
        (self.thread_setup)();
        let mut buffer = vec![0; BUFFER];
        let mut done = None;
        while let Some(job) = self.requests.next(done.take()) {
            let outcome = match &job.request {
                Ok(request) => self.perform_with_retry(&job, request, &mut buffer),
                Err(error) => Err(Failure::Refused(*error)),
            };
            if let Err(failure) = &outcome {
                self.record_failure(failure);
            }
            let (status, written) = match outcome {
                Ok(()) => (VIRTIO_BLK_S_OK, job.chain.writable_len()),
                Err(Failure::Refused(RequestError::Unsupported)) => (VIRTIO_BLK_S_UNSUPP, 1),
                Err(_) => (VIRTIO_BLK_S_IOERR, 1),
            };
            done = Some(CompletedJob { job, status: status as u8, written: written as u32 });
        }
    }

    /// Executes a request, and retries while the host has no space.
    fn perform_with_retry(&self, job: &Job, request: &Request, buffer: &mut [u8]) -> Result<(), Failure> {
        let mut waited = false;
        let outcome = loop {
            match self.perform(job, request, buffer) {
                Err(Failure::Host(error)) if is_no_space(&error) => {
                    let first = !std::mem::replace(&mut waited, true);
                    if first {
                        self.counters.block_no_space.add_one();
                    }
                    if let Err(stale) = self.requests.wait_for_space(job, first) {
                        break Err(stale.into());
                    }
                }
                outcome => break outcome,
            }
        };
        if waited {
            self.requests.end_wait_for_space();
        }
        outcome
    }

    /// Executes a request once.
    fn perform(&self, job: &Job, request: &Request, buffer: &mut [u8]) -> Result<(), Failure> {
        match request {
            Request::Read(range) => {
                for_each_chunk(range, CHUNK, |at, done, len| self.read(job, at, done, len, buffer))?;
                self.counters.block_read_bytes.add(range.end - range.start);
                Ok(())
            }
            Request::Write(range) => {
                for_each_chunk(range, CHUNK, |at, done, len| self.write(job, at, done, len, buffer))?;
                self.counters.block_written_bytes.add(range.end - range.start);
                self.flush_if_write_through(job)
            }
            Request::Flush => Ok(self.disk.flush()?),
            Request::GetId => {
                let room = job.chain.writable_len().saturating_sub(1);
                let id = self.serial.get(..room).unwrap_or(&self.serial);
                self.requests.with_guest_memory(job, || job.chain.write(0, id))?.map_err(out_of_chain)
            }
            Request::Discard(ranges) => {
                for range in ranges {
                    self.disk.discard(range.clone())?;
                }
                Ok(())
            }
            Request::WriteZeroes(ranges) => {
                for range in ranges {
                    self.disk.write_zeroes(range.bytes.clone(), range.may_unmap)?;
                }
                self.flush_if_write_through(job)
            }
        }
    }

    /// Reads `len` bytes from byte `at` of the disk into the request's data from byte `done` on. Bytes in the
    /// page cache are copied directly into guest memory.
    fn read(&self, job: &Job, at: u64, done: usize, len: usize, buffer: &mut [u8]) -> Result<(), Failure> {
        let slices = job.chain.writable_slices(done, len).map_err(out_of_chain)?;
        match self.requests.with_guest_memory(job, || self.disk.read_nowait(at, IoBuffers::new(&slices)))? {
            Err(error) if would_block(&error) => {}
            read => return Ok(read?),
        }
        self.requests.before_blocking();
        for_each_buffer(at, done, len, buffer, |at, done, piece| {
            self.disk.read(at, piece)?;
            self.requests.with_guest_memory(job, || job.chain.write(done, piece))?.map_err(out_of_chain)
        })
    }

    /// Writes `len` bytes of the request's data, from byte `done` on, to the disk at byte `at`.
    fn write(&self, job: &Job, at: u64, done: usize, len: usize, buffer: &mut [u8]) -> Result<(), Failure> {
        let done = HEADER_LEN + done;
        let slices = job.chain.readable_slices(done, len).map_err(out_of_chain)?;
        match self.requests.with_guest_memory(job, || self.disk.write_nowait(at, IoBuffers::new(&slices)))? {
            Err(error) if would_block(&error) => {}
            written => return Ok(written?),
        }
        for_each_buffer(at, done, len, buffer, |at, done, piece| {
            self.requests.with_guest_memory(job, || job.chain.read(done, piece))?.map_err(out_of_chain)?;
            Ok(self.disk.write(at, piece)?)
        })
    }

    /// Flushes the disk after a write, if the driver does not send flushes.
    fn flush_if_write_through(&self, job: &Job) -> Result<(), Failure> {
        if job.write_through {
            self.disk.flush()?;
        }
        Ok(())
    }

    /// Logs and counts a failed request.
    fn record_failure(&self, failure: &Failure) {
        match failure {
            Failure::Stale => return,
            Failure::Refused(error) => oriel_vmm_api::log_limited!(debug, ?error, "disk request refused"),
            Failure::Host(error) => oriel_vmm_api::log_limited!(error, %error, "disk request failed"),
        }
        self.counters.block_errors.add_one();
    }
}

/// Returns the failure for an access outside of a chain, which the parser has excluded.
fn out_of_chain<E>(_: E) -> Failure {
    Failure::Refused(RequestError::Invalid)
}

/// Whether the error means that the data is not in the page cache.
fn would_block(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::WouldBlock
}

/// Splits `range` at multiples of `most`. Calls `each` with the start of a chunk, the number of bytes before
/// the chunk, and its length.
fn for_each_chunk(
    range: &Range<u64>,
    most: u64,
    mut each: impl FnMut(u64, usize, usize) -> Result<(), Failure>,
) -> Result<(), Failure> {
    let mut at = range.start;
    while at < range.end {
        let len = (most - at % most).min(range.end - at);
        each(at, (at - range.start) as usize, len as usize)?;
        at += len;
    }
    Ok(())
}

/// Splits `len` bytes from `at` on the disk, which begin at byte `done` of the request's data, into parts
/// that fit `buffer`. Calls `each` with the position on the disk, the position in the data, and the slice.
fn for_each_buffer(
    at: u64,
    done: usize,
    len: usize,
    buffer: &mut [u8],
    mut each: impl FnMut(u64, usize, &mut [u8]) -> Result<(), Failure>,
) -> Result<(), Failure> {
    for_each_chunk(&(at..at + len as u64), BUFFER as u64, |at, before, len| match buffer.get_mut(..len) {
        Some(piece) => each(at, done + before, piece),
        None => Ok(()),
    })
}
