//! The threads that do a disk's requests.

use super::request::{HEADER_LEN, Refusal, Request};
use super::shared::{Job, Shared, Stale};
use crate::counters::Counters;
use oriel_disk::{DiskStack, is_no_space};
use oriel_jail::seccomp::{Thread, narrow};
use std::io;
use std::ops::Range;
use std::sync::Arc;
use virtio_bindings::virtio_blk::{
    VIRTIO_BLK_ID_BYTES, VIRTIO_BLK_S_IOERR, VIRTIO_BLK_S_OK, VIRTIO_BLK_S_UNSUPP,
};

/// Bytes moved between file and guest at a time; a multiple of every usual cluster.
const CHUNK: usize = 128 << 10;

/// What GET_ID answers.
pub type Serial = [u8; VIRTIO_BLK_ID_BYTES as usize];

/// Why a request failed, or why nobody is to be told.
enum Failure {
    Refused(Refusal),
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

/// Does requests until [`Shared::stop`].
pub struct Worker {
    pub shared: Arc<Shared>,
    pub disk: Arc<DiskStack>,
    pub id: Serial,
    pub counters: Arc<Counters>,
}

impl Worker {
    /// The thread's body.
    pub fn run(self) {
        narrow(Thread::Disk);
        let mut buffer = vec![0; CHUNK];
        while let Some(job) = self.shared.next() {
            let outcome = match &job.request {
                Ok(request) => self.perform_with_room(&job, request, &mut buffer),
                Err(refusal) => Err(Failure::Refused(*refusal)),
            };
            if let Err(failure) = &outcome {
                self.note(failure);
            }
            let (status, written) = match outcome {
                Ok(()) => (VIRTIO_BLK_S_OK, job.chain.writable_len()),
                Err(Failure::Refused(Refusal::Unsupported)) => (VIRTIO_BLK_S_UNSUPP, 1),
                Err(_) => (VIRTIO_BLK_S_IOERR, 1),
            };
            self.shared.finish(job, status as u8, written as u32);
        }
    }

    /// Performs a request, and again for as long as the host has no room for it.
    fn perform_with_room(&self, job: &Job, request: &Request, buffer: &mut [u8]) -> Result<(), Failure> {
        let mut waited = false;
        let outcome = loop {
            match self.perform(job, request, buffer) {
                Err(Failure::Host(error)) if is_no_space(&error) => {
                    let first = !std::mem::replace(&mut waited, true);
                    if first {
                        self.counters.block_no_space.add_one();
                    }
                    if let Err(stale) = self.shared.wait_for_room(job, first) {
                        break Err(stale.into());
                    }
                }
                outcome => break outcome,
            }
        };
        if waited {
            self.shared.end_wait_for_room();
        }
        outcome
    }

    fn perform(&self, job: &Job, request: &Request, buffer: &mut [u8]) -> Result<(), Failure> {
        match request {
            Request::Read(range) => {
                each_chunk(range, buffer, |at, done, chunk| {
                    self.disk.read(at, chunk)?;
                    self.shared.with_guest(job, || job.chain.write(done, chunk))?.map_err(out_of_chain)
                })?;
                self.counters.block_read_bytes.add(range.end - range.start);
                Ok(())
            }
            Request::Write(range) => {
                each_chunk(range, buffer, |at, done, chunk| {
                    let copied = self.shared.with_guest(job, || job.chain.read(HEADER_LEN + done, chunk))?;
                    copied.map_err(out_of_chain)?;
                    Ok(self.disk.write(at, chunk)?)
                })?;
                self.counters.block_written_bytes.add(range.end - range.start);
                self.settle(job)
            }
            Request::Flush => Ok(self.disk.flush()?),
            Request::GetId => {
                let room = job.chain.writable_len().saturating_sub(1);
                let id = self.id.get(..room).unwrap_or(&self.id);
                self.shared.with_guest(job, || job.chain.write(0, id))?.map_err(out_of_chain)
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
                self.settle(job)
            }
        }
    }

    fn settle(&self, job: &Job) -> Result<(), Failure> {
        if job.write_through {
            self.disk.flush()?;
        }
        Ok(())
    }

    fn note(&self, failure: &Failure) {
        match failure {
            Failure::Stale => return,
            Failure::Refused(refusal) => tracing::debug!(?refusal, "disk request refused"),
            Failure::Host(error) => tracing::error!(%error, "disk request failed"),
        }
        self.counters.block_errors.add_one();
    }
}

/// The request was checked against its chain, so it does not reach outside of it.
fn out_of_chain<E>(_: E) -> Failure {
    Failure::Refused(Refusal::Invalid)
}

/// Cuts `range` into pieces that fit `buffer` and end where the disk's clusters do: where each
/// lies, how much came before it, its room.
fn each_chunk(
    range: &Range<u64>,
    buffer: &mut [u8],
    mut each: impl FnMut(u64, usize, &mut [u8]) -> Result<(), Failure>,
) -> Result<(), Failure> {
    let mut at = range.start;
    while at < range.end {
        let len = (CHUNK as u64 - at % CHUNK as u64).min(range.end - at);
        let Some(chunk) = buffer.get_mut(..len as usize) else { break };
        each(at, (at - range.start) as usize, chunk)?;
        at += len;
    }
    Ok(())
}
