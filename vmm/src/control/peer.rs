//! Who is at the other end.

use std::io;
use std::os::fd::AsRawFd;
use std::os::unix::net::UnixStream;

/// Whether the peer is this process's own user, or root.
///
/// # Errors
/// When the kernel does not tell.
pub fn may_connect(stream: &UnixStream) -> io::Result<bool> {
    // SAFETY: no preconditions.
    let own = unsafe { libc::geteuid() };
    let uid = user_of(stream)?;
    Ok(uid == own || uid == 0)
}

fn user_of(stream: &UnixStream) -> io::Result<libc::uid_t> {
    let mut credentials = libc::ucred { pid: 0, uid: libc::uid_t::MAX, gid: libc::gid_t::MAX };
    let mut length = size_of::<libc::ucred>() as libc::socklen_t;
    // SAFETY: the descriptor is open, and the kernel writes at most `length` bytes to `credentials`.
    let result = unsafe {
        libc::getsockopt(
            stream.as_raw_fd(),
            libc::SOL_SOCKET,
            libc::SO_PEERCRED,
            (&raw mut credentials).cast(),
            &raw mut length,
        )
    };
    if result == 0 { Ok(credentials.uid) } else { Err(io::Error::last_os_error()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_process_may_speak_to_itself() {
        let (one, _other) = UnixStream::pair().unwrap();
        assert!(may_connect(&one).unwrap());
    }
}
