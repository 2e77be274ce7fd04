//! The one thread on which all devices of a machine do their work.

use oriel_jail::seccomp::{ThreadKind, apply_thread_filter};
use std::io;
use std::os::fd::{AsRawFd, RawFd};
use std::sync::Arc;
use std::sync::mpsc::{self, Receiver, Sender};
use std::thread::JoinHandle;
use vmm_sys_util::epoll::{ControlOperation, Epoll, EpollEvent, EventSet};
use vmm_sys_util::eventfd::EventFd;

/// Something with descriptors to watch.
pub trait Source: Send + Sync {
    /// Descriptors to watch for reading, each with its token for [`Self::ready`].
    fn fds(&self) -> Vec<(usize, RawFd)>;
    /// Descriptor `token` is readable; drain it.
    fn ready(&self, token: usize);
}

type Job = Box<dyn FnOnce() -> Flow + Send>;

#[derive(PartialEq, Eq)]
enum Flow {
    Continue,
    Stop,
}

/// A handle to the loop.
#[derive(Clone)]
pub struct Remote {
    jobs: Sender<Job>,
    wake: Arc<EventFd>,
}

/// The loop is gone.
#[derive(Debug, thiserror::Error)]
#[error("the device thread has ended")]
pub struct LoopGone;

impl Remote {
    /// Runs `job` on the loop's thread and waits for it. Never to be called on that thread.
    ///
    /// # Errors
    /// When the loop has ended.
    pub fn call<R: Send + 'static>(&self, job: impl FnOnce() -> R + Send + 'static) -> Result<R, LoopGone> {
        let (answer, answered) = mpsc::sync_channel(1);
        self.post(Box::new(move || {
            let _ = answer.send(job());
            Flow::Continue
        }))?;
        answered.recv().map_err(|_| LoopGone)
    }

    /// Ends the loop once what was called before is done.
    pub fn stop(&self) {
        let _ = self.post(Box::new(|| Flow::Stop));
    }

    fn post(&self, job: Job) -> Result<(), LoopGone> {
        self.jobs.send(job).map_err(|_| LoopGone)?;
        self.wake.write(1).map_err(|_| LoopGone)
    }
}

/// A loop that does not run yet.
pub struct EventLoop {
    jobs: Receiver<Job>,
    wake: Arc<EventFd>,
    remote: Remote,
}

const WAKE: u64 = u64::MAX;

impl EventLoop {
    /// A loop and, by [`Self::remote`], its handle.
    ///
    /// # Errors
    /// When the host is out of descriptors.
    pub fn new() -> io::Result<Self> {
        let wake = Arc::new(EventFd::new(libc::EFD_NONBLOCK | libc::EFD_CLOEXEC)?);
        let (sender, jobs) = mpsc::channel();
        Ok(Self { jobs, wake: wake.clone(), remote: Remote { jobs: sender, wake } })
    }

    /// Its handle.
    pub fn remote(&self) -> Remote {
        self.remote.clone()
    }

    /// Starts the thread that watches `sources`.
    ///
    /// # Errors
    /// When a descriptor cannot be watched or the thread cannot start.
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

fn run(epoll: &Epoll, routes: &[(Arc<dyn Source>, usize)], jobs: &Receiver<Job>, wake: &EventFd) {
    apply_thread_filter(ThreadKind::Devices);
    let mut events = [EpollEvent::default(); 32];
    loop {
        let count = match epoll.wait(-1, &mut events) {
            Ok(count) => count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => {
                tracing::error!(%error, "the device thread cannot wait");
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
