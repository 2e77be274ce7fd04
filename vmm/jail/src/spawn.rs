//! Starting a process in namespaces of its own, with the descriptors that it is handed and nothing
//! else of its parent's.

use crate::namespaces::Namespaces;
use crate::{capabilities, descriptors};
use rustix::io::Errno;
use rustix::process::{Pid, Signal, WaitId, WaitIdOptions};
use std::ffi::{CStr, CString};
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

/// A program to start.
pub struct Spawn {
    program: CString,
    arguments: Vec<CString>,
}

/// A process that was started.
pub struct Started {
    /// It.
    pub child: Child,
    /// What it was started in; the plan for it wants to know.
    pub namespaces: Namespaces,
}

/// A child process. It is not killed when this is dropped, but it hears of its parent's death.
pub struct Child {
    pid: Pid,
    pidfd: OwnedFd,
}

/// How a process ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// With this status.
    Exited(i32),
    /// By this signal.
    Killed(i32),
}

impl Child {
    /// Its number here.
    pub fn id(&self) -> u32 {
        self.pid.as_raw_nonzero().get().unsigned_abs()
    }

    /// Readable once it has ended (pidfd_open(2)).
    pub fn pidfd(&self) -> BorrowedFd<'_> {
        self.pidfd.as_fd()
    }

    /// Kills it, and with it all others in its process namespace.
    pub fn kill(&self) {
        // One that has ended needs no killing.
        let _ = rustix::process::pidfd_send_signal(&self.pidfd, Signal::KILL);
    }

    /// Waits for its end. To be called once.
    ///
    /// # Errors
    /// When it was waited for already.
    pub fn wait(&self) -> io::Result<Ending> {
        loop {
            match rustix::process::waitid(WaitId::PidFd(self.pidfd.as_fd()), WaitIdOptions::EXITED) {
                Ok(Some(status)) => {
                    return Ok(match (status.exit_status(), status.terminating_signal()) {
                        (Some(status), _) => Ending::Exited(status),
                        (None, signal) => Ending::Killed(signal.unwrap_or_default()),
                    });
                }
                Ok(None) | Err(Errno::INTR) => {}
                Err(error) => return Err(error.into()),
            }
        }
    }
}

impl Spawn {
    /// `program` with `arguments`, the first of which is the name that it goes by.
    ///
    /// # Errors
    /// When one of them has a zero byte in it.
    pub fn new(program: &Path, arguments: &[&str]) -> io::Result<Self> {
        let arguments = arguments.iter().map(|word| CString::new(*word)).collect::<Result<_, _>>()?;
        Ok(Self { program: CString::new(program.as_os_str().as_bytes())?, arguments })
    }

    /// Starts it. It finds `handed` at [`descriptors::FIRST_HANDED`] and the numbers that follow,
    /// the null device at standard input, and this process's standard output and error.
    ///
    /// # Errors
    /// As clone(2) and execve(2) fail; namespaces that cannot be had are no error.
    pub fn start(&self, handed: &[BorrowedFd<'_>], shares_network: bool) -> io::Result<Started> {
        let everything = [false, true].map(|own_user| Namespaces::all(shares_network, own_user));
        for namespaces in everything {
            match self.start_in(namespaces, handed) {
                Err(error) if is_refusal(&error) => {}
                result => return result,
            }
        }
        let namespaces = Namespaces::some(shares_network, can_be_had);
        self.start_in(namespaces, handed)
    }

    fn start_in(&self, namespaces: Namespaces, handed: &[BorrowedFd<'_>]) -> io::Result<Started> {
        let (trouble, report) = rustix::pipe::pipe_with(rustix::pipe::PipeFlags::CLOEXEC)?;
        let null = descriptors::null()?;
        let mut argv: Vec<*const libc::c_char> = self.arguments.iter().map(|word| word.as_ptr()).collect();
        argv.push(std::ptr::null());
        let setup = ChildSetup {
            // What the child has to say if it does not come to execve(2).
            report: aside(report.as_fd(), handed)?,
            null: aside(null.as_fd(), handed)?,
            handed: handed.iter().map(|one| aside(*one, handed)).collect::<Result<_, _>>()?,
            maps: namespaces.own_user().then(Maps::of_this_user),
        };
        let mut pidfd: RawFd = -1;
        // SAFETY: as fork(2): the child has a copy of everything, and until execve(2) does nothing
        // but system calls on what was made ready above.
        let pid = unsafe { clone(namespaces.flags() | libc::CLONE_PIDFD, &mut pidfd) }?;
        let Some(pid) = Pid::from_raw(pid) else {
            let error = setup.apply().err().unwrap_or_else(|| execute(&self.program, &argv));
            let _ = rustix::io::write(&setup.report, &error.raw_os_error().to_ne_bytes());
            // SAFETY: ends the child at once, without the destructors that belong to the parent.
            unsafe { libc::_exit(127) }
        };
        // SAFETY: the kernel made it for this process (CLONE_PIDFD), and nobody else knows of it.
        let child = Child { pid, pidfd: unsafe { OwnedFd::from_raw_fd(pidfd) } };
        drop((report, setup));
        let mut errno = [0; 4];
        if rustix::io::read(&trouble, &mut errno)? == errno.len() {
            let _ = child.wait();
            return Err(io::Error::from_raw_os_error(i32::from_ne_bytes(errno)));
        }
        Ok(Started { child, namespaces })
    }
}

/// A copy whose number is out of the way of those that `handed` are to get.
fn aside(descriptor: BorrowedFd<'_>, handed: &[BorrowedFd<'_>]) -> io::Result<OwnedFd> {
    let least = descriptors::FIRST_HANDED + handed.len() as RawFd;
    Ok(rustix::io::fcntl_dupfd_cloexec(descriptor, least)?)
}

/// Whether the namespaces were refused, rather than something else failing.
fn is_refusal(error: &io::Error) -> bool {
    let refusals = [libc::EPERM, libc::EACCES, libc::EINVAL, libc::ENOSPC, libc::EUSERS, libc::ENOSYS];
    error.raw_os_error().is_some_and(|errno| refusals.contains(&errno))
}

/// Tries namespaces with a child that does nothing else.
fn can_be_had(flags: libc::c_int) -> Result<(), Errno> {
    let mut pidfd = -1;
    let maps = Maps::of_this_user();
    // SAFETY: as fork(2); the child does nothing but system calls on what was made ready above.
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
    // SAFETY: made by the kernel for this process.
    let child = Child { pid, pidfd: unsafe { OwnedFd::from_raw_fd(pidfd) } };
    match child.wait() {
        Ok(Ending::Exited(0)) => Ok(()),
        Ok(Ending::Exited(errno)) => Err(Errno::from_raw_os_error(errno)),
        _ => Err(Errno::IO),
    }
}

/// clone(2) with a process of its own: 0 in the child.
///
/// # Safety
/// As fork(2): in a process with more than one thread the child may only do what is safe in a
/// signal handler.
unsafe fn clone(flags: libc::c_int, pidfd: &mut RawFd) -> io::Result<i32> {
    let flags = (flags | libc::SIGCHLD) as libc::c_ulong;
    let (none, parent_tid) = (std::ptr::null_mut::<libc::c_void>(), std::ptr::from_mut(pidfd));
    // SAFETY: without a stack of its own the child goes on here on a copy of this one; CLONE_PIDFD
    // has the kernel write to `pidfd`.
    let result = unsafe { libc::syscall(libc::SYS_clone, flags, none, parent_tid, none, none) };
    if result < 0 { Err(io::Error::last_os_error()) } else { Ok(result as i32) }
}

/// What a child puts on between clone(2) and execve(2).
struct ChildSetup {
    report: OwnedFd,
    null: OwnedFd,
    handed: Vec<OwnedFd>,
    maps: Option<Maps>,
}

impl ChildSetup {
    /// In the child. No allocation, no locks.
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
    // SAFETY: between clone(2) and execve(2) nobody uses what was at `to` any more.
    unsafe { result(libc::dup2(from.as_raw_fd(), to)).map(drop) }
}

fn result(value: libc::c_int) -> Result<libc::c_int, Errno> {
    if value < 0 {
        Err(Errno::from_io_error(&io::Error::last_os_error()).unwrap_or(Errno::IO))
    } else {
        Ok(value)
    }
}

fn execute(program: &CStr, argv: &[*const libc::c_char]) -> Errno {
    let environment: [*const libc::c_char; 1] = [std::ptr::null()];
    // SAFETY: all are strings, and lists that end with null, that outlive the call.
    unsafe { libc::execve(program.as_ptr(), argv.as_ptr(), environment.as_ptr()) };
    Errno::from_io_error(&io::Error::last_os_error()).unwrap_or(Errno::IO)
}

/// What makes this process's user and group the only ones in a user namespace (user_namespaces(7)).
struct Maps {
    user: String,
    group: String,
}

impl Maps {
    fn of_this_user() -> Self {
        let (user, group) = (rustix::process::geteuid().as_raw(), rustix::process::getegid().as_raw());
        Self { user: format!("{user} {user} 1"), group: format!("{group} {group} 1") }
    }

    /// In the new namespace. No allocation, no locks.
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
