//! Event loop on the one thread on which all virtio devices of a machine work.
//!
//! The loop waits with epoll for doorbells and backends ([`Source`]) and for jobs from other threads
//! ([`Remote`]). Disk requests are processed on worker threads of their own.

use oriel_jail::seccomp::{ThreadKind, apply_thread_filter};
use std::io;
use std::os::fd::{AsRawFd, RawFd};
use std::sync::Arc;
use std::sync::mpsc::{self, Receiver, Sender};
use std::thread::JoinHandle;
use vmm_sys_util::epoll::{ControlOperation, Epoll, EpollEvent, EventSet};
use vmm_sys_util::eventfd::EventFd;

/// Owner of descriptors that the loop watches.
pub trait Source: Send + Sync {
    /// Returns the descriptors to watch for reading, each with its token for [`Self::ready`]. Called once,
    /// when the loop starts.
    fn fds(&self) -> Vec<(usize, RawFd)>;
    /// Handles a readable descriptor, identified by `token`. It must be drained, or the loop calls again at
    /// once.
    fn ready(&self, token: usize);
}

/// Closure that the loop executes between two waits.
type Job = Box<dyn FnOnce() -> Flow + Send>;

/// Result of a job: whether the loop continues.
#[derive(PartialEq, Eq)]
enum Flow {
    Continue,
    Stop,
}

/// Handle by which other threads execute jobs on the loop's thread.
#[derive(Clone)]
pub struct Remote {
    jobs: Sender<Job>,
    wake: Arc<EventFd>,
}

/// Error of a job that was not executed because the loop has ended.
#[derive(Debug, thiserror::Error)]
#[error("the device thread has ended")]
pub struct LoopGone;

impl Remote {
    /// Executes `job` on the loop's thread and returns its result. Must not be called on that thread, which
    /// would wait forever.
    ///
    /// # Errors
    /// [`LoopGone`] when the loop has ended.
    pub fn call<R: Send + 'static>(&self, job: impl FnOnce() -> R + Send + 'static) -> Result<R, LoopGone> {
        let (answer, answered) = mpsc::sync_channel(1);
        self.post(Box::new(move || {
            let _ = answer.send(job());
            Flow::Continue
        }))?;
        answered.recv().map_err(|_| LoopGone)
    }

    /// Ends the loop after all jobs that were posted before.
    pub fn stop(&self) {
        let _ = self.post(Box::new(|| Flow::Stop));
    }

    /// Posts `job` and wakes the loop.
    fn post(&self, job: Job) -> Result<(), LoopGone> {
        self.jobs.send(job).map_err(|_| LoopGone)?;
        self.wake.write(1).map_err(|_| LoopGone)
    }
}

/// Event loop that has not been started yet.
pub struct EventLoop {
    jobs: Receiver<Job>,
    wake: Arc<EventFd>,
    remote: Remote,
}

/// Epoll data of the descriptor that announces jobs; no source's index.
const WAKE: u64 = u64::MAX;

impl EventLoop {
    /// Creates a loop without a thread. Handles from [`Self::remote`] are valid from now on.
    ///
    /// # Errors
    /// An error of the system when the host is out of descriptors.
    pub fn new() -> io::Result<Self> {
        let wake = Arc::new(EventFd::new(libc::EFD_NONBLOCK | libc::EFD_CLOEXEC)?);
        let (sender, jobs) = mpsc::channel();
        Ok(Self { jobs, wake: wake.clone(), remote: Remote { jobs: sender, wake } })
    }

    /// Returns a handle to the loop.
    pub fn remote(&self) -> Remote {
        self.remote.clone()
    }

    /// Starts the loop's thread, which watches `sources`.
    ///
    /// # Errors
    /// An error of the system when a descriptor cannot be watched or the thread cannot be started.
    pub fn spawn(self, sources: Vec<Arc<dyn Source>>) -> io::Result<JoinHandle<()>> {
        let epoll = Epoll::new()?;
        let watch = |fd, data| epoll.ctl(ControlOperation::Add, fd, EpollEvent::new(EventSet::IN, data));
        watch(self.wake.as_raw_fd(), WAKE)?;
        let mut routes: Vec<(Arc<dyn Source>, usize)> = Vec::new();
        for source in sources {
            for (token, fd) in source.fds() {
                watch(fd, routes.len() as u64)?;
                routes.push((source.clone(), token));
            }
        }
        let Self { jobs, wake, remote } = self;
        drop(remote);
        std::thread::Builder::new().name("devices".into()).spawn(move || run(&epoll, &routes, &jobs, &wake))
    }
}

/// Runs the loop on its thread until a job stops it.
fn run(epoll: &Epoll, routes: &[(Arc<dyn Source>, usize)], jobs: &Receiver<Job>, wake: &EventFd) {
    apply_thread_filter(ThreadKind::Devices);
    let mut events = [EpollEvent::default(); 32];
    loop {
        let count = match epoll.wait(-1, &mut events) {
            Ok(count) => count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => {
                tracing::error!(%error, "the device thread ends because epoll failed; restart the desktop");
                return;
            }
        };
        for event in events.iter().take(count) {
            if event.data() == WAKE {
                let _ = wake.read();
                if jobs.try_iter().any(|job| job() == Flow::Stop) {
                    return;
                }
            } else if let Some((source, token)) =
                usize::try_from(event.data()).ok().and_then(|route| routes.get(route))
            {
                source.ready(*token);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Bell {
        fd: EventFd,
        rung: Sender<u64>,
    }

    impl Source for Bell {
        fn fds(&self) -> Vec<(usize, RawFd)> {
            vec![(0, self.fd.as_raw_fd())]
        }
        fn ready(&self, _token: usize) {
            let _ = self.rung.send(self.fd.read().unwrap());
        }
    }

    #[test]
    fn sources_are_heard_and_jobs_are_answered_until_it_stops() {
        let (rung, heard) = mpsc::channel();
        let bell = Arc::new(Bell { fd: EventFd::new(libc::EFD_NONBLOCK).unwrap(), rung });
        let event_loop = EventLoop::new().unwrap();
        let remote = event_loop.remote();
        let thread = event_loop.spawn(vec![bell.clone()]).unwrap();
        bell.fd.write(3).unwrap();
        assert_eq!(heard.recv().unwrap(), 3);
        let name = remote.call(|| std::thread::current().name().map(str::to_owned)).unwrap();
        assert_eq!(name.as_deref(), Some("devices"));
        remote.stop();
        thread.join().unwrap();
        assert!(remote.call(|| ()).is_err());
    }
}
