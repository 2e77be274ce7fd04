//! Messages with descriptors between a supervisor and those it keeps: JSON, one packet each, on a pair
//! of sockets (`SOCK_SEQPACKET`, unix(7)).

use rustix::net::{
    AddressFamily, RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, ReturnFlags, SendAncillaryBuffer,
    SendAncillaryMessage, SendFlags, SocketFlags, SocketType, recvmsg, sendmsg, socketpair,
};
use serde::{Deserialize, Serialize};
use std::io::{self, IoSlice, IoSliceMut};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

/// The most descriptors that travel with one message (`SCM_MAX_FD`).
pub const MOST_DESCRIPTORS: usize = 253;

/// One end.
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
    /// Both ends.
    ///
    /// # Errors
    /// When the host is out of descriptors.
    pub fn pair() -> io::Result<(Self, Self)> {
        let (one, other) =
            socketpair(AddressFamily::UNIX, SocketType::SEQPACKET, SocketFlags::CLOEXEC, None)?;
        Ok((Self(one), Self(other)))
    }

    /// Sends `message` and copies of `descriptors`.
    ///
    /// # Errors
    /// When the other end is gone, or the message is too large for a packet.
    pub fn send(&self, message: &impl Serialize, descriptors: &[BorrowedFd<'_>]) -> io::Result<()> {
        let bytes = serde_json::to_vec(message)?;
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(MOST_DESCRIPTORS))];
        let mut control = SendAncillaryBuffer::new(&mut space);
        if !descriptors.is_empty() && !control.push(SendAncillaryMessage::ScmRights(descriptors)) {
            return Err(io::Error::other(format!(
                "a machine takes at most {MOST_DESCRIPTORS} files, and this one has {}",
                descriptors.len()
            )));
        }
        rustix::io::retry_on_intr(|| {
            sendmsg(&self.0, &[IoSlice::new(&bytes)], &mut control, SendFlags::NOSIGNAL)
        })?;
        Ok(())
    }

    /// Waits for the next message of at most `longest` bytes; `None` when the other end is gone.
    ///
    /// # Errors
    /// When it is longer or none of those agreed on.
    pub fn receive<T: for<'a> Deserialize<'a>>(
        &self,
        longest: usize,
    ) -> io::Result<Option<(T, Vec<OwnedFd>)>> {
        let mut bytes = vec![0; longest];
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(MOST_DESCRIPTORS))];
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
    fn messages_arrive_whole_with_their_descriptors_until_the_other_end_goes() {
        let (one, other) = Packets::pair().unwrap();
        let (mut reader, writer) = io::pipe().unwrap();
        one.send(&"first", &[writer.as_fd()]).unwrap();
        one.send(&"second", &[]).unwrap();
        drop((one, writer));
        let (text, mut descriptors) = other.receive::<String>(100).unwrap().unwrap();
        assert_eq!((text.as_str(), descriptors.len()), ("first", 1));
        File::from(descriptors.remove(0)).write_all(b"hello").unwrap();
        let mut heard = String::new();
        reader.read_to_string(&mut heard).unwrap();
        assert_eq!(heard, "hello");
        assert_eq!(other.receive::<String>(100).unwrap().unwrap().0, "second");
        assert!(other.receive::<String>(100).unwrap().is_none());
    }

    #[test]
    fn what_is_too_long_or_not_agreed_on_is_an_error() {
        let (one, other) = Packets::pair().unwrap();
        one.send(&"x".repeat(200), &[]).unwrap();
        assert!(other.receive::<String>(100).is_err());
        one.send(&5, &[]).unwrap();
        assert!(other.receive::<String>(100).is_err());
        one.send(&"and on", &[]).unwrap();
        assert!(other.receive::<String>(100).unwrap().is_some(), "the next one is whole again");
    }
}
