//! Sending half of a viewer's connection: writes each message behind its length (`u32`, little-endian) to the
//! socket.

use crate::inbox::ViewerInbox;
use oriel_wire::{CloseCode, ServerMessage};
use std::io::{self, IoSlice, Write};
use std::os::fd::AsRawFd;
use std::os::unix::net::UnixStream;
use std::time::Duration;

/// Interval at which a blocked write checks whether the connection is to end.
const CLOSE_POLL_INTERVAL: Duration = Duration::from_millis(500);

/// Writer of messages to one client.
pub struct MessageSender {
    stream: UnixStream,
    /// True unless the last message was written in part, after which nothing may follow.
    whole: bool,
}

impl MessageSender {
    /// Creates a sender for the socket, with a write timeout.
    ///
    /// # Errors
    /// When the socket rejects the timeout.
    pub fn new(stream: UnixStream) -> io::Result<Self> {
        stream.set_write_timeout(Some(CLOSE_POLL_INTERVAL))?;
        Ok(Self { stream, whole: true })
    }

    /// Writes one message; blocks until the client has read enough, unless the connection is to end.
    ///
    /// # Errors
    /// When the connection broke or is to end; the sender cannot be used afterwards.
    pub fn send(&mut self, message: &[u8], inbox: &ViewerInbox) -> io::Result<()> {
        self.write(message, || !inbox.is_closing())
    }

    /// Reports whether the socket's send buffer is empty, so that the peer has received all bytes.
    pub fn is_drained(&self) -> bool {
        let mut queued: libc::c_int = 0;
        // SAFETY: for a socket the kernel writes one int there (unix(7), SIOCOUTQ).
        let result = unsafe { libc::ioctl(self.stream.as_raw_fd(), libc::TIOCOUTQ, &raw mut queued) };
        result != 0 || queued == 0
    }

    /// Sends the message `Closed` with the reason for which the connection ends, unless a message was cut off
    /// or the socket is full.
    pub fn send_closed(&mut self, code: CloseCode, text: &str) {
        if !self.whole {
            return;
        }
        let closed = ServerMessage::Closed { code, text: text.to_owned() }.encode();
        if let Err(error) = self.write(&closed, || false) {
            tracing::debug!(%error, "a viewer left before it received the reason for closing");
        }
    }

    /// Writes length and message; after each timeout, goes on only if `may_wait` returns true.
    fn write(&mut self, message: &[u8], may_wait: impl Fn() -> bool) -> io::Result<()> {
        let length = u32::try_from(message.len())
            .map_err(|_| io::Error::new(io::ErrorKind::InvalidInput, "a message longer than 4 GiB"))?
            .to_le_bytes();
        let mut parts = [IoSlice::new(&length), IoSlice::new(message)];
        let mut parts = parts.as_mut_slice();
        self.whole = false;
        // No message is empty, so the parts run out with the last byte.
        while !parts.is_empty() {
            match self.stream.write_vectored(parts) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(written) => IoSlice::advance_slices(&mut parts, written),
                Err(error) => match error.kind() {
                    io::ErrorKind::Interrupted => {}
                    io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut if may_wait() => {}
                    _ => return Err(error),
                },
            }
        }
        self.whole = true;
        Ok(())
    }
}
