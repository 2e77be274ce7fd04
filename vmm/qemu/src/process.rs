//! QEMU's child process: isolated from the parent's descriptors and environment, killed when the parent dies,
//! and reaped.

use parking_lot::{Condvar, Mutex};
use std::io;
use std::os::fd::{AsRawFd, OwnedFd, RawFd};
use std::os::unix::process::CommandExt;
use std::process::{Child, ChildStderr, Command, ExitStatus, Stdio};
use std::sync::Arc;
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

/// Child process, running or ended; clones refer to the same process.
#[derive(Debug, Clone)]
pub(crate) struct Process {
    pid: u32,
    exit: Arc<Exit>,
}

/// Exit status of the child, once known.
#[derive(Debug, Default)]
struct Exit {
    /// Exit status. It is set in the critical section that reaps the child, so that no signal is sent to a
    /// process identifier after the system has reused it.
    status: Mutex<Option<ExitStatus>>,
    changed: Condvar,
}

impl Process {
    /// Starts `command` with an empty environment and no descriptors but `inherited`, under the same numbers,
    /// and standard error. `on_exit` runs on the watching thread once the child is reaped.
    ///
    /// # Errors
    /// The errors of creating the thread, fork and exec.
    pub fn spawn(
        mut command: Command,
        inherited: Vec<OwnedFd>,
        on_exit: impl FnOnce(ExitStatus) + Send + 'static,
    ) -> io::Result<(Self, ChildStderr)> {
        let keep: Vec<RawFd> = inherited.iter().map(AsRawFd::as_raw_fd).collect();
        // SAFETY: getpid has no preconditions.
        let parent = unsafe { libc::getpid() };
        command
            .env_clear()
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .process_group(0);
        // SAFETY: the closure only makes async-signal-safe system calls and does not allocate.
        unsafe {
            command.pre_exec(move || prepare_child(parent, &keep));
        }
        let exit = Arc::new(Exit::default());
        let watched = Arc::clone(&exit);
        let (report, started) = mpsc::sync_channel(1);
        // The parent-death signal fires when the *thread* that forked ends, so the thread that
        // forks is the one that waits for the child to end.
        thread::Builder::new().name("qemu-process".to_owned()).spawn(move || {
            let spawned = command.spawn();
            drop(inherited);
            match spawned {
                Err(error) => drop(report.send(Err(error))),
                Ok(mut child) => {
                    let stderr = child.stderr.take();
                    drop(report.send(Ok((child.id(), stderr))));
                    if let Some(status) = reap(&mut child, &watched) {
                        on_exit(status);
                    }
                }
            }
        })?;
        let (pid, stderr) = started.recv().map_err(|_| io::Error::from(io::ErrorKind::BrokenPipe))??;
        let stderr = stderr.ok_or_else(|| io::Error::from(io::ErrorKind::BrokenPipe))?;
        Ok((Self { pid, exit }, stderr))
    }

    /// Process identifier.
    pub fn id(&self) -> u32 {
        self.pid
    }

    /// Kills the process (SIGKILL); has no effect when the process has ended.
    pub fn kill(&self) {
        let status = self.exit.status.lock();
        if status.is_none()
            && let Ok(pid) = libc::pid_t::try_from(self.pid)
        {
            // SAFETY: the child is not reaped while the lock is held, so the number is still its own.
            unsafe { libc::kill(pid, libc::SIGKILL) };
        }
    }

    /// Waits for at most `timeout` until the process has ended; `None` when it still runs.
    pub fn wait(&self, timeout: Duration) -> Option<ExitStatus> {
        let deadline = Instant::now() + timeout;
        let mut status = self.exit.status.lock();
        loop {
            if status.is_some() {
                return *status;
            }
            let left = deadline.checked_duration_since(Instant::now())?;
            self.exit.changed.wait_for(&mut status, left);
        }
    }
}

/// Prepares the child between fork and exec: parent-death signal, no new privileges, no core file, and
/// close-on-exec for all descriptors but `keep`.
fn prepare_child(parent: libc::pid_t, keep: &[RawFd]) -> io::Result<()> {
    let no_core = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
    // SAFETY: plain system calls on valid arguments.
    unsafe {
        check(libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL))?;
        if libc::getppid() != parent {
            // The parent died before the signal was set.
            return Err(io::Error::from_raw_os_error(libc::ESRCH));
        }
        check(libc::prctl(libc::PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))?;
        // A core file would hold the guest's memory.
        check(libc::setrlimit(libc::RLIMIT_CORE, &raw const no_core))?;
        check(libc::close_range(3, libc::c_uint::MAX, libc::CLOSE_RANGE_CLOEXEC as libc::c_int))?;
        for &descriptor in keep {
            check(libc::fcntl(descriptor, libc::F_SETFD, 0))?;
        }
    }
    Ok(())
}

/// Disables transparent huge pages for the child process (prctl(2), `PR_SET_THP_DISABLE`).
pub(crate) fn forbid_huge_pages(command: &mut Command) {
    // SAFETY: one system call, safe after fork.
    unsafe {
        command.pre_exec(|| check(libc::prctl(libc::PR_SET_THP_DISABLE, 1, 0, 0, 0)));
    }
}

/// Converts the result of a system call.
fn check(result: libc::c_int) -> io::Result<()> {
    if result < 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
}

/// Waits for the child's end without reaping it, then reaps it under the lock of `exit`.
fn reap(child: &mut Child, exit: &Exit) -> Option<ExitStatus> {
    loop {
        // SAFETY: an all-zero siginfo_t is valid, and waitid writes only into it.
        let result = unsafe {
            let mut info: libc::siginfo_t = std::mem::zeroed();
            libc::waitid(libc::P_PID, child.id(), &raw mut info, libc::WEXITED | libc::WNOWAIT)
        };
        if result == 0 || io::Error::last_os_error().kind() != io::ErrorKind::Interrupted {
            break;
        }
    }
    let mut status = exit.status.lock();
    *status = child.wait().ok();
    let reaped = *status;
    drop(status);
    exit.changed.notify_all();
    reaped
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Read;

    fn run(program: &str, arguments: &[&str], inherited: Vec<OwnedFd>) -> (Process, ChildStderr) {
        let mut command = Command::new(program);
        command.args(arguments);
        Process::spawn(command, inherited, |_| ()).unwrap()
    }

    #[test]
    fn the_child_gets_no_environment_and_only_the_descriptors_it_is_given() {
        let (_ours, theirs) = std::os::unix::net::UnixStream::pair().unwrap();
        let theirs = OwnedFd::from(theirs);
        let number = theirs.as_raw_fd();
        // A descriptor that someone left open without close-on-exec.
        // SAFETY: dup makes a new descriptor; it stays open to the end of the test on purpose.
        let leaked = unsafe { libc::dup(number) };
        assert!(leaked > 2);
        // `ls` itself opens one more to read the folder.
        let script = "ls /proc/self/fd >&2; env >&2";
        let (process, mut stderr) = run("/bin/sh", &["-c", script], vec![theirs]);
        let mut said = String::new();
        stderr.read_to_string(&mut said).unwrap();
        assert!(process.wait(Duration::from_secs(10)).unwrap().success());
        let words: Vec<&str> = said.split_whitespace().collect();
        assert!(words.contains(&number.to_string().as_str()), "{said}");
        assert!(!words.contains(&leaked.to_string().as_str()), "{said}");
        assert!(!said.contains("CARGO"), "{said}");
        // SAFETY: `leaked` is ours and used nowhere else.
        unsafe { libc::close(leaked) };
    }

    #[test]
    fn a_killed_child_is_reaped_and_killing_it_again_does_nothing() {
        let (process, _stderr) = run("/bin/sleep", &["1000"], Vec::new());
        assert!(process.wait(Duration::ZERO).is_none());
        process.kill();
        let status = process.wait(Duration::from_secs(10)).unwrap();
        assert_eq!(std::os::unix::process::ExitStatusExt::signal(&status), Some(libc::SIGKILL));
        process.kill();
    }

    #[test]
    fn a_missing_program_is_an_error() {
        let error = Process::spawn(Command::new("/nonexistent/qemu"), Vec::new(), |_| ()).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::NotFound);
    }
}
