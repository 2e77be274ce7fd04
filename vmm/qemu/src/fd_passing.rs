//! Transfer of bytes and one file descriptor over a Unix socket (`SCM_RIGHTS`, unix(7)).

use rustix::net::{SendAncillaryBuffer, SendAncillaryMessage, SendFlags, sendmsg};
use std::io::{self, IoSlice};
use std::mem::MaybeUninit;
use std::os::fd::BorrowedFd;
use std::os::unix::net::UnixStream;

/// Writes all of `bytes`; `descriptor` is attached to the first of them (`SCM_RIGHTS`, unix(7)).
///
/// # Errors
/// `InvalidInput` for empty `bytes`, and the errors of `sendmsg` and `write`.
pub(crate) fn send_with_descriptor(
    stream: &UnixStream,
    bytes: &[u8],
    descriptor: BorrowedFd<'_>,
) -> io::Result<()> {
    if bytes.is_empty() {
        return Err(io::Error::from(io::ErrorKind::InvalidInput));
    }
    let descriptors = [descriptor];
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
    let mut control = SendAncillaryBuffer::new(&mut space);
    if !control.push(SendAncillaryMessage::ScmRights(&descriptors)) {
        return Err(io::Error::other("there is no room for a descriptor beside a message"));
    }
    let first = [IoSlice::new(bytes)];
    let sent = rustix::io::retry_on_intr(|| sendmsg(stream, &first, &mut control, SendFlags::NOSIGNAL))?;
    io::Write::write_all(&mut &*stream, bytes.get(sent..).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;
    use rustix::net::{RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, recvmsg};
    use std::io::{IoSliceMut, Read, Write};
    use std::os::fd::AsFd;

    #[test]
    fn a_descriptor_arrives_with_its_bytes() {
        let (ours, theirs) = UnixStream::pair().unwrap();
        let (mut far, near) = UnixStream::pair().unwrap();
        send_with_descriptor(&ours, b"take this", near.as_fd()).unwrap();
        drop(near);

        let mut bytes = [0_u8; 64];
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
        let mut control = RecvAncillaryBuffer::new(&mut space);
        let part = &mut [IoSliceMut::new(&mut bytes)];
        let count = recvmsg(&theirs, part, &mut control, RecvFlags::CMSG_CLOEXEC).unwrap().bytes;
        let received = control.drain().find_map(|part| match part {
            RecvAncillaryMessage::ScmRights(mut descriptors) => descriptors.next(),
            _ => None,
        });
        assert_eq!(bytes.get(..count).unwrap(), b"take this");
        UnixStream::from(received.unwrap()).write_all(b"hello").unwrap();
        let mut said = [0; 5];
        far.read_exact(&mut said).unwrap();
        assert_eq!(&said, b"hello");
    }
}
