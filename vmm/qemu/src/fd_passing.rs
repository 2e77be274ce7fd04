//! Sending bytes together with one file descriptor over a Unix socket.

use std::io;
use std::mem;
use std::os::fd::{AsRawFd, BorrowedFd, RawFd};
use std::os::unix::net::UnixStream;
use std::ptr;

/// Writes all of `bytes`; `descriptor` travels with the first of them (`SCM_RIGHTS`, unix(7)).
///
/// # Errors
/// As `sendmsg` and `write` fail; `bytes` must not be empty.
pub(crate) fn send_with_descriptor(
    stream: &UnixStream,
    bytes: &[u8],
    descriptor: BorrowedFd<'_>,
) -> io::Result<()> {
    if bytes.is_empty() {
        return Err(io::Error::from(io::ErrorKind::InvalidInput));
    }
    let sent = send_first(stream, bytes, descriptor.as_raw_fd())?;
    io::Write::write_all(&mut &*stream, bytes.get(sent..).unwrap_or_default())
}

/// Room for one control message with one descriptor, aligned as `cmsghdr` wants it.
#[repr(C, align(8))]
struct ControlBuffer([u8; 32]);

fn send_first(stream: &UnixStream, bytes: &[u8], descriptor: RawFd) -> io::Result<usize> {
    let mut control = ControlBuffer([0; 32]);
    let mut part = libc::iovec { iov_base: bytes.as_ptr().cast_mut().cast(), iov_len: bytes.len() };
    // SAFETY: CMSG_SPACE and CMSG_LEN only compute sizes.
    let (space, length) = unsafe {
        (libc::CMSG_SPACE(mem::size_of::<RawFd>() as u32), libc::CMSG_LEN(mem::size_of::<RawFd>() as u32))
    };
    debug_assert!(space as usize <= control.0.len());
    // SAFETY: an all-zero msghdr is a valid value of this plain C structure.
    let mut message: libc::msghdr = unsafe { mem::zeroed() };
    message.msg_iov = &raw mut part;
    message.msg_iovlen = 1;
    message.msg_control = control.0.as_mut_ptr().cast();
    message.msg_controllen = space as usize;
    // SAFETY: msg_control points at `space` bytes aligned for cmsghdr, so CMSG_FIRSTHDR is not null
    // and its data has room for one descriptor.
    unsafe {
        let header = libc::CMSG_FIRSTHDR(&raw const message);
        (*header).cmsg_level = libc::SOL_SOCKET;
        (*header).cmsg_type = libc::SCM_RIGHTS;
        (*header).cmsg_len = length as usize;
        ptr::copy_nonoverlapping(
            (&raw const descriptor).cast::<u8>(),
            libc::CMSG_DATA(header),
            mem::size_of::<RawFd>(),
        );
    }
    loop {
        // SAFETY: `message`, the bytes it points at and the control buffer outlive the call.
        let sent = unsafe { libc::sendmsg(stream.as_raw_fd(), &raw const message, libc::MSG_NOSIGNAL) };
        if let Ok(sent) = usize::try_from(sent) {
            return Ok(sent);
        }
        let error = io::Error::last_os_error();
        if error.kind() != io::ErrorKind::Interrupted {
            return Err(error);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{Read, Write};
    use std::os::fd::{AsFd, FromRawFd, OwnedFd};

    #[test]
    fn a_descriptor_arrives_with_its_bytes() {
        let (ours, theirs) = UnixStream::pair().unwrap();
        let (mut far, near) = UnixStream::pair().unwrap();
        send_with_descriptor(&ours, b"take this", near.as_fd()).unwrap();
        drop(near);

        let mut bytes = [0_u8; 64];
        let mut control = ControlBuffer([0; 32]);
        let mut part = libc::iovec { iov_base: bytes.as_mut_ptr().cast(), iov_len: bytes.len() };
        // SAFETY: plain C structure, then a recvmsg into buffers that outlive the call.
        let (count, received) = unsafe {
            let mut message: libc::msghdr = mem::zeroed();
            message.msg_iov = &raw mut part;
            message.msg_iovlen = 1;
            message.msg_control = control.0.as_mut_ptr().cast();
            message.msg_controllen = control.0.len();
            let count = libc::recvmsg(theirs.as_raw_fd(), &raw mut message, 0);
            let header = libc::CMSG_FIRSTHDR(&raw const message);
            assert!(!header.is_null());
            (count, OwnedFd::from_raw_fd(libc::CMSG_DATA(header).cast::<RawFd>().read_unaligned()))
        };
        assert_eq!(bytes.get(..count as usize).unwrap(), b"take this");
        UnixStream::from(received).write_all(b"hello").unwrap();
        let mut said = [0; 5];
        far.read_exact(&mut said).unwrap();
        assert_eq!(&said, b"hello");
    }
}
