//! Open descriptors: what a process is handed, and nothing else.

use crate::{Jail, JailPart};
use std::fs::File;
use std::io;
use std::os::fd::{FromRawFd, OwnedFd, RawFd};

/// Standard input, output and error.
const STANDARD: RawFd = 3;

/// Where the descriptors that a process is handed begin.
pub const FIRST_HANDED: RawFd = STANDARD;

/// Takes what [`crate::Spawn::start`] put at `place`, counted from [`FIRST_HANDED`].
///
/// # Errors
/// When nothing is open there.
///
/// # Safety
/// To be called once per place, before anything else in the process opened or closed descriptors.
pub unsafe fn take(place: u8) -> io::Result<OwnedFd> {
    let number = FIRST_HANDED + RawFd::from(place);
    // SAFETY: only asks for flags.
    if unsafe { libc::fcntl(number, libc::F_GETFD) } < 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: it is open, and by the contract nobody else owns it.
    Ok(unsafe { OwnedFd::from_raw_fd(number) })
}

/// Closes, at the next execve(2), all but the first `count` from [`FIRST_HANDED`] on. Runs between
/// clone(2) and execve(2): no allocation, no locks.
pub(crate) fn close_others_at_exec(count: usize) -> rustix::io::Result<()> {
    let first = STANDARD as libc::c_uint + count as libc::c_uint;
    // SAFETY: changes flags of descriptors only.
    let result =
        unsafe { libc::close_range(first, libc::c_uint::MAX, libc::CLOSE_RANGE_CLOEXEC as libc::c_int) };
    match result {
        0 => Ok(()),
        _ => Err(errno()),
    }
}

/// Looks whether there are `handed` besides the standard ones. To be asked while /proc can be read.
pub(crate) fn check(handed: usize, report: &mut Jail) {
    let part = JailPart::Descriptors;
    // One more is open to look.
    let expected = STANDARD as usize + handed + 1;
    match std::fs::read_dir("/proc/self/fd").map(Iterator::count) {
        Ok(open) if open <= expected => {
            report.add(part, true, format!("It has the {handed} descriptors that it was handed."));
        }
        Ok(open) => {
            let text = format!("It has {} descriptors that it was not handed.", open - expected);
            report.add(part, false, text);
        }
        Err(error) => {
            let text = format!("Whether others than its own descriptors are open is not known: {error}.");
            report.add(part, false, text);
        }
    }
}

fn errno() -> rustix::io::Errno {
    rustix::io::Errno::from_io_error(&io::Error::last_os_error()).unwrap_or(rustix::io::Errno::IO)
}

/// Copies of the descriptors that this process was started with and that hold a lock (flock(2)):
/// whoever started it knows by that lock that it lives. To be called before it opens any of its own.
///
/// # Errors
/// When the host is out of descriptors.
pub fn inherited_locks() -> io::Result<Vec<OwnedFd>> {
    let Ok(folder) = std::fs::read_dir("/proc/self/fd") else { return Ok(Vec::new()) };
    let numbers = folder.flatten().filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    // All of them first: the number of one that is closed by then may be that of a copy.
    let locked: Vec<RawFd> = numbers.filter(|number| *number >= STANDARD && holds_lock(*number)).collect();
    locked.into_iter().map(copy).collect()
}

fn holds_lock(number: RawFd) -> bool {
    std::fs::read_to_string(format!("/proc/self/fdinfo/{number}"))
        .is_ok_and(|facts| facts.lines().any(|line| line.starts_with("lock:") && line.contains("FLOCK")))
}

fn copy(number: RawFd) -> io::Result<OwnedFd> {
    // SAFETY: makes a new descriptor, which belongs to nobody yet; `number` is not touched.
    match unsafe { libc::fcntl(number, libc::F_DUPFD_CLOEXEC, STANDARD) } {
        // SAFETY: the copy was made for this.
        copy if copy >= 0 => Ok(unsafe { OwnedFd::from_raw_fd(copy) }),
        _ => Err(io::Error::last_os_error()),
    }
}

/// The null device.
///
/// # Errors
/// When there is none.
pub(crate) fn null() -> io::Result<File> {
    File::options().read(true).write(true).open("/dev/null")
}
