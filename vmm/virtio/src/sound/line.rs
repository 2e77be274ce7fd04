//! One stream's buffers on their way past the clock.

use super::clock::Clock;
use super::stream::Phase;
use super::wire::{Direction, Order, Status};
use crate::queue::Chain;
use oriel_display::audio::PACKET_FRAMES;
use std::collections::VecDeque;
use std::time::Instant;

/// Samples move in pieces of at most 10 ms.
const PIECE: u64 = PACKET_FRAMES as u64;

/// A guest's buffer.
pub struct Buffer {
    pub chain: Chain,
    pub frames: u64,
}

/// Frames of one buffer to move now.
pub struct Piece<'a> {
    pub chain: &'a Chain,
    /// Where they begin in the buffer.
    pub offset: u64,
    pub frames: u64,
    /// When the first of them is heard.
    pub at: Option<Instant>,
}

/// The buffers of one stream, oldest first. Positions are frames since the stream was prepared.
pub struct Line {
    direction: Direction,
    phase: Phase,
    clock: Clock,
    buffers: VecDeque<Buffer>,
    /// Where the oldest buffer begins,
    head: u64,
    /// and the newest ends.
    tail: u64,
    /// Up to where samples were moved: of an output those that are heard now and in the next few
    /// milliseconds, of an input those that were recorded.
    moved: u64,
}

impl Line {
    pub fn new(direction: Direction) -> Self {
        Self {
            direction,
            phase: Phase::default(),
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

    pub fn takes_buffers(&self) -> bool {
        self.phase.takes_buffers()
    }

    /// Takes a buffer. A stream that runs and had run dry goes on from now.
    pub fn push(&mut self, buffer: Buffer, now: Instant) {
        self.tail = self.tail.saturating_add(buffer.frames);
        self.buffers.push_back(buffer);
        self.start_if_ready(now);
    }

    /// Does what the guest orders, once [`Self::advance`] has come to `now`. Buffers that go back
    /// for it, through or not, are given to `back` with the frames of them that were moved.
    ///
    /// # Errors
    /// How to answer an order that cannot be obeyed.
    pub fn obey(
        &mut self,
        order: Order,
        now: Instant,
        mut back: impl FnMut(Chain, u64),
    ) -> Result<(), Status> {
        self.phase = self.phase.after(order)?;
        match order {
            Order::Start => self.start_if_ready(now),
            Order::Stop => self.clock.stop(now),
            Order::Prepare => {}
            Order::SetParameters(_) | Order::Release => {
                let mut begins = self.head;
                for buffer in self.buffers.drain(..) {
                    back(buffer.chain, self.moved.saturating_sub(begins).min(buffer.frames));
                    begins = begins.saturating_add(buffer.frames);
                }
                self.clock.stop_at(0);
                (self.head, self.tail, self.moved) = (0, 0, 0);
            }
        }
        Ok(())
    }

    /// Moves all that is due by `now`, piece by piece, and gives the buffers that are through to
    /// `back`. True if the stream has run dry by that.
    pub fn advance(
        &mut self,
        now: Instant,
        mut piece: impl FnMut(Piece<'_>),
        mut back: impl FnMut(Chain),
    ) -> bool {
        if !self.clock.runs() {
            return false;
        }
        let position = self.clock.position(now).min(self.tail);
        let goal = match self.direction {
            Direction::Output => (position / PIECE + 1).saturating_mul(PIECE).min(self.tail),
            Direction::Input => position,
        };
        let mut begins = self.head;
        for buffer in &self.buffers {
            let ends = begins.saturating_add(buffer.frames);
            while self.moved < ends.min(goal) {
                let frames = (ends.min(goal) - self.moved).min(PIECE);
                let (offset, at) = (self.moved.saturating_sub(begins), self.clock.moment(self.moved));
                piece(Piece { chain: &buffer.chain, offset, frames, at });
                self.moved += frames;
            }
            begins = ends;
        }
        while let Some(buffer) = self.buffers.pop_front_if(|buffer| self.head + buffer.frames <= position) {
            self.head += buffer.frames;
            back(buffer.chain);
        }
        let dry = self.buffers.is_empty();
        if dry {
            self.clock.stop_at(self.tail);
        }
        dry
    }

    /// When [`Self::advance`] has something to do next.
    pub fn due(&self) -> Option<Instant> {
        let through = self.head.saturating_add(self.buffers.front()?.frames);
        let next = match self.direction {
            Direction::Output if self.moved < self.tail => self.moved,
            Direction::Output => through,
            Direction::Input => self.moved.saturating_add(PIECE),
        };
        self.clock.moment(next.min(through))
    }

    fn start_if_ready(&mut self, now: Instant) {
        if self.phase == Phase::Running && !self.clock.runs() && !self.buffers.is_empty() {
            self.clock.start(now);
        }
    }
}
