//! Framing of spice-vdagent's stream. A message (`VDAgentMessage`) is split into chunks of `u32 port, u32
//! size` (`VDIChunkHeader`) and `size` bytes; the chunks of each port contain a sequence of messages.

use super::wire::{CLIENT_PORT, MESSAGE_HEADER, PROTOCOL, SERVER_PORT, message, u32_first};

/// Maximum size of a chunk that agents accept (`VD_AGENT_MAX_DATA_SIZE`); agents themselves send larger ones.
const MAX_CHUNK_BYTES: usize = 2048;
/// Length of a chunk's header in bytes.
const CHUNK_HEADER: usize = 8;
/// Number of chunks that are prepared together.
const STAGED_CHUNKS: usize = 16;
/// Maximum length of a message's body in bytes, except for clipboard contents.
const MAX_BODY: usize = 64 * 1024;

/// Message from the guest.
#[derive(Debug, PartialEq, Eq)]
pub enum Incoming {
    /// Type and body of a complete message.
    Message(u32, Vec<u8>),
    /// Type of a message whose body was too long and was discarded.
    TooLong(u32),
}

/// Assembler of one port's current message.
#[derive(Debug, Default)]
struct MessageAssembler {
    header: Vec<u8>,
    message_type: u32,
    body: Vec<u8>,
    /// Number of bytes of the body that have not arrived.
    left: usize,
    /// Whether the body is discarded.
    skip: bool,
}

/// Position of the reader in the stream.
#[derive(Debug)]
enum ReaderState {
    /// Received bytes of a chunk's header.
    Header(Vec<u8>),
    /// In a chunk of message port `port`, with `left` bytes to come.
    Chunk { port: usize, left: usize },
    /// The position of the next message is unknown until the agent restarts.
    OutOfSync,
}

/// Reader that reassembles messages from the bytes of a guest.
#[derive(Debug)]
pub struct ChunkReader {
    state: ReaderState,
    ports: [MessageAssembler; 2],
}

impl ChunkReader {
    /// Creates a reader at the beginning of a stream.
    pub fn new() -> Self {
        Self { state: ReaderState::Header(Vec::new()), ports: Default::default() }
    }

    /// Whether the stream broke the protocol, after which no messages are returned.
    pub fn is_out_of_sync(&self) -> bool {
        matches!(self.state, ReaderState::OutOfSync)
    }

    /// Processes the next bytes, and calls `take` with every message that is complete. Bodies of clipboard
    /// messages have at most `max_contents` bytes.
    pub fn push(&mut self, mut bytes: &[u8], max_contents: usize, mut take: impl FnMut(Incoming)) {
        while !bytes.is_empty() {
            match &mut self.state {
                ReaderState::OutOfSync => return,
                ReaderState::Header(header) => {
                    fill(header, CHUNK_HEADER, &mut bytes);
                    if header.len() == CHUNK_HEADER {
                        self.state = chunk(header).unwrap_or(ReaderState::OutOfSync);
                    }
                }
                ReaderState::Chunk { port, left } => {
                    let part = bytes.len().min(*left);
                    let (mut now, later) = bytes.split_at(part);
                    bytes = later;
                    *left -= part;
                    let ended = *left == 0;
                    let in_sync = self.ports.get_mut(*port).is_some_and(|assembler| {
                        while !now.is_empty() {
                            if !assembler.take(&mut now, max_contents, &mut take) {
                                return false;
                            }
                        }
                        true
                    });
                    if !in_sync {
                        self.state = ReaderState::OutOfSync;
                    } else if ended {
                        self.state = ReaderState::Header(Vec::new());
                    }
                }
            }
        }
    }
}

/// Returns the state after a chunk header; `None` for an unknown port.
fn chunk(header: &[u8]) -> Option<ReaderState> {
    let (port, rest) = u32_first(header)?;
    let (size, _) = u32_first(rest)?;
    let port = match port {
        CLIENT_PORT => 0,
        SERVER_PORT => 1,
        _ => return None,
    };
    match usize::try_from(size).ok()? {
        0 => Some(ReaderState::Header(Vec::new())),
        left => Some(ReaderState::Chunk { port, left }),
    }
}

impl MessageAssembler {
    /// Processes at least one byte from the front of `bytes`; false if the message breaks the protocol.
    fn take(&mut self, bytes: &mut &[u8], max_contents: usize, take: &mut impl FnMut(Incoming)) -> bool {
        if self.header.len() < MESSAGE_HEADER {
            fill(&mut self.header, MESSAGE_HEADER, bytes);
            if self.header.len() < MESSAGE_HEADER {
                return true;
            }
            if self.begin(max_contents).is_none() {
                return false;
            }
        }
        let part = bytes.len().min(self.left);
        let (now, later) = bytes.split_at(part);
        *bytes = later;
        self.left -= part;
        if !self.skip {
            // The body grows with the bytes that arrive: an announced size alone costs no memory.
            self.body.extend_from_slice(now);
        }
        if self.left == 0 {
            let Self { message_type, body, skip, .. } = std::mem::take(self);
            take(if skip { Incoming::TooLong(message_type) } else { Incoming::Message(message_type, body) });
        }
        true
    }

    /// Parses the message's header; `None` if the header breaks the protocol.
    fn begin(&mut self, max_contents: usize) -> Option<()> {
        let (protocol, rest) = u32_first(&self.header)?;
        let (message_type, rest) = u32_first(rest)?;
        let (size, _) = u32_first(rest.get(8..)?)?;
        if protocol != PROTOCOL {
            return None;
        }
        self.message_type = message_type;
        self.left = usize::try_from(size).ok()?;
        let limit = if message_type == message::CLIPBOARD { MAX_BODY.max(max_contents) } else { MAX_BODY };
        self.skip = self.left > limit;
        Some(())
    }
}

/// Moves bytes from the front of `from` to `to`, until `to` has `length` bytes.
fn fill(to: &mut Vec<u8>, length: usize, from: &mut &[u8]) {
    let part = length.saturating_sub(to.len()).min(from.len());
    let (now, later) = from.split_at(part);
    to.extend_from_slice(now);
    *from = later;
}

/// Writer that splits messages into chunks, one message at a time.
#[derive(Debug, Default)]
pub struct ChunkWriter {
    /// Header of the message and beginning of the body.
    head: Vec<u8>,
    /// Rest of the body.
    tail: Vec<u8>,
    /// Number of bytes of `head` and `tail` that are staged or sent.
    cut: usize,
    staged: Vec<u8>,
    sent: usize,
}

impl ChunkWriter {
    /// Whether the last message was written completely.
    pub fn is_idle(&self) -> bool {
        self.sent == self.staged.len() && self.cut == self.head.len() + self.tail.len()
    }

    /// Begins a message with the body `head` and `tail`, at most 4 GiB. The writer must be idle.
    pub fn begin(&mut self, message_type: u32, head: &[u8], tail: Vec<u8>) {
        let size = u32::try_from(head.len() + tail.len()).unwrap_or(u32::MAX);
        self.head = [PROTOCOL, message_type, 0, 0, size].map(u32::to_le_bytes).concat();
        self.head.extend_from_slice(head);
        self.tail = tail;
        self.cut = 0;
    }

    /// Bytes to write next; empty once the message is written.
    pub fn pending(&mut self) -> &[u8] {
        if self.sent == self.staged.len() {
            self.stage();
        }
        self.staged.get(self.sent..).unwrap_or_default()
    }

    /// Removes the first `count` pending bytes, which were written.
    pub fn sent(&mut self, count: usize) {
        self.sent = self.staged.len().min(self.sent + count);
    }

    /// Prepares the next chunks for writing.
    fn stage(&mut self) {
        self.staged.clear();
        self.sent = 0;
        for _ in 0..STAGED_CHUNKS {
            let head = self.head.get(self.cut..).unwrap_or_default();
            let head = head.get(..MAX_CHUNK_BYTES).unwrap_or(head);
            let tail = self.tail.get(self.cut.saturating_sub(self.head.len())..).unwrap_or_default();
            let tail = tail.get(..MAX_CHUNK_BYTES - head.len()).unwrap_or(tail);
            let length = head.len() + tail.len();
            if length == 0 {
                break;
            }
            // At most MAX_CHUNK_BYTES.
            self.staged.extend([CLIENT_PORT, length as u32].map(u32::to_le_bytes).concat());
            self.staged.extend_from_slice(head);
            self.staged.extend_from_slice(tail);
            self.cut += length;
        }
        if self.staged.is_empty() {
            // Clipboard contents are freed as soon as they are sent.
            *self = Self::default();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(message_type: u32, head: &[u8], tail: Vec<u8>) -> Vec<u8> {
        let mut writer = ChunkWriter::default();
        writer.begin(message_type, head, tail);
        let mut bytes = Vec::new();
        loop {
            let part = writer.pending().to_vec();
            if part.is_empty() {
                assert!(writer.is_idle());
                return bytes;
            }
            // As a port that takes a little at a time.
            let count = part.len().min(777);
            bytes.extend_from_slice(&part[..count]);
            writer.sent(count);
        }
    }

    fn read(reader: &mut ChunkReader, bytes: &[u8], max_contents: usize) -> Vec<Incoming> {
        let mut all = Vec::new();
        reader.push(bytes, max_contents, |incoming| all.push(incoming));
        all
    }

    #[test]
    fn messages_may_be_split_anywhere() {
        let long: Vec<u8> = (0..100_000u32).map(|n| n as u8).collect();
        let bytes = [
            written(7, b"ab", vec![]),
            written(message::CLIPBOARD, b"head", long.clone()),
            written(9, b"", vec![]),
        ]
        .concat();
        for step in [1, 7, 2048, bytes.len()] {
            let mut reader = ChunkReader::new();
            let got: Vec<_> = bytes.chunks(step).flat_map(|part| read(&mut reader, part, 1 << 20)).collect();
            let contents = [b"head", &long[..]].concat();
            assert_eq!(
                got,
                [
                    Incoming::Message(7, b"ab".to_vec()),
                    Incoming::Message(message::CLIPBOARD, contents),
                    Incoming::Message(9, vec![]),
                ]
            );
        }
    }

    #[test]
    fn no_chunk_is_longer_than_agents_accept() {
        let bytes = written(4, &[1; 8], vec![2; 10_000]);
        let mut at = 0;
        let mut sizes = Vec::new();
        while at < bytes.len() {
            let size = u32::from_le_bytes(bytes[at + 4..at + 8].try_into().unwrap());
            sizes.push(size);
            at += 8 + size as usize;
        }
        assert_eq!(sizes, [2048, 2048, 2048, 2048, 10_028 - 4 * 2048]);
    }

    #[test]
    fn ports_do_not_mix_and_long_messages_are_discarded() {
        let mut other = written(7, b"other", vec![]);
        other[0] = 2;
        let (first, second) = other.split_at(8 + 10);
        let mut first = first.to_vec();
        first[4..8].copy_from_slice(&10u32.to_le_bytes());
        let rest = [&2u32.to_le_bytes()[..], &(second.len() as u32).to_le_bytes(), second].concat();
        let bytes = [first, written(8, b"mine", vec![]), rest, written(10, &[0; 70_000], vec![])].concat();
        assert_eq!(
            read(&mut ChunkReader::new(), &bytes, 0),
            [
                Incoming::Message(8, b"mine".to_vec()),
                Incoming::Message(7, b"other".to_vec()),
                Incoming::TooLong(10)
            ]
        );
    }

    #[test]
    fn a_broken_stream_yields_no_more_messages() {
        let mut reader = ChunkReader::new();
        assert_eq!(read(&mut reader, &[3, 0, 0, 0, 4, 0, 0, 0, 1, 2, 3, 4], 0), []);
        assert!(reader.is_out_of_sync());
        assert_eq!(read(&mut reader, &written(7, b"ab", vec![]), 0), []);
        let mut wrong = written(7, b"ab", vec![]);
        wrong[8] = 2;
        let mut reader = ChunkReader::new();
        assert_eq!(read(&mut reader, &wrong, 0), []);
        assert!(reader.is_out_of_sync());
    }
}
