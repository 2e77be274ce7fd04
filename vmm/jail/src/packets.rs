//! Channel for messages with descriptors between a supervisor and the processes that it starts.
//!
//! A message is one packet of JSON on a pair of Unix sockets (`SOCK_SEQPACKET`, unix(7)); descriptors
//! travel as `SCM_RIGHTS`. The types of the messages are the caller's.

use rustix::net::{
    AddressFamily, RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, ReturnFlags, SendAncillaryBuffer,
    SendAncillaryMessage, SendFlags, SocketFlags, SocketType, recvmsg, sendmsg, socketpair,
};
use serde::{Deserialize, Serialize};
use std::io::{self, IoSlice, IoSliceMut};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

/// Largest number of descriptors in one message (the kernel's `SCM_MAX_FD`, unix(7)).
pub const MAX_DESCRIPTORS: usize = 253;

/// End of a channel for JSON messages with descriptors.
pub struct Packets(OwnedFd);

impl From<OwnedFd> for Packets {
    fn from(socket: OwnedFd) -> Self {
        Self(socket)
    }
}

impl AsFd for Packets {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

impl Packets {
    /// Creates a channel and returns both ends.
    ///
    /// # Errors
    /// When no more descriptors can be opened.
    pub fn pair() -> io::Result<(Self, Self)> {
        let (one, other) =
            socketpair(AddressFamily::UNIX, SocketType::SEQPACKET, SocketFlags::CLOEXEC, None)?;
        Ok((Self(one), Self(other)))
    }

    /// Sends `message` and copies of `descriptors` as one packet.
    ///
    /// # Errors
    /// When the other end is closed, the message is too large for a packet, or there are more than
    /// [`MAX_DESCRIPTORS`] descriptors.
    pub fn send(&self, message: &impl Serialize, descriptors: &[BorrowedFd<'_>]) -> io::Result<()> {
        let bytes = serde_json::to_vec(message)?;
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(MAX_DESCRIPTORS))];
        let mut control = SendAncillaryBuffer::new(&mut space);
        if !descriptors.is_empty() && !control.push(SendAncillaryMessage::ScmRights(descriptors)) {
            return Err(io::Error::other(format!(
                "a machine can have at most {MAX_DESCRIPTORS} files, and this one has {}; use fewer disks or layers",
                descriptors.len()
            )));
        }
        rustix::io::retry_on_intr(|| {
            sendmsg(&self.0, &[IoSlice::new(&bytes)], &mut control, SendFlags::NOSIGNAL)
        })?;
        Ok(())
    }

    /// Waits for the next message of at most `longest` bytes and its descriptors. Returns `None` when the
    /// other end is closed.
    ///
    /// # Errors
    /// When the message is longer than `longest`, is not the JSON of a `T`, or receiving fails.
    pub fn receive<T: for<'a> Deserialize<'a>>(
        &self,
        longest: usize,
    ) -> io::Result<Option<(T, Vec<OwnedFd>)>> {
        let mut bytes = vec![0; longest];
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(MAX_DESCRIPTORS))];
        let mut control = RecvAncillaryBuffer::new(&mut space);
        let message = rustix::io::retry_on_intr(|| {
            recvmsg(&self.0, &mut [IoSliceMut::new(&mut bytes)], &mut control, RecvFlags::CMSG_CLOEXEC)
        });
        let message = match message {
            Ok(message) => message,
            Err(rustix::io::Errno::CONNRESET) => return Ok(None),
            Err(error) => return Err(error.into()),
        };
        let descriptors: Vec<OwnedFd> = control
            .drain()
            .filter_map(|part| match part {
                RecvAncillaryMessage::ScmRights(descriptors) => Some(descriptors),
                _ => None,
            })
            .flatten()
            .collect();
        if message.bytes == 0 {
            return Ok(None);
        }
        if message.flags.contains(ReturnFlags::TRUNC) || message.flags.contains(ReturnFlags::CTRUNC) {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "a message is too long"));
        }
        Ok(Some((serde_json::from_slice(bytes.get(..message.bytes).unwrap_or_default())?, descriptors)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs::File;
    use std::io::{Read, Write};

    #[test]
    fn messages_arrive_with_their_descriptors_until_the_other_end_is_closed() {
        let (one, other) = Packets::pair().unwrap();
        let (mut reader, writer) = io::pipe().unwrap();
        one.send(&"first", &[writer.as_fd()]).unwrap();
        one.send(&"second", &[]).unwrap();
        drop((one, writer));
        let (text, mut descriptors) = other.receive::<String>(100).unwrap().unwrap();
        assert_eq!((text.as_str(), descriptors.len()), ("first", 1));
        File::from(descriptors.remove(0)).write_all(b"hello").unwrap();
        let mut received = String::new();
        reader.read_to_string(&mut received).unwrap();
        assert_eq!(received, "hello");
        assert_eq!(other.receive::<String>(100).unwrap().unwrap().0, "second");
        assert!(other.receive::<String>(100).unwrap().is_none());
    }

    #[test]
    fn a_message_too_long_or_of_another_type_is_an_error() {
        let (one, other) = Packets::pair().unwrap();
        one.send(&"x".repeat(200), &[]).unwrap();
        assert!(other.receive::<String>(100).is_err());
        one.send(&5, &[]).unwrap();
        assert!(other.receive::<String>(100).is_err());
        one.send(&"and on", &[]).unwrap();
        assert!(other.receive::<String>(100).unwrap().is_some(), "the next one is whole again");
    }
}
