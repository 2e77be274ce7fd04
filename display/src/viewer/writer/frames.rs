//! Frames of a viewer: composes, numbers, measures and sends them.

use super::Writer;
use crate::cpu_time;
use crate::inbox::FrameJob;
use crate::latency::InputTrace;
use crate::pipeline::Composed;
use crate::shared_encode::SharedFrame;
use oriel_wire::{FrameHeader, Update};
use std::io;
use std::time::{Duration, Instant};

impl Writer<'_> {
    /// Composes a frame with the viewer's own composer and sends it if anything changed.
    pub(super) fn send_picture(&mut self, work: &FrameJob) -> io::Result<()> {
        let begun = Instant::now();
        self.flow.frame_started(begun);
        let showing = self.screen.showing();
        let pointer = showing.looked_at(self.inbox.client_pointer().filter(|_| !self.watching));
        if self.flow.wants_probe(begun) {
            self.send_empty_frame()?;
        }
        let Some(composer) = self.frame_source.own() else { return Ok(()) };
        composer.allow(self.flow.allowance(begun));
        let cpu = cpu_time::of_this_thread();
        let composed = composer.compose(&*showing.pixels(), &work.damage, work.flushes, pointer, begun);
        let encode = begun.elapsed();
        self.screen.counters().encoded(encode, cpu_time::of_this_thread().saturating_sub(cpu));
        composer.tidy(begun);
        match composed {
            Some(composed) => self.send_composed(&composed, work.trace, work.flushed, encode),
            None => {
                if let Some(trace) = work.trace {
                    self.inbox.retry_trace(trace);
                }
                Ok(())
            }
        }
    }

    /// Sends a frame that the encode group composed.
    pub(super) fn send_shared(&mut self, shared: &SharedFrame) -> io::Result<()> {
        self.send_composed(&shared.composed, shared.trace, shared.flushed, shared.encode)
    }

    /// Counts, numbers and sends a composed frame; an input trace stays pending unless the frame shows a
    /// change.
    fn send_composed(
        &mut self,
        composed: &Composed,
        trace: Option<InputTrace>,
        flushed: Option<Instant>,
        encode: Duration,
    ) -> io::Result<()> {
        // A frame that only refines answers no input; the trace waits for a change.
        if let Some(trace) = trace.filter(|_| !composed.changed) {
            self.inbox.retry_trace(trace);
        }
        let (trace, flushed) = if composed.changed { (trace, flushed) } else { (None, None) };
        let counters = self.screen.counters();
        counters.exact_tiles.add(composed.exact_tiles as u64);
        counters.video_tiles.add(composed.video_tiles as u64);
        for update in &composed.updates {
            match update {
                Update::Exact { .. } => counters.exact_bytes.add(update.len() as u64),
                Update::Video(_) => counters.video_bytes.add(update.len() as u64),
                Update::Copy { to, .. } => {
                    counters.copies.add(1);
                    counters.copied_pixels.add(u64::from(to.width) * u64::from(to.height));
                }
            }
        }
        let mut header = FrameHeader {
            exact: composed.exact,
            whole: composed.whole,
            frame_id: self.flow.next_id(),
            size: composed.size,
            encode_us: micros(encode),
            ..FrameHeader::default()
        };
        if let Some(trace) = trace {
            header.input_seq = trace.seq;
            header.input_to_guest_us = micros(trace.reached.saturating_duration_since(trace.received));
            header.guest_to_flush_us = micros(trace.flushed.saturating_duration_since(trace.reached));
        }
        let now = Instant::now();
        let flushed = trace.map(|trace| trace.flushed).or(flushed);
        header.flush_to_sent_us = flushed.map_or(0, |flushed| micros(now.saturating_duration_since(flushed)));
        let message = header.encode(&composed.updates);
        if let Some(trace) = trace {
            self.unpresented.sent(header.frame_id, &trace, now, &counters.latency);
        }
        counters.frames.add(1);
        counters.frame_bytes.add(message.len() as u64);
        self.frame_hashes.sent(&header);
        self.shown = Some((header.size, header.exact));
        self.send_framed(&message, true)?;
        self.send_frame_hashes()
    }

    /// Sends an empty frame if flow control requires one to cover the bytes sent beside the picture.
    pub(super) fn send_empty_frame_if_wanted(&mut self) -> io::Result<()> {
        if self.flow.wants_empty_frame() { self.send_empty_frame() } else { Ok(()) }
    }

    /// Sends a frame without updates, whose acknowledgement covers the bytes sent before.
    fn send_empty_frame(&mut self) -> io::Result<()> {
        // A client without a picture receives its first frame soon.
        let Some((size, exact)) = self.shown else { return Ok(()) };
        let header = FrameHeader { exact, size, frame_id: self.flow.next_id(), ..FrameHeader::default() };
        self.send_framed(&header.encode(&[]), false)
    }

    /// Sends an encoded frame with the number allocated last.
    fn send_framed(&mut self, message: &[u8], picture: bool) -> io::Result<()> {
        // The time is taken before the write, which may block.
        let now = Instant::now();
        self.flow.sent(message.len(), now);
        self.flow.frame_sent(picture, now);
        self.sender.send(message, self.inbox)
    }
}

/// Converts a duration to microseconds, at most `u32::MAX`.
fn micros(duration: Duration) -> u32 {
    u32::try_from(duration.as_micros()).unwrap_or(u32::MAX)
}
