//! Start of a process in new namespaces, with selected descriptors and an empty environment.
//!
//! The child sets itself up between clone(2) and execve(2) by system calls only. The rest of the jail is
//! applied by the started program itself, with [`crate::enter`].

use crate::namespaces::Namespaces;
use crate::{capabilities, descriptors};
use rustix::io::Errno;
use rustix::process::{Pid, Signal, WaitId, WaitIdOptions};
use std::ffi::{CStr, CString};
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

/// Builder of a process: program and arguments.
pub struct Spawn {
    program: CString,
    arguments: Vec<CString>,
}

/// Started process with its namespaces: result of [`Spawn::start`].
pub struct Started {
    /// Handle of the process.
    pub child: Child,
    /// Namespaces that the process was started in, for [`crate::Plan::namespaces`].
    pub namespaces: Namespaces,
}

/// Handle of a child process. Dropping the handle does not end the process; the end of its parent does.
pub struct Child {
    pid: Pid,
    pidfd: OwnedFd,
}

/// Exit status of a process (wait(2)).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ExitStatus {
    /// The process exited with this status.
    Exited(i32),
    /// The process was killed by this signal (signal(7)).
    Killed(i32),
}

impl Child {
    /// Returns the process number in the namespace of the caller.
    pub fn id(&self) -> u32 {
        self.pid.as_raw_nonzero().get().unsigned_abs()
    }

    /// Returns the process's pidfd (pidfd_open(2)), which is readable once the process has ended.
    pub fn pidfd(&self) -> BorrowedFd<'_> {
        self.pidfd.as_fd()
    }

    /// Kills the process, and with it all other processes of its process namespace, if it has one.
    pub fn kill(&self) {
        // An error means that the process has ended already.
        let _ = rustix::process::pidfd_send_signal(&self.pidfd, Signal::KILL);
    }

    /// Waits for the end of the process and returns its exit status. Must be called once.
    ///
    /// # Errors
    /// When the exit status was returned already.
    pub fn wait(&self) -> io::Result<ExitStatus> {
        loop {
            match rustix::process::waitid(WaitId::PidFd(self.pidfd.as_fd()), WaitIdOptions::EXITED) {
                Ok(Some(status)) => {
                    return Ok(match (status.exit_status(), status.terminating_signal()) {
                        (Some(status), _) => ExitStatus::Exited(status),
                        (None, signal) => ExitStatus::Killed(signal.unwrap_or_default()),
                    });
                }
                Ok(None) | Err(Errno::INTR) => {}
                Err(error) => return Err(error.into()),
            }
        }
    }
}

impl Spawn {
    /// Creates a builder for `program` with `arguments`, the first of which is the program's name (argv[0]).
    ///
    /// # Errors
    /// When the path or an argument contains a zero byte.
    pub fn new(program: &Path, arguments: &[&str]) -> io::Result<Self> {
        let arguments = arguments.iter().map(|word| CString::new(*word)).collect::<Result<_, _>>()?;
        Ok(Self { program: CString::new(program.as_os_str().as_bytes())?, arguments })
    }

    /// Starts the process in all namespaces that the host allows. The process gets `handed` from
    /// [`descriptors::FIRST_HANDED`] on, `/dev/null` as standard input, and the caller's standard output
    /// and error. With `shares_network` it stays in the caller's network namespace.
    ///
    /// # Errors
    /// When clone(2), the set-up of the child or execve(2) fails. Refused namespaces are not an error.
    pub fn start(&self, handed: &[BorrowedFd<'_>], shares_network: bool) -> io::Result<Started> {
        let everything = [false, true].map(|own_user| Namespaces::all(shares_network, own_user));
        for namespaces in everything {
            match self.start_in(namespaces, handed) {
                Err(error) if is_refusal(&error) => {}
                result => return result,
            }
        }
        let namespaces = Namespaces::some(shares_network, try_clone);
        self.start_in(namespaces, handed)
    }

    /// Starts the process in exactly `namespaces`, and waits until execve(2) has succeeded or failed.
    fn start_in(&self, namespaces: Namespaces, handed: &[BorrowedFd<'_>]) -> io::Result<Started> {
        let (errors, report) = rustix::pipe::pipe_with(rustix::pipe::PipeFlags::CLOEXEC)?;
        let null = descriptors::null()?;
        let mut argv: Vec<*const libc::c_char> = self.arguments.iter().map(|word| word.as_ptr()).collect();
        argv.push(std::ptr::null());
        let setup = ChildSetup {
            // The child writes its error here when it fails before or in execve(2).
            report: copy_above(report.as_fd(), handed)?,
            null: copy_above(null.as_fd(), handed)?,
            handed: handed.iter().map(|one| copy_above(*one, handed)).collect::<Result<_, _>>()?,
            maps: namespaces.own_user().then(Maps::of_this_user),
        };
        let mut pidfd: RawFd = -1;
        // SAFETY: as with fork(2), the child has a copy of the memory; until execve(2) it only makes system
        // calls with data prepared above.
        let pid = unsafe { clone(namespaces.flags() | libc::CLONE_PIDFD, &mut pidfd) }?;
        let Some(pid) = Pid::from_raw(pid) else {
            let error = setup.apply().err().unwrap_or_else(|| execute(&self.program, &argv));
            let _ = rustix::io::write(&setup.report, &error.raw_os_error().to_ne_bytes());
            // SAFETY: ends the child at once, without running destructors of the parent's values.
            unsafe { libc::_exit(127) }
        };
        // SAFETY: the kernel created the descriptor for this process (CLONE_PIDFD); it has no other owner.
        let child = Child { pid, pidfd: unsafe { OwnedFd::from_raw_fd(pidfd) } };
        drop((report, setup));
        let mut errno = [0; 4];
        if rustix::io::read(&errors, &mut errno)? == errno.len() {
            let _ = child.wait();
            return Err(io::Error::from_raw_os_error(i32::from_ne_bytes(errno)));
        }
        Ok(Started { child, namespaces })
    }
}

/// Returns a copy of `descriptor` with a number above those that the `handed` descriptors get.
fn copy_above(descriptor: BorrowedFd<'_>, handed: &[BorrowedFd<'_>]) -> io::Result<OwnedFd> {
    let least = descriptors::FIRST_HANDED + handed.len() as RawFd;
    Ok(rustix::io::fcntl_dupfd_cloexec(descriptor, least)?)
}

/// Returns whether `error` is one that clone(2) returns for refused namespaces.
fn is_refusal(error: &io::Error) -> bool {
    let refusals = [libc::EPERM, libc::EACCES, libc::EINVAL, libc::ENOSPC, libc::EUSERS, libc::ENOSYS];
    error.raw_os_error().is_some_and(|errno| refusals.contains(&errno))
}

/// Tries whether a child can be created with `flags`; the child exits at once.
fn try_clone(flags: libc::c_int) -> Result<(), Errno> {
    let mut pidfd = -1;
    let maps = Maps::of_this_user();
    // SAFETY: as with fork(2); the child only makes system calls with data prepared above.
    let pid = unsafe { clone(flags | libc::CLONE_PIDFD, &mut pidfd) }
        .map_err(|error| Errno::from_io_error(&error).unwrap_or(Errno::IO))?;
    let Some(pid) = Pid::from_raw(pid) else {
        let status = match flags & libc::CLONE_NEWUSER {
            0 => 0,
            _ => maps.write().map_or_else(|errno| errno.raw_os_error(), |()| 0),
        };
        // SAFETY: ends the child at once.
        unsafe { libc::_exit(status) }
    };
    // SAFETY: the kernel created the descriptor for this process; it has no other owner.
    let child = Child { pid, pidfd: unsafe { OwnedFd::from_raw_fd(pidfd) } };
    match child.wait() {
        Ok(ExitStatus::Exited(0)) => Ok(()),
        Ok(ExitStatus::Exited(errno)) => Err(Errno::from_raw_os_error(errno)),
        _ => Err(Errno::IO),
    }
}

/// Creates a child process by clone(2) and returns its number, 0 in the child. The child's pidfd is written
/// to `pidfd` when `flags` has `CLONE_PIDFD`.
///
/// # Safety
/// As with fork(2): in a process with several threads, the child may only do what is safe in a signal
/// handler (signal-safety(7)).
unsafe fn clone(flags: libc::c_int, pidfd: &mut RawFd) -> io::Result<i32> {
    let flags = (flags | libc::SIGCHLD) as libc::c_ulong;
    let (none, parent_tid) = (std::ptr::null_mut::<libc::c_void>(), std::ptr::from_mut(pidfd));
    // SAFETY: with a null stack the child continues on a copy of this stack; for CLONE_PIDFD the kernel
    // writes to `pidfd`, which outlives the call.
    let result = unsafe { libc::syscall(libc::SYS_clone, flags, none, parent_tid, none, none) };
    if result < 0 { Err(io::Error::last_os_error()) } else { Ok(result as i32) }
}

/// Data for the set-up of a child between clone(2) and execve(2), prepared by the parent.
struct ChildSetup {
    /// Pipe to the parent for an error number.
    report: OwnedFd,
    /// `/dev/null`, for standard input.
    null: OwnedFd,
    /// Descriptors to pass, in order.
    handed: Vec<OwnedFd>,
    /// Maps of a new user namespace, if there is one.
    maps: Option<Maps>,
}

impl ChildSetup {
    /// Sets up the child: parent-death signal, user namespace, descriptors. Runs in the child: no allocation,
    /// no locks.
    fn apply(&self) -> Result<(), Errno> {
        rustix::process::set_parent_process_death_signal(Some(Signal::KILL))?;
        if let Some(maps) = &self.maps {
            maps.write()?;
            capabilities::keep_over_exec()?;
        }
        replace(&self.null, 0)?;
        for (from, to) in self.handed.iter().zip(descriptors::FIRST_HANDED..) {
            replace(from, to)?;
        }
        descriptors::close_others_at_exec(self.handed.len())
    }
}

fn replace(from: &OwnedFd, to: RawFd) -> Result<(), Errno> {
    // SAFETY: between clone(2) and execve(2) no code uses the previous descriptor `to`.
    unsafe { result(libc::dup2(from.as_raw_fd(), to)).map(drop) }
}

fn result(value: libc::c_int) -> Result<libc::c_int, Errno> {
    if value < 0 {
        Err(Errno::from_io_error(&io::Error::last_os_error()).unwrap_or(Errno::IO))
    } else {
        Ok(value)
    }
}

/// Replaces the program of this process (execve(2)); returns only on failure.
fn execute(program: &CStr, argv: &[*const libc::c_char]) -> Errno {
    let environment: [*const libc::c_char; 1] = [std::ptr::null()];
    // SAFETY: the strings end with a zero byte, the lists with a null pointer, and all outlive the call.
    unsafe { libc::execve(program.as_ptr(), argv.as_ptr(), environment.as_ptr()) };
    Errno::from_io_error(&io::Error::last_os_error()).unwrap_or(Errno::IO)
}

/// Maps of a user namespace with this process's user and group only (user_namespaces(7)).
struct Maps {
    /// Line of `/proc/self/uid_map`.
    user: String,
    /// Line of `/proc/self/gid_map`.
    group: String,
}

impl Maps {
    /// Returns the maps for the effective user and group of this process.
    fn of_this_user() -> Self {
        let (user, group) = (rustix::process::geteuid().as_raw(), rustix::process::getegid().as_raw());
        Self { user: format!("{user} {user} 1"), group: format!("{group} {group} 1") }
    }

    /// Writes the maps of the user namespace of this process. Runs in the child: no allocation, no locks.
    fn write(&self) -> Result<(), Errno> {
        let files = [
            (c"/proc/self/setgroups", "deny"),
            (c"/proc/self/uid_map", &self.user),
            (c"/proc/self/gid_map", &self.group),
        ];
        for (path, text) in files {
            let flags = rustix::fs::OFlags::WRONLY | rustix::fs::OFlags::CLOEXEC;
            let file = rustix::fs::open(path, flags, rustix::fs::Mode::empty())?;
            rustix::io::write(&file, text.as_bytes())?;
        }
        Ok(())
    }
}
