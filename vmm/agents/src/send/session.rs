//! State machine of the protocol for files out of the guest, without input and output.

use super::event::FileEvent;
use super::header::{FileHeader, LineBuffer, LineStatus, MAX_LINE, MAX_NAME, parse_header};

/// Size of a piece in bytes; after each piece the guest waits for an answer.
const PIECE_BYTES: u64 = 1 << 20;

const GO: &str = "go\n";
const DONE: &str = "done\n";

/// File that a program in the guest sends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct File {
    id: u32,
    size: u64,
}

/// State of the session.
#[derive(Debug)]
enum State {
    /// Between two files: waits for the header.
    Idle(LineBuffer),
    /// Waits for the file's name.
    Name(FileHeader, Vec<u8>),
    /// The file was offered, and is neither accepted nor rejected yet.
    AwaitingDecision(File),
    /// Waits for the file's bytes: number delivered, number stored, and bytes left in this piece.
    Body { file: File, delivered: u64, stored: u64, left: u64 },
    /// All bytes were delivered; waits for the line that confirms or aborts the file.
    Trailer(File, LineBuffer),
    /// The guest has confirmed the file; waits for the acknowledgement of the last byte.
    AwaitingStored(File),
    /// Discards the bytes left in a piece of a rejected file; then sends the reason.
    DiscardingBody(u64, String),
    /// Discards the last line of a rejected file; then sends the reason.
    DiscardingTrailer(LineBuffer, String),
    /// The guest broke the protocol; all bytes are discarded until the port is closed.
    OutOfSync,
}

/// Session with the programs that send files, sequentially, over one port.
#[derive(Debug)]
pub struct SendSession {
    state: State,
    credit: u64,
    last_id: u32,
    outgoing: Vec<u8>,
    events: Vec<(u32, FileEvent)>,
    refused_messages: u64,
}

impl SendSession {
    /// Creates a session of a closed port. At most `credit` delivered bytes are not acknowledged.
    pub fn new(credit: u64) -> Self {
        let state = State::Idle(LineBuffer::default());
        Self { state, credit, last_id: 0, outgoing: Vec::new(), events: Vec::new(), refused_messages: 0 }
    }

    /// Aborts the current file after the program closed the port or another program opened the port.
    pub fn closed(&mut self) {
        self.outgoing.clear();
        match std::mem::replace(&mut self.state, State::Idle(LineBuffer::default())) {
            State::AwaitingDecision(file)
            | State::Body { file, .. }
            | State::Trailer(file, _)
            | State::AwaitingStored(file) => self.events.push((file.id, FileEvent::Aborted)),
            State::Idle(_)
            | State::Name(..)
            | State::DiscardingBody(..)
            | State::DiscardingTrailer(..)
            | State::OutOfSync => {}
        }
    }

    /// Number of bytes that may be read from the port now; 0 stops reading.
    pub fn read_budget(&self) -> usize {
        let most = match &self.state {
            State::Idle(_) | State::Trailer(..) | State::DiscardingTrailer(..) => MAX_LINE as u64,
            State::Name(..) => MAX_NAME as u64,
            State::AwaitingDecision(_) | State::AwaitingStored(_) => 0,
            State::Body { delivered, stored, left, .. } => {
                self.credit.saturating_sub(delivered.saturating_sub(*stored)).min(*left)
            }
            State::DiscardingBody(..) | State::OutOfSync => u64::MAX,
        };
        usize::try_from(most).unwrap_or(usize::MAX)
    }

    /// Processes bytes from the guest, at most [`Self::read_budget`] of them.
    pub fn received(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            bytes = self.step(bytes);
        }
    }

    /// Processes the bytes that belong to the current state; returns the rest.
    fn step<'a>(&mut self, mut bytes: &'a [u8]) -> &'a [u8] {
        match &mut self.state {
            State::Idle(line) => match line.push(&mut bytes) {
                LineStatus::Incomplete => {}
                LineStatus::TooLong => self.lose_sync(),
                LineStatus::Complete(line) => match parse_header(&line) {
                    Some(header) => self.state = State::Name(header, Vec::new()),
                    None => self.lose_sync(),
                },
            },
            State::Name(header, name) => {
                let missing = header.name_length.saturating_sub(name.len());
                let (front, rest) = bytes.split_at(missing.min(bytes.len()));
                name.extend_from_slice(front);
                bytes = rest;
                if name.len() == header.name_length {
                    let (size, name) = (header.size, String::from_utf8_lossy(name).into_owned());
                    self.last_id = self.last_id.wrapping_add(1);
                    self.events.push((self.last_id, FileEvent::Offered { name, size }));
                    self.state = State::AwaitingDecision(File { id: self.last_id, size });
                }
            }
            State::Body { file, delivered, stored, left } => {
                let length = usize::try_from(*left).unwrap_or(usize::MAX).min(bytes.len());
                let (front, rest) = bytes.split_at(length);
                self.events.push((file.id, FileEvent::Data(front.to_vec())));
                *delivered = delivered.saturating_add(front.len() as u64);
                *left = left.saturating_sub(front.len() as u64);
                bytes = rest;
                if *left == 0 {
                    let (file, delivered, stored) = (*file, *delivered, *stored);
                    self.request_next(file, delivered, stored);
                }
            }
            State::Trailer(file, line) => {
                let file = *file;
                match line.push(&mut bytes) {
                    LineStatus::Incomplete => {}
                    LineStatus::TooLong => self.lose_sync(),
                    LineStatus::Complete(line) if line == b"whole" => {
                        self.events.push((file.id, FileEvent::Complete));
                        self.state = State::AwaitingStored(file);
                    }
                    LineStatus::Complete(_) => {
                        self.events.push((file.id, FileEvent::Aborted));
                        self.send_rejection("The file changed while it was sent.");
                    }
                }
            }
            State::DiscardingBody(left, reason) => {
                let length = usize::try_from(*left).unwrap_or(usize::MAX).min(bytes.len());
                *left = left.saturating_sub(length as u64);
                bytes = bytes.get(length..).unwrap_or_default();
                if *left == 0 {
                    let reason = std::mem::take(reason);
                    self.send_rejection(&reason);
                }
            }
            State::DiscardingTrailer(line, reason) => match line.push(&mut bytes) {
                LineStatus::Incomplete => {}
                LineStatus::TooLong => self.lose_sync(),
                LineStatus::Complete(_) => {
                    let reason = std::mem::take(reason);
                    self.send_rejection(&reason);
                }
            },
            // Bytes that the protocol does not allow here.
            State::AwaitingDecision(_) | State::AwaitingStored(_) => self.lose_sync(),
            State::OutOfSync => bytes = &[],
        }
        bytes
    }

    /// Requests the next piece of the file, or the last line.
    fn request_next(&mut self, file: File, delivered: u64, stored: u64) {
        self.outgoing.extend_from_slice(GO.as_bytes());
        self.state = match file.size.saturating_sub(delivered).min(PIECE_BYTES) {
            0 => State::Trailer(file, LineBuffer::default()),
            left => State::Body { file, delivered, stored, left },
        };
    }

    /// Accepts the offered file with number `id`; other numbers are ignored.
    pub fn accept(&mut self, id: u32) {
        if let State::AwaitingDecision(file) = self.state
            && file.id == id
        {
            self.request_next(file, 0, 0);
        }
    }

    /// Records that the first `acknowledged` bytes of file `id` are stored.
    pub fn acknowledge(&mut self, id: u32, acknowledged: u64) {
        match &mut self.state {
            State::Body { file, delivered, stored, .. } if file.id == id => {
                *stored = acknowledged.clamp(*stored, *delivered);
            }
            State::AwaitingStored(file) if file.id == id && acknowledged == file.size => {
                self.outgoing.extend_from_slice(DONE.as_bytes());
                self.state = State::Idle(LineBuffer::default());
            }
            _ => {}
        }
    }

    /// Rejects file `id`, or the rest of the file, for `reason`.
    pub fn reject(&mut self, id: u32, reason: &str) {
        match &self.state {
            State::AwaitingDecision(file) | State::AwaitingStored(file) if file.id == id => {
                self.send_rejection(reason)
            }
            State::Body { file, left, .. } if file.id == id => {
                self.state = State::DiscardingBody(*left, reason.to_owned());
            }
            State::Trailer(file, _) if file.id == id => {
                // A part of the line may have arrived, if a hostile guest sent the line in parts.
                self.state = State::DiscardingTrailer(LineBuffer::default(), reason.to_owned());
            }
            _ => {}
        }
    }

    /// Sends `no` and the reason; the next file may follow.
    fn send_rejection(&mut self, reason: &str) {
        self.outgoing.extend_from_slice(format!("no {reason}\n").as_bytes());
        self.state = State::Idle(LineBuffer::default());
    }

    /// Aborts the current file and ignores the program after a violation of the protocol.
    fn lose_sync(&mut self) {
        self.refused_messages = self.refused_messages.saturating_add(1);
        self.closed();
        self.send_rejection("This is not understood; use oriel-send.");
        self.state = State::OutOfSync;
    }

    /// Bytes to write to the program next; empty if there are none.
    pub fn pending(&self) -> &[u8] {
        &self.outgoing
    }

    /// Removes the first `count` pending bytes, which were written.
    pub fn sent(&mut self, count: usize) {
        self.outgoing.drain(..count.min(self.outgoing.len()));
    }

    /// Takes the events since the last call with the number of the file, oldest first.
    pub fn take_events(&mut self) -> Vec<(u32, FileEvent)> {
        std::mem::take(&mut self.events)
    }

    /// Number of the newest file.
    #[cfg(test)]
    pub fn last_id(&self) -> u32 {
        self.last_id
    }

    /// Number of violations of the protocol by programs in the guest.
    pub fn refused_messages(&self) -> u64 {
        self.refused_messages
    }
}
