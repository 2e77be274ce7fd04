//! Peer check of connections: only the desktop's owner and root may connect.
//!
//! Uses the kernel's credentials of the peer (`SO_PEERCRED`, unix(7)). The mode of the socket file is a
//! second protection. Users with a login are unknown here: the server authenticates them.

use std::io;
use std::os::fd::AsRawFd;
use std::os::unix::net::UnixStream;

/// Rule for peers of the control socket: accepts the desktop's owner and root. In a user namespace only the
/// owner: root has there the number of all users that are not mapped (`/proc/sys/kernel/overflowuid`,
/// user_namespaces(7)), and cannot be told from them.
#[derive(Debug, Clone, Copy)]
pub struct PeerAuth {
    /// User who started the desktop.
    owner: libc::uid_t,
    /// Whether root can be recognised.
    knows_root: bool,
}

impl PeerAuth {
    /// Creates the rule for a desktop of `owner`. `own_user_namespace`: the process runs in a user namespace
    /// that maps `owner` only.
    pub fn new(owner: libc::uid_t, own_user_namespace: bool) -> Self {
        Self { owner, knows_root: !own_user_namespace }
    }

    /// Returns whether the peer of `stream` is the owner or root.
    ///
    /// # Errors
    /// When the kernel does not return the credentials of the peer.
    pub fn accepts(self, stream: &UnixStream) -> io::Result<bool> {
        let uid = user_of(stream)?;
        Ok(uid == self.owner || self.knows_root && uid == 0)
    }
}

/// Returns the user number of the peer of `stream`.
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
    fn the_owner_is_accepted_and_another_user_is_not() {
        let (one, _other) = UnixStream::pair().unwrap();
        let own = rustix::process::geteuid().as_raw();
        assert!(PeerAuth::new(own, true).accepts(&one).unwrap());
        assert_eq!(PeerAuth::new(own + 1, false).accepts(&one).unwrap(), own == 0);
        assert!(!PeerAuth::new(own + 1, true).accepts(&one).unwrap());
    }

    #[test]
    fn nobody_is_not_taken_for_root() {
        if !rustix::process::geteuid().is_root() {
            return eprintln!("skipped: only root can change its user");
        }
        let as_nobody = || {
            let nobody = rustix::process::Uid::from_raw(65534);
            rustix::thread::set_thread_res_uid(nobody, nobody, nobody).unwrap();
            UnixStream::pair().unwrap()
        };
        let (peer, _other) = std::thread::spawn(as_nobody).join().unwrap();
        for own_user_namespace in [false, true] {
            assert!(!PeerAuth::new(1000, own_user_namespace).accepts(&peer).unwrap(), "{own_user_namespace}");
        }
    }
}
