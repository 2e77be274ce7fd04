//! The sending half of a viewer's connection.

use crate::inbox::ViewerInbox;
use oriel_wire::{CloseCode, ServerMessage};
use std::io::{self, IoSlice, Write};
use std::os::fd::AsRawFd;
use std::os::unix::net::UnixStream;
use std::time::Duration;

/// How often a write that waits for a peer that does not read looks whether the connection is to end.
const CLOSE_POLL_INTERVAL: Duration = Duration::from_millis(500);

/// Writes messages to a client.
pub struct MessageSender {
    stream: UnixStream,
    /// The last message was written to its end.
    whole: bool,
}

impl MessageSender {
    /// # Errors
    /// When the socket refuses a time limit.
    pub fn new(stream: UnixStream) -> io::Result<Self> {
        stream.set_write_timeout(Some(CLOSE_POLL_INTERVAL))?;
        Ok(Self { stream, whole: true })
    }

    /// Writes one message, however long the peer takes to read it, unless the connection is to end.
    ///
    /// # Errors
    /// When the connection broke or is to end; nothing more can be sent then.
    pub fn send(&mut self, message: &[u8], inbox: &ViewerInbox) -> io::Result<()> {
        self.write(message, || !inbox.is_closing())
    }

    /// Whether the peer has taken everything that was sent.
    pub fn is_drained(&self) -> bool {
        let mut queued: libc::c_int = 0;
        // SAFETY: for a socket the kernel writes one int there (unix(7), SIOCOUTQ).
        let requests = unsafe { libc::ioctl(self.stream.as_raw_fd(), libc::TIOCOUTQ, &raw mut queued) };
        requests != 0 || queued == 0
    }

    /// Says why the connection ends; what cannot be said now is left unsaid.
    pub fn send_closed(&mut self, code: CloseCode, text: &str) {
        if !self.whole {
            return;
        }
        let closed = ServerMessage::Closed { code, text: text.to_owned() }.encode();
        if let Err(error) = self.write(&closed, || false) {
            tracing::debug!(%error, "a viewer left before it could be told why its connection ends");
        }
    }

    fn write(&mut self, message: &[u8], patient: impl Fn() -> bool) -> io::Result<()> {
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
                    io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut if patient() => {}
                    _ => return Err(error),
                },
            }
        }
        self.whole = true;
        Ok(())
    }
}
