//! Descriptors of a jailed process: the standard ones, and those that the supervisor passes at its start.
//!
//! [`crate::Spawn::start`] places the passed descriptors from [`FIRST_HANDED`] on and closes all
//! others at execve(2); the new process takes each with [`take`].

use crate::{Jail, JailPart};
use std::fs::File;
use std::io;
use std::os::fd::{FromRawFd, OwnedFd, RawFd};

/// Number of standard descriptors: input, output and error.
const STANDARD: RawFd = 3;

/// Number of the first descriptor that is passed to a process at its start.
pub const FIRST_HANDED: RawFd = STANDARD;

/// Returns the descriptor that [`crate::Spawn::start`] placed at [`FIRST_HANDED`] plus `place`.
///
/// # Errors
/// When no descriptor with that number is open.
///
/// # Safety
/// Must be called once per place, before other code in the process opens or closes descriptors.
pub unsafe fn take(place: u8) -> io::Result<OwnedFd> {
    let number = FIRST_HANDED + RawFd::from(place);
    // SAFETY: the call only reads the descriptor's flags.
    if unsafe { libc::fcntl(number, libc::F_GETFD) } < 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: the descriptor is open, and by this function's contract it has no other owner.
    Ok(unsafe { OwnedFd::from_raw_fd(number) })
}

/// Marks all descriptors close-on-exec, except the standard ones and the first `count` from
/// [`FIRST_HANDED`] on. Runs between clone(2) and execve(2): no allocation, no locks.
pub(crate) fn close_others_at_exec(count: usize) -> rustix::io::Result<()> {
    let first = STANDARD as libc::c_uint + count as libc::c_uint;
    // SAFETY: the call only changes flags of descriptors.
    let result =
        unsafe { libc::close_range(first, libc::c_uint::MAX, libc::CLOSE_RANGE_CLOEXEC as libc::c_int) };
    match result {
        0 => Ok(()),
        _ => Err(errno()),
    }
}

/// Reports whether no descriptors are open besides the standard ones and `handed` more. Must be called
/// while `/proc` is readable.
pub(crate) fn check(handed: usize, report: &mut Jail) {
    let part = JailPart::Descriptors;
    // Reading the folder opens one more descriptor.
    let expected = STANDARD as usize + handed + 1;
    match std::fs::read_dir("/proc/self/fd").map(Iterator::count) {
        Ok(open) if open <= expected => {
            report.add(
                part,
                true,
                format!("The process has only the {handed} descriptors that it was given."),
            );
        }
        Ok(open) => {
            let text = format!(
                "The process has {} descriptors that it was not given; report this.",
                open - expected
            );
            report.add(part, false, text);
        }
        Err(error) => {
            let text = format!("The open descriptors of the process could not be listed: {error}.");
            report.add(part, false, text);
        }
    }
}

fn errno() -> rustix::io::Errno {
    rustix::io::Errno::from_io_error(&io::Error::last_os_error()).unwrap_or(rustix::io::Errno::IO)
}

/// Returns copies of the inherited descriptors that hold a lock (flock(2)). The server detects by such a
/// lock that the supervisor runs. Must be called before the process opens descriptors of its own.
///
/// # Errors
/// When no more descriptors can be opened.
pub fn inherited_locks() -> io::Result<Vec<OwnedFd>> {
    let Ok(folder) = std::fs::read_dir("/proc/self/fd") else { return Ok(Vec::new()) };
    let numbers = folder.flatten().filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    // The list is complete before the first copy, since a copy may reuse the number of a closed one.
    let locked: Vec<RawFd> = numbers.filter(|number| *number >= STANDARD && holds_lock(*number)).collect();
    locked.into_iter().map(copy).collect()
}

/// Returns whether descriptor `number` of this process holds a lock of flock(2), by `/proc/self/fdinfo`.
fn holds_lock(number: RawFd) -> bool {
    std::fs::read_to_string(format!("/proc/self/fdinfo/{number}"))
        .is_ok_and(|facts| facts.lines().any(|line| line.starts_with("lock:") && line.contains("FLOCK")))
}

fn copy(number: RawFd) -> io::Result<OwnedFd> {
    // SAFETY: the call creates a new descriptor without an owner and does not change `number`.
    match unsafe { libc::fcntl(number, libc::F_DUPFD_CLOEXEC, STANDARD) } {
        // SAFETY: the new descriptor has no other owner.
        copy if copy >= 0 => Ok(unsafe { OwnedFd::from_raw_fd(copy) }),
        _ => Err(io::Error::last_os_error()),
    }
}

/// Opens `/dev/null` for reading and writing.
///
/// # Errors
/// When `/dev/null` does not open.
pub(crate) fn null() -> io::Result<File> {
    File::options().read(true).write(true).open("/dev/null")
}
