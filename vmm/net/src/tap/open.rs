//! Opening of a TAP interface by name.

use super::ioctl;
use std::ffi::CString;
use std::fs::File;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::fs::OpenOptionsExt;

/// Reason for which a TAP interface cannot be opened; each is one plain sentence.
#[derive(Debug, thiserror::Error)]
pub enum TapError {
    /// No interface can have this name.
    #[error(
        "{0:?} cannot be the name of a network interface; it has 1 to 15 characters and no space or slash"
    )]
    Name(String),
    /// There is no interface with this name.
    #[error(
        "there is no network interface {0}; make it with: ip tuntap add dev {0} mode tap user {user} vnet_hdr",
        user = "USER"
    )]
    Absent(String),
    /// Another process has the interface open.
    #[error("the interface {0} is in use by another machine; give each interface one of its own")]
    Busy(String),
    /// The interface belongs to another user.
    #[error(
        "the interface {0} may not be opened by this user; make it anew with: ip tuntap add dev {0} mode tap user USER vnet_hdr"
    )]
    Forbidden(String),
    /// The interface is an ordinary one, a tun interface, or a TAP interface of another kind.
    #[error(
        "the interface {0} is not a TAP interface with virtio headers; make it with: ip tuntap add dev {0} mode tap user USER vnet_hdr"
    )]
    Kind(String),
    /// The device /dev/net/tun is missing or not accessible.
    #[error("/dev/net/tun cannot be opened ({0}); load the kernel module tun and let this user open it")]
    Driver(io::Error),
    /// Another system call failed.
    #[error("the interface {name} cannot be used: {error}")]
    Host {
        /// Name of the interface.
        name: String,
        /// Error of the system call.
        error: io::Error,
    },
}

/// Open TAP interface, for [`super::Tap::new`] in this or another process.
#[derive(Debug)]
pub struct OpenTap {
    /// Descriptor of /dev/net/tun, attached to the interface.
    pub fd: OwnedFd,
    /// MTU of the interface in bytes; `None` if the interface is in another network namespace.
    pub mtu: Option<u16>,
}

/// Opens the existing TAP interface `name`. Frames have a `struct virtio_net_hdr` in front.
///
/// # Errors
/// A [`TapError`] when the interface does not exist, or this process may not use it.
pub fn open_tap(name: &str) -> Result<OpenTap, TapError> {
    let raw = raw_name(name).ok_or_else(|| TapError::Name(name.to_owned()))?;
    // TUNSETIFF would create a missing interface, given the privilege.
    if !exists(name) {
        return Err(TapError::Absent(name.to_owned()));
    }
    let tun = File::options()
        .read(true)
        .write(true)
        .custom_flags(libc::O_NONBLOCK)
        .open("/dev/net/tun")
        .map_err(TapError::Driver)?;
    let name = name.to_owned();
    ioctl::attach(tun.as_fd(), &raw).map_err(|error| match error.raw_os_error() {
        Some(libc::EBUSY) => TapError::Busy(name),
        Some(libc::EPERM) => TapError::Forbidden(name),
        Some(libc::EINVAL) => TapError::Kind(name),
        _ => TapError::Host { name, error },
    })?;
    let fd = OwnedFd::from(tun);
    let mtu = ioctl::mtu(fd.as_fd()).ok();
    Ok(OpenTap { fd, mtu })
}

/// Converts a name to the form of the kernel; `None` if it is invalid.
fn raw_name(name: &str) -> Option<ioctl::Name> {
    let fits = (1..libc::IFNAMSIZ).contains(&name.len()) && name != "." && name != "..";
    if !fits || name.bytes().any(|byte| !byte.is_ascii_graphic() || byte == b'/' || byte == b'%') {
        return None;
    }
    let mut raw: ioctl::Name = [0; libc::IFNAMSIZ];
    for (to, from) in raw.iter_mut().zip(name.bytes()) {
        *to = from.cast_signed();
    }
    Some(raw)
}

/// Whether the process's network namespace has an interface with this name.
fn exists(name: &str) -> bool {
    let Ok(name) = CString::new(name) else { return false };
    // SAFETY: the name ends with a zero byte.
    unsafe { libc::if_nametoindex(name.as_ptr()) != 0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_no_interface_has_are_refused() {
        for name in ["", "..", "a b", "a/b", "tap%d", "sixteen-letters-"] {
            assert!(matches!(open_tap(name), Err(TapError::Name(_))), "{name}");
        }
        assert!(matches!(open_tap("fifteen-letters"), Err(TapError::Absent(_))));
    }
}
