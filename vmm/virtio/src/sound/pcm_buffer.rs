//! Buffer of a PCM stream: its queued I/O messages, consumed by the clock.

use super::clock::Clock;
use super::pcm_state::PcmState;
use super::wire::{Direction, PcmCommand, Status};
use crate::queue::Chain;
use oriel_display::audio::PACKET_FRAMES;
use std::collections::VecDeque;
use std::time::Instant;

/// Maximum number of frames that are moved at once: 10 ms.
const MAX_CHUNK: u64 = PACKET_FRAMES as u64;

/// I/O message of the driver (VIRTIO 1.2, section 5.14.6.8).
pub struct IoMessage {
    /// Descriptor chain of the message.
    pub chain: Chain,
    /// Number of PCM frames in the message.
    pub frames: u64,
}

/// Frames of one I/O message that are due to be played or recorded.
pub struct PcmChunk<'a> {
    /// Descriptor chain of the message.
    pub chain: &'a Chain,
    /// First frame of the chunk, counted in the message.
    pub offset: u64,
    /// Number of frames.
    pub frames: u64,
    /// Time at which the first frame is played or was recorded.
    pub at: Option<Instant>,
}

/// State and queued I/O messages of one PCM stream. Positions are frames since the stream was prepared.
pub struct PcmBuffer {
    direction: Direction,
    state: PcmState,
    clock: Clock,
    buffers: VecDeque<IoMessage>,
    /// Position of the first frame of the oldest message.
    head: u64,
    /// Position behind the last frame of the newest message.
    tail: u64,
    /// Position up to which frames were moved: for output a few milliseconds ahead of the clock, for input
    /// the recorded frames.
    moved: u64,
}

impl PcmBuffer {
    /// Creates a stream in its initial state.
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

    /// Returns the number of queued messages.
    pub fn len(&self) -> usize {
        self.buffers.len()
    }

    /// Whether the driver may send I/O messages.
    pub fn accepts_messages(&self) -> bool {
        self.state.accepts_messages()
    }

    /// Queues a message. A running stream after an underrun continues at `now`.
    pub fn push(&mut self, buffer: IoMessage, now: Instant) {
        self.tail = self.tail.saturating_add(buffer.frames);
        self.buffers.push_back(buffer);
        self.start_if_ready(now);
    }

    /// Executes a command at `now`, after [`Self::advance`]. Messages that the command cancels are passed
    /// to `on_complete` with the number of their frames that were moved.
    ///
    /// # Errors
    /// The error status of a command that is invalid in the stream's state.
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

    /// Moves all frames that are due at `now` in chunks, and passes completed messages to `on_complete`.
    /// Returns whether the stream has run out of messages.
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

    /// Returns the time at which [`Self::advance`] has work next; `None` without messages or while the clock
    /// is stopped.
    pub fn due(&self) -> Option<Instant> {
        let head_end = self.head.saturating_add(self.buffers.front()?.frames);
        let next = match self.direction {
            Direction::Output if self.moved < self.tail => self.moved,
            Direction::Output => head_end,
            Direction::Input => self.moved.saturating_add(MAX_CHUNK),
        };
        self.clock.time_of(next.min(head_end))
    }

    /// Starts or continues the clock of a running stream that has messages.
    fn start_if_ready(&mut self, now: Instant) {
        if self.state == PcmState::Running && !self.clock.runs() && !self.buffers.is_empty() {
            self.clock.start(now);
        }
    }
}
