//! Who is at the other end.

use std::io;
use std::os::fd::AsRawFd;
use std::os::unix::net::UnixStream;

/// As whom root and everybody else appear in a user namespace in which they do not exist
/// (`/proc/sys/kernel/overflowuid`).
const STRANGER: libc::uid_t = 65534;

/// Lets in the desktop's owner and root. The socket's file keeps others out as well.
#[derive(Debug, Clone, Copy)]
pub struct PeerAuth {
    owner: libc::uid_t,
    root: libc::uid_t,
}

impl PeerAuth {
    /// For a desktop of `owner`, in a process in a user namespace of its own or not.
    pub fn new(owner: libc::uid_t, own_user_namespace: bool) -> Self {
        Self { owner, root: if own_user_namespace { STRANGER } else { 0 } }
    }

    /// Whether the peer is one of them.
    ///
    /// # Errors
    /// When the kernel does not tell.
    pub fn accepts(self, stream: &UnixStream) -> io::Result<bool> {
        let uid = user_of(stream)?;
        Ok(uid == self.owner || uid == self.root)
    }
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
    fn the_owner_is_let_in_and_a_stranger_is_not() {
        let (one, _other) = UnixStream::pair().unwrap();
        let own = rustix::process::geteuid().as_raw();
        assert!(PeerAuth::new(own, true).accepts(&one).unwrap());
        assert_eq!(PeerAuth::new(own + 1, false).accepts(&one).unwrap(), own == 0);
        assert!(!PeerAuth::new(own + 1, true).accepts(&one).unwrap());
    }
}
