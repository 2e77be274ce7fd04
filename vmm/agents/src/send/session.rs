//! The conversation with whatever program has the port open, without the port.

use super::News;
use super::header::{Gathered, Header, Line, MAX_LINE, MAX_NAME, header};

/// The guest waits for an answer after so many bytes of a file.
const ANSWERED: u64 = 1 << 20;

const GO: &str = "go\n";
const DONE: &str = "done\n";

/// The file that a program sends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct File {
    id: u32,
    size: u64,
}

#[derive(Debug)]
enum State {
    /// A file may begin.
    Idle(Line),
    /// Its name comes.
    Name(Header, Vec<u8>),
    /// Nobody has said yet whether it is wanted.
    Asked(File),
    /// It comes: bytes told of, bytes stored, and what is left of the piece that comes.
    Body { file: File, passed: u64, stored: u64, left: u64 },
    /// All its bytes came; the guest says whether they are right.
    Verdict(File, Line),
    /// They are; the last of them are being stored.
    Storing(File),
    /// The rest of a piece of a file that is not wanted any more, and why.
    Skipping(u64, String),
    /// The word on a file that is not wanted any more, and why.
    Unwanted(Line, String),
    /// What came makes no sense, and so what follows cannot either.
    Lost,
}

/// A conversation.
#[derive(Debug)]
pub struct Session {
    state: State,
    credit: u64,
    last_id: u32,
    answer: Vec<u8>,
    news: Vec<(u32, News)>,
    refused: u64,
}

impl Session {
    /// With nobody yet; at most `credit` bytes are told of that are not stored.
    pub fn new(credit: u64) -> Self {
        let state = State::Idle(Line::default());
        Self { state, credit, last_id: 0, answer: Vec::new(), news: Vec::new(), refused: 0 }
    }

    /// The program closed the port, or another one has it now.
    pub fn closed(&mut self) {
        self.answer.clear();
        match std::mem::replace(&mut self.state, State::Idle(Line::default())) {
            State::Asked(file)
            | State::Body { file, .. }
            | State::Verdict(file, _)
            | State::Storing(file) => self.news.push((file.id, News::Gone)),
            State::Idle(_) | State::Name(..) | State::Skipping(..) | State::Unwanted(..) | State::Lost => {}
        }
    }

    /// How many bytes there is a use for now; 0: none are to be read.
    pub fn wanted(&self) -> usize {
        let most = match &self.state {
            State::Idle(_) | State::Verdict(..) | State::Unwanted(..) => MAX_LINE as u64,
            State::Name(..) => MAX_NAME as u64,
            State::Asked(_) | State::Storing(_) => 0,
            State::Body { passed, stored, left, .. } => {
                self.credit.saturating_sub(passed.saturating_sub(*stored)).min(*left)
            }
            State::Skipping(..) | State::Lost => u64::MAX,
        };
        usize::try_from(most).unwrap_or(usize::MAX)
    }

    /// These bytes came, at most [`Self::wanted`] of them.
    pub fn received(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            bytes = self.step(bytes);
        }
    }

    /// Takes what belongs to the present state; gives back the rest.
    fn step<'a>(&mut self, mut bytes: &'a [u8]) -> &'a [u8] {
        match &mut self.state {
            State::Idle(line) => match line.gather(&mut bytes) {
                Gathered::More => {}
                Gathered::TooLong => self.lose(),
                Gathered::Line(line) => match header(&line) {
                    Some(header) => self.state = State::Name(header, Vec::new()),
                    None => self.lose(),
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
                    self.news.push((self.last_id, News::Offered { name, size }));
                    self.state = State::Asked(File { id: self.last_id, size });
                }
            }
            State::Body { file, passed, stored, left } => {
                let length = usize::try_from(*left).unwrap_or(usize::MAX).min(bytes.len());
                let (front, rest) = bytes.split_at(length);
                self.news.push((file.id, News::Bytes(front.to_vec())));
                *passed = passed.saturating_add(front.len() as u64);
                *left = left.saturating_sub(front.len() as u64);
                bytes = rest;
                if *left == 0 {
                    let (file, passed, stored) = (*file, *passed, *stored);
                    self.go_on(file, passed, stored);
                }
            }
            State::Verdict(file, line) => {
                let file = *file;
                match line.gather(&mut bytes) {
                    Gathered::More => {}
                    Gathered::TooLong => self.lose(),
                    Gathered::Line(line) if line == b"whole" => {
                        self.news.push((file.id, News::Whole));
                        self.state = State::Storing(file);
                    }
                    Gathered::Line(_) => {
                        self.news.push((file.id, News::Gone));
                        self.say_no("The file changed while it was sent.");
                    }
                }
            }
            State::Skipping(left, reason) => {
                let length = usize::try_from(*left).unwrap_or(usize::MAX).min(bytes.len());
                *left = left.saturating_sub(length as u64);
                bytes = bytes.get(length..).unwrap_or_default();
                if *left == 0 {
                    let reason = std::mem::take(reason);
                    self.say_no(&reason);
                }
            }
            State::Unwanted(line, reason) => match line.gather(&mut bytes) {
                Gathered::More => {}
                Gathered::TooLong => self.lose(),
                Gathered::Line(_) => {
                    let reason = std::mem::take(reason);
                    self.say_no(&reason);
                }
            },
            // What nobody asked for.
            State::Asked(_) | State::Storing(_) => self.lose(),
            State::Lost => bytes = &[],
        }
        bytes
    }

    /// Has the next piece of the file come, or the word on it.
    fn go_on(&mut self, file: File, passed: u64, stored: u64) {
        self.answer.extend_from_slice(GO.as_bytes());
        self.state = match file.size.saturating_sub(passed).min(ANSWERED) {
            0 => State::Verdict(file, Line::default()),
            left => State::Body { file, passed, stored, left },
        };
    }

    /// Somebody wants the file.
    pub fn take(&mut self, id: u32) {
        if let State::Asked(file) = self.state
            && file.id == id
        {
            self.go_on(file, 0, 0);
        }
    }

    /// So many of its bytes are stored.
    pub fn taken(&mut self, id: u32, received: u64) {
        match &mut self.state {
            State::Body { file, passed, stored, .. } if file.id == id => {
                *stored = received.clamp(*stored, *passed);
            }
            State::Storing(file) if file.id == id && received == file.size => {
                self.answer.extend_from_slice(DONE.as_bytes());
                self.state = State::Idle(Line::default());
            }
            _ => {}
        }
    }

    /// Nobody wants it, or any more of it.
    pub fn refuse(&mut self, id: u32, reason: &str) {
        match &self.state {
            State::Asked(file) | State::Storing(file) if file.id == id => self.say_no(reason),
            State::Body { file, left, .. } if file.id == id => {
                self.state = State::Skipping(*left, reason.to_owned());
            }
            State::Verdict(file, _) if file.id == id => {
                // Nothing of the line has come, or a part of it that a hostile guest held back.
                self.state = State::Unwanted(Line::default(), reason.to_owned());
            }
            _ => {}
        }
    }

    fn say_no(&mut self, reason: &str) {
        self.answer.extend_from_slice(format!("no {reason}\n").as_bytes());
        self.state = State::Idle(Line::default());
    }

    fn lose(&mut self) {
        self.refused = self.refused.saturating_add(1);
        self.closed();
        self.say_no("This is not understood; use oriel-send.");
        self.state = State::Lost;
    }

    /// What is to be said to the program.
    pub fn pending(&self) -> &[u8] {
        &self.answer
    }

    /// So many bytes of that were said.
    pub fn sent(&mut self, count: usize) {
        self.answer.drain(..count.min(self.answer.len()));
    }

    /// What is to be told.
    pub fn take_news(&mut self) -> Vec<(u32, News)> {
        std::mem::take(&mut self.news)
    }

    /// The number of the newest file.
    #[cfg(test)]
    pub fn last_id(&self) -> u32 {
        self.last_id
    }

    /// How often what came made no sense.
    pub fn refused(&self) -> u64 {
        self.refused
    }
}
