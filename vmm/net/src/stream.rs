//! Frames over a stream socket, each after its length: 32 bits in network order, as in passt(1) and QEMU's
//! `-netdev stream`.

use oriel_virtio::net::MAX_FRAME;
use std::io::{self, IoSlice, Read, Write};
use std::os::fd::{AsRawFd, OwnedFd, RawFd};
use std::os::unix::net::UnixStream;

/// Size of a frame's length in bytes.
const PREFIX_LEN: usize = 4;

/// Size of the read buffer in bytes: three of the longest frames, or a few hundred usual frames.
const READ_BUFFER_LEN: usize = 256 << 10;

/// End of a stream of frames. No call blocks.
pub(crate) struct FrameStream {
    socket: UnixStream,
    incoming: Vec<u8>,
    /// Start of the part of `incoming` that was read and not consumed.
    start: usize,
    end: usize,
    /// Rest of a frame that did not fit into the socket.
    outgoing: Vec<u8>,
}

/// Reason for which a stream ended.
#[derive(Debug, thiserror::Error)]
pub(crate) enum StreamError {
    /// The peer closed the socket.
    #[error("the peer closed the stream")]
    Closed,
    /// Announced length in bytes that no frame can have.
    #[error("the peer announced a frame of {0} bytes")]
    Length(u32),
    /// A system call on the socket failed.
    #[error(transparent)]
    Socket(#[from] io::Error),
}

impl FrameStream {
    /// Takes over a connected socket, which becomes non-blocking.
    pub fn new(socket: OwnedFd) -> io::Result<Self> {
        let socket = UnixStream::from(socket);
        socket.set_nonblocking(true)?;
        Ok(Self { socket, incoming: vec![0; READ_BUFFER_LEN], start: 0, end: 0, outgoing: Vec::new() })
    }

    /// Whether [`Self::send`] may be called, since no part of an earlier frame is left.
    pub fn has_room(&self) -> bool {
        self.outgoing.is_empty()
    }

    /// Sends a frame; bytes that do not fit into the socket are kept for [`Self::flush`].
    pub fn send(&mut self, frame: &[u8]) -> Result<(), StreamError> {
        let length = u32::try_from(frame.len()).map_err(|_| StreamError::Length(u32::MAX))?.to_be_bytes();
        let sent = match self.socket.write_vectored(&[IoSlice::new(&length), IoSlice::new(frame)]) {
            Ok(sent) => sent,
            Err(error) if would_block(&error) => 0,
            Err(error) => return Err(error.into()),
        };
        let rest = [length.get(sent..), frame.get(sent.saturating_sub(PREFIX_LEN)..)];
        self.outgoing.extend(rest.into_iter().flatten().flatten());
        Ok(())
    }

    /// Sends bytes that did not fit into the socket before.
    pub fn flush(&mut self) -> Result<(), StreamError> {
        while !self.outgoing.is_empty() {
            match self.socket.write(&self.outgoing) {
                Ok(sent) => drop(self.outgoing.drain(..sent)),
                Err(error) if would_block(&error) => break,
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }

    /// Returns the next complete frame, the same until [`Self::consume`]; `None` if none has arrived.
    pub fn peek(&mut self) -> Result<Option<&[u8]>, StreamError> {
        loop {
            if let Some(len) = self.announced_len()?
                && self.end - self.start >= PREFIX_LEN + len
            {
                let first = self.start + PREFIX_LEN;
                return Ok(self.incoming.get(first..first + len));
            }
            if !self.fill()? {
                return Ok(None);
            }
        }
    }

    /// Removes the frame that [`Self::peek`] returned.
    pub fn consume(&mut self) {
        if let Ok(Some(len)) = self.announced_len() {
            self.start = (self.start + PREFIX_LEN + len).min(self.end);
        }
    }

    /// Returns the length of the first frame in the buffer, once its prefix has arrived.
    fn announced_len(&self) -> Result<Option<usize>, StreamError> {
        let waiting = self.incoming.get(self.start..self.end).unwrap_or_default();
        let Some((length, _)) = waiting.split_first_chunk() else { return Ok(None) };
        let length = u32::from_be_bytes(*length);
        match usize::try_from(length) {
            Ok(len) if (1..=MAX_FRAME).contains(&len) => Ok(Some(len)),
            _ => Err(StreamError::Length(length)),
        }
    }

    /// Reads more bytes into the buffer; false if none are available.
    fn fill(&mut self) -> Result<bool, StreamError> {
        if self.start == self.end {
            (self.start, self.end) = (0, 0);
        } else if self.incoming.len() - self.start < PREFIX_LEN + MAX_FRAME {
            self.incoming.copy_within(self.start..self.end, 0);
            (self.start, self.end) = (0, self.end - self.start);
        }
        let room = self.incoming.get_mut(self.end..).unwrap_or_default();
        match self.socket.read(room) {
            Ok(0) => Err(StreamError::Closed),
            Ok(count) => {
                self.end += count;
                Ok(true)
            }
            Err(error) if would_block(&error) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }
}

impl AsRawFd for FrameStream {
    fn as_raw_fd(&self) -> RawFd {
        self.socket.as_raw_fd()
    }
}

/// Whether the error is temporary. An interrupted call is repeated at the next readiness event, which follows
/// at once.
fn would_block(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pair() -> (FrameStream, UnixStream) {
        let (ours, theirs) = UnixStream::pair().unwrap();
        (FrameStream::new(ours.into()).unwrap(), theirs)
    }

    #[test]
    fn frames_arrive_whole_however_the_stream_is_split() {
        let (mut stream, mut theirs) = pair();
        let frames: Vec<Vec<u8>> = (0..12u8).map(|i| vec![i; 1 + usize::from(i) * 5900]).collect();
        let wire: Vec<u8> =
            frames.iter().flat_map(|f| [&(f.len() as u32).to_be_bytes()[..], f].concat()).collect();
        let writer = std::thread::spawn(move || {
            for part in wire.chunks(7001) {
                theirs.write_all(part).unwrap();
            }
            theirs
        });
        for frame in &frames {
            let arrived = loop {
                if let Some(arrived) = stream.peek().unwrap() {
                    break arrived.to_vec();
                }
                std::thread::yield_now();
            };
            assert!(arrived == *frame, "a frame of {} bytes", frame.len());
            stream.consume();
        }
        drop(writer.join().unwrap());
        assert!(matches!(stream.peek(), Err(StreamError::Closed)));
    }

    #[test]
    fn a_full_socket_takes_the_rest_later() {
        let (mut stream, mut theirs) = pair();
        let mut sent = 0;
        while stream.has_room() {
            stream.send(&vec![sent; 60_000]).unwrap();
            sent += 1;
        }
        for index in 0..sent {
            let mut frame = vec![0; PREFIX_LEN + 60_000];
            theirs.read_exact(&mut frame[..PREFIX_LEN]).unwrap();
            assert_eq!(frame[..PREFIX_LEN], 60_000u32.to_be_bytes());
            // The rest of the last frame is still in the outgoing buffer.
            for part in frame[PREFIX_LEN..].chunks_mut(1000) {
                stream.flush().unwrap();
                theirs.read_exact(part).unwrap();
            }
            assert!(frame[PREFIX_LEN..].iter().all(|byte| *byte == index));
        }
        assert!(stream.has_room());
    }

    #[test]
    fn an_invalid_length_ends_the_stream() {
        for length in [0u32, MAX_FRAME as u32 + 1, u32::MAX] {
            let (mut stream, mut theirs) = pair();
            theirs.write_all(&length.to_be_bytes()).unwrap();
            assert!(matches!(stream.peek(), Err(StreamError::Length(found)) if found == length));
        }
    }
}
