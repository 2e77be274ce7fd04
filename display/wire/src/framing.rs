//! Framing of messages on a stream socket: a little-endian `u32` length, then that many bytes. WebSockets have a
//! framing of their own.

use std::io::{self, Read, Write};

/// Reason for which no message could be read.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// The stream ended between two messages.
    #[error("the other end closed the connection")]
    Ended,
    /// The stream ended within a message.
    #[error("the connection ended in the middle of a message")]
    Torn,
    /// The announced length of a message exceeds the limit.
    #[error("a message of {length} bytes is longer than the {limit} allowed")]
    TooLong {
        /// Announced length of the message in bytes.
        length: usize,
        /// Largest allowed length in bytes.
        limit: usize,
    },
    /// Reading from the socket failed.
    #[error("the connection failed: {0}")]
    Io(#[from] io::Error),
}

/// Reads a message of at most `limit` bytes; the message replaces the contents of `buffer`.
///
/// # Errors
/// [`ReadError`] when the stream ends, fails, or announces a longer message. `buffer` is then unspecified.
pub fn read_message(stream: &mut impl Read, buffer: &mut Vec<u8>, limit: usize) -> Result<(), ReadError> {
    let mut length = [0u8; 4];
    let mut got = 0;
    while let Some(rest) = length.get_mut(got..).filter(|rest| !rest.is_empty()) {
        match stream.read(rest) {
            Ok(0) if got == 0 => return Err(ReadError::Ended),
            Ok(0) => return Err(ReadError::Torn),
            Ok(n) => got += n,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error.into()),
        }
    }
    let length = usize::try_from(u32::from_le_bytes(length)).unwrap_or(usize::MAX);
    if length > limit {
        return Err(ReadError::TooLong { length, limit });
    }
    buffer.clear();
    // `take` grows the buffer as bytes come: an announced length alone costs no memory.
    let wanted = u64::try_from(length).unwrap_or(u64::MAX);
    if stream.by_ref().take(wanted).read_to_end(buffer)? < length {
        return Err(ReadError::Torn);
    }
    Ok(())
}

/// Writes a message with its length in front, in a single write.
///
/// # Errors
/// [`io::Error`] when the socket fails, or the message is longer than 4 GiB.
pub fn write_message(stream: &mut impl Write, message: &[u8]) -> io::Result<()> {
    let length = u32::try_from(message.len())
        .map_err(|_| io::Error::new(io::ErrorKind::InvalidInput, "a message longer than 4 GiB"))?;
    // In one piece: another thread may write to the same socket.
    stream.write_all(&[&length.to_le_bytes(), message].concat())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_come_out_as_they_went_in() {
        let mut wire = Vec::new();
        write_message(&mut wire, b"one").unwrap();
        write_message(&mut wire, b"").unwrap();
        let (mut wire, mut buffer) = (&wire[..], Vec::new());
        read_message(&mut wire, &mut buffer, 10).unwrap();
        assert_eq!(buffer, b"one");
        read_message(&mut wire, &mut buffer, 10).unwrap();
        assert_eq!(buffer, b"");
        assert!(matches!(read_message(&mut wire, &mut buffer, 10), Err(ReadError::Ended)));
    }

    #[test]
    fn the_torn_and_the_long_are_refused() {
        let mut buffer = Vec::new();
        assert!(matches!(read_message(&mut &b"\x05\0"[..], &mut buffer, 10), Err(ReadError::Torn)));
        assert!(matches!(read_message(&mut &b"\x05\0\0\0abc"[..], &mut buffer, 10), Err(ReadError::Torn)));
        assert!(matches!(
            read_message(&mut &b"\xff\xff\xff\xff"[..], &mut buffer, 10),
            Err(ReadError::TooLong { .. })
        ));
    }
}
