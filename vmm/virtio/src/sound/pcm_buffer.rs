//! One stream's buffers on their way past the clock.

use super::clock::Clock;
use super::pcm_state::PcmState;
use super::wire::{Direction, PcmCommand, Status};
use crate::queue::Chain;
use oriel_display::audio::PACKET_FRAMES;
use std::collections::VecDeque;
use std::time::Instant;

/// Samples move in pieces of at most 10 ms.
const MAX_CHUNK: u64 = PACKET_FRAMES as u64;

/// A guest's buffer.
pub struct IoMessage {
    pub chain: Chain,
    pub frames: u64,
}

/// Frames of one buffer to move now.
pub struct PcmChunk<'a> {
    pub chain: &'a Chain,
    /// Where they begin in the buffer.
    pub offset: u64,
    pub frames: u64,
    /// When the first of them is heard.
    pub at: Option<Instant>,
}

/// The buffers of one stream, oldest first. Positions are frames since the stream was prepared.
pub struct PcmBuffer {
    direction: Direction,
    state: PcmState,
    clock: Clock,
    buffers: VecDeque<IoMessage>,
    /// Where the oldest buffer begins,
    head: u64,
    /// and the newest ends.
    tail: u64,
    /// Up to where samples were moved: of an output those that are heard now and in the next few
    /// milliseconds, of an input those that were recorded.
    moved: u64,
}

impl PcmBuffer {
    pub fn new(direction: Direction) -> Self {
        Self {
            direction,
            state: PcmState::default(),
            clock: Clock::default(),
            buffers: VecDeque::new(),
            head: 0,
            tail: 0,
            moved: 0,
        }
    }

    /// Buffers that wait.
    pub fn len(&self) -> usize {
        self.buffers.len()
    }

    pub fn accepts_messages(&self) -> bool {
        self.state.accepts_messages()
    }

    /// Takes a buffer. A stream that runs and had run dry goes on from now.
    pub fn push(&mut self, buffer: IoMessage, now: Instant) {
        self.tail = self.tail.saturating_add(buffer.frames);
        self.buffers.push_back(buffer);
        self.start_if_ready(now);
    }

    /// Does what the guest orders, once [`Self::advance`] has come to `now`. Buffers that go back
    /// for it, through or not, are given to `on_complete` with the frames of them that were moved.
    ///
    /// # Errors
    /// How to answer an order that cannot be obeyed.
    pub fn handle_command(
        &mut self,
        command: PcmCommand,
        now: Instant,
        mut on_complete: impl FnMut(Chain, u64),
    ) -> Result<(), Status> {
        self.state = self.state.apply(command)?;
        match command {
            PcmCommand::Start => self.start_if_ready(now),
            PcmCommand::Stop => self.clock.stop(now),
            PcmCommand::Prepare => {}
            PcmCommand::SetParameters(_) | PcmCommand::Release => {
                let mut start = self.head;
                for buffer in self.buffers.drain(..) {
                    on_complete(buffer.chain, self.moved.saturating_sub(start).min(buffer.frames));
                    start = start.saturating_add(buffer.frames);
                }
                self.clock.stop_at(0);
                (self.head, self.tail, self.moved) = (0, 0, 0);
            }
        }
        Ok(())
    }

    /// Moves all that is due by `now`, piece by piece, and gives the buffers that are through to
    /// `on_complete`. True if the stream has run dry by that.
    pub fn advance(
        &mut self,
        now: Instant,
        mut chunk: impl FnMut(PcmChunk<'_>),
        mut on_complete: impl FnMut(Chain),
    ) -> bool {
        if !self.clock.runs() {
            return false;
        }
        let position = self.clock.position(now).min(self.tail);
        let target = match self.direction {
            Direction::Output => (position / MAX_CHUNK + 1).saturating_mul(MAX_CHUNK).min(self.tail),
            Direction::Input => position,
        };
        let mut start = self.head;
        for buffer in &self.buffers {
            let end = start.saturating_add(buffer.frames);
            while self.moved < end.min(target) {
                let frames = (end.min(target) - self.moved).min(MAX_CHUNK);
                let (offset, at) = (self.moved.saturating_sub(start), self.clock.time_of(self.moved));
                chunk(PcmChunk { chain: &buffer.chain, offset, frames, at });
                self.moved += frames;
            }
            start = end;
        }
        while let Some(buffer) = self.buffers.pop_front_if(|buffer| self.head + buffer.frames <= position) {
            self.head += buffer.frames;
            on_complete(buffer.chain);
        }
        let underrun = self.buffers.is_empty();
        if underrun {
            self.clock.stop_at(self.tail);
        }
        underrun
    }

    /// When [`Self::advance`] has something to do next.
    pub fn due(&self) -> Option<Instant> {
        let head_end = self.head.saturating_add(self.buffers.front()?.frames);
        let next = match self.direction {
            Direction::Output if self.moved < self.tail => self.moved,
            Direction::Output => head_end,
            Direction::Input => self.moved.saturating_add(MAX_CHUNK),
        };
        self.clock.time_of(next.min(head_end))
    }

    fn start_if_ready(&mut self, now: Instant) {
        if self.state == PcmState::Running && !self.clock.runs() && !self.buffers.is_empty() {
            self.clock.start(now);
        }
    }
}
