//! Requests to the kernel's tun driver (Linux, Documentation/networking/tuntap.rst and linux/if_tun.h).

use std::io;
use std::mem;
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd};

/// Request that attaches a descriptor to an interface.
const TUNSETIFF: libc::Ioctl = 0x4004_54CA;
/// Request that sets the offloads of frames to read.
const TUNSETOFFLOAD: libc::Ioctl = 0x4004_54D0;
/// Request that returns name and flags of the attached interface.
const TUNGETIFF: libc::Ioctl = 0x8004_54D2;
/// Request that sets the length of the header in front of each frame.
const TUNSETVNETHDRSZ: libc::Ioctl = 0x4004_54D8;

/// Flag of TUNSETOFFLOAD: frames with partial checksums may be read.
pub const TUN_F_CSUM: libc::c_uint = 0x01;
/// Flag of TUNSETOFFLOAD: TCP segments over IPv4 longer than the MTU may be read.
pub const TUN_F_TSO4: libc::c_uint = 0x02;
/// Flag of TUNSETOFFLOAD: TCP segments over IPv6 longer than the MTU may be read.
pub const TUN_F_TSO6: libc::c_uint = 0x04;

/// Name of an interface, with a terminating zero.
pub type Name = [libc::c_char; libc::IFNAMSIZ];

/// Attaches `tun`, a new descriptor of /dev/net/tun, to the interface `name` (TUNSETIFF).
pub fn attach(tun: BorrowedFd<'_>, name: &Name) -> io::Result<()> {
    let mut request = empty_request();
    request.ifr_name = *name;
    request.ifr_ifru.ifru_flags = (libc::IFF_TAP | libc::IFF_NO_PI | libc::IFF_VNET_HDR) as libc::c_short;
    // SAFETY: TUNSETIFF reads and writes one ifreq.
    check(unsafe { libc::ioctl(tun.as_raw_fd(), TUNSETIFF, &raw mut request) })
}

/// Sets the length in bytes of the header in front of each frame (TUNSETVNETHDRSZ).
pub fn set_header_len(tap: BorrowedFd<'_>, len: usize) -> io::Result<()> {
    let len = libc::c_int::try_from(len).map_err(io::Error::other)?;
    // SAFETY: TUNSETVNETHDRSZ reads one int.
    check(unsafe { libc::ioctl(tap.as_raw_fd(), TUNSETVNETHDRSZ, &raw const len) })
}

/// Sets the offloads of frames to read (TUNSETOFFLOAD); 0 for complete frames only.
pub fn set_offloads(tap: BorrowedFd<'_>, flags: libc::c_uint) -> io::Result<()> {
    // SAFETY: TUNSETOFFLOAD takes its argument by value.
    check(unsafe { libc::ioctl(tap.as_raw_fd(), TUNSETOFFLOAD, libc::c_ulong::from(flags)) })
}

/// Returns the interface's MTU in bytes (SIOCGIFMTU). The interface must be in the process's network
/// namespace.
pub fn mtu(tap: BorrowedFd<'_>) -> io::Result<u16> {
    let mut request = empty_request();
    // SAFETY: TUNGETIFF writes one ifreq.
    check(unsafe { libc::ioctl(tap.as_raw_fd(), TUNGETIFF, &raw mut request) })?;
    // SAFETY: socket takes no pointers.
    let socket = unsafe { libc::socket(libc::AF_INET, libc::SOCK_DGRAM | libc::SOCK_CLOEXEC, 0) };
    if socket < 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: the descriptor is new and nobody else's.
    let socket = unsafe { OwnedFd::from_raw_fd(socket) };
    // SAFETY: SIOCGIFMTU reads and writes one ifreq.
    check(unsafe { libc::ioctl(socket.as_raw_fd(), libc::SIOCGIFMTU as libc::Ioctl, &raw mut request) })?;
    // SAFETY: SIOCGIFMTU succeeded, so this is the member that it wrote.
    u16::try_from(unsafe { request.ifr_ifru.ifru_mtu }).map_err(io::Error::other)
}

/// Returns a zeroed request.
fn empty_request() -> libc::ifreq {
    // SAFETY: ifreq is plain C data, for which all zeroes are valid.
    unsafe { mem::zeroed() }
}

/// Converts the result of a system call.
fn check(result: libc::c_int) -> io::Result<()> {
    if result < 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
}
