//! Decides what a client is sent, and when.

use super::Mode;
use super::flow_control::FlowControl;
use super::frame_hashes::FrameHashes;
use super::frame_source::FrameSource;
use super::message_sender::MessageSender;
use super::transfer_pacer::TransferPacer;
use crate::cpu_time;
use crate::inbox::{Ack, ClientRequests, CloseReason, FrameJob, Pending, ViewerInbox, Wait};
use crate::latency::{InputTrace, UnpresentedFrames};
use crate::lossless::encode::CompressError;
use crate::monitors::Monitors;
use crate::outbox::Outbox;
use crate::pipeline::{Composed, Composer};
use crate::screen::{Pointer, Screen, Showing};
use crate::shared_encode::{EncodeGroup, SharedFrame};
use crate::tile_hashes::tile_hashes;
use oriel_wire::fields::coordinate;
use oriel_wire::{
    Abilities, Chunk, CloseCode, FrameHeader, Hello, Screens, ServerMessage, Size, TileHashes, Update,
    encode_cursor,
};
use std::collections::VecDeque;
use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// How often sound that found no room looks for some.
const AUDIO_POLL_INTERVAL: Duration = Duration::from_millis(10);

/// Sends a client its pictures, one whenever it is ready for one and there is something new.
pub struct Writer<'a> {
    monitors: &'a Monitors,
    screen: &'a Screen,
    inbox: &'a Arc<ViewerInbox>,
    sender: MessageSender,
    frame_source: FrameSource<'a>,
    flow: FlowControl,
    transfer_pacer: TransferPacer,
    /// The last frame's screen, and whether the client's picture was exact after it.
    shown: Option<(Size, bool)>,
    watching: bool,
    /// What the sound card does for this client.
    audio_abilities: Abilities,
    /// The client was told that it wants more screens than there can be.
    too_many_screens_sent: bool,
    frame_hashes: FrameHashes,
    unpresented: UnpresentedFrames,
}

/// What the writer took from its inbox.
enum WriterTask {
    /// Messages that need no credit, and a picture if one may be sent.
    Send(Box<ControlBatch>, Option<Picture>),
    /// To share the encode of others from now on.
    Join,
    /// A piece of contents that the client pastes, or of a file.
    Chunk(ServerMessage),
    /// Nothing but time has passed.
    Tidy,
    End(CloseReason),
}

/// Messages beside the picture.
#[derive(Default)]
struct ControlBatch {
    pointer: bool,
    pointer_at: bool,
    leds: bool,
    layout: bool,
    too_many_screens: bool,
    pings: Vec<u64>,
    outbox: Outbox,
    audio: VecDeque<Arc<[u8]>>,
    frame_hashes: bool,
}

impl ControlBatch {
    fn is_empty(&self) -> bool {
        let flags =
            [self.pointer, self.pointer_at, self.leds, self.layout, self.too_many_screens, self.frame_hashes];
        let queued = !self.pings.is_empty() || !self.audio.is_empty() || self.outbox.has_control_messages();
        !flags.contains(&true) && !queued
    }
}

enum Picture {
    /// To be made.
    Own(Box<FrameJob>),
    /// Made for several.
    Group(Box<SharedFrame>),
}

impl<'a> Writer<'a> {
    pub fn new(
        monitors: &'a Monitors,
        (screen, group): (&'a Screen, Option<&'a Arc<EncodeGroup>>),
        inbox: &'a Arc<ViewerInbox>,
        sender: MessageSender,
        hello: &Hello,
        mode: Mode,
        audio_abilities: Abilities,
    ) -> Result<Self, CompressError> {
        let composer = Composer::new(hello.h264, hello.video_only)?;
        let watching = mode == Mode::Watch;
        Ok(Self {
            monitors,
            screen,
            inbox,
            sender,
            frame_source: FrameSource::new(composer, group),
            flow: FlowControl::new(Instant::now()),
            transfer_pacer: TransferPacer::default(),
            shown: None,
            watching,
            audio_abilities,
            too_many_screens_sent: false,
            frame_hashes: FrameHashes::default(),
            unpresented: UnpresentedFrames::default(),
        })
    }

    /// The client has a picture of this size already.
    pub fn resume(&mut self, known: TileHashes) {
        if let Some(composer) = self.frame_source.own() {
            composer.resume(known);
        }
    }

    /// Sends until the connection is to end, and says why if there is something to say.
    pub fn run(&mut self) -> CloseReason {
        loop {
            let inbox = self.inbox;
            let sent = match inbox.wait(|pending| self.ready(pending)) {
                WriterTask::Send(control, picture) => {
                    self.send_control_batch(&control).and_then(|()| match picture {
                        Some(Picture::Own(work)) => self.send_picture(&work),
                        Some(Picture::Group(shared)) => self.send_shared(&shared),
                        None => Ok(()),
                    })
                }
                WriterTask::Join => {
                    let now = Instant::now();
                    self.frame_source.join(self.inbox, self.flow.capacity(now), now);
                    Ok(())
                }
                WriterTask::Chunk(piece) => {
                    self.send(&piece.encode()).and_then(|()| self.send_empty_frame_if_wanted())
                }
                WriterTask::Tidy => {
                    if let Some(composer) = self.frame_source.own() {
                        composer.tidy(Instant::now());
                    }
                    Ok(())
                }
                WriterTask::End(close_reason) => return self.end(close_reason),
            };
            if let Err(error) = sent {
                tracing::debug!(%error, "a viewer's connection broke");
                self.inbox.close(CloseReason::Left);
            }
        }
    }

    fn end(&mut self, close_reason: CloseReason) -> CloseReason {
        match &close_reason {
            CloseReason::Left => {}
            CloseReason::Malformed(text) => {
                self.screen.counters().malformed_messages.add(1);
                self.sender.send_closed(CloseCode::Malformed, text);
            }
            CloseReason::Stopped(text) => self.sender.send_closed(CloseCode::Stopped, text),
        }
        close_reason
    }

    /// Takes what can be done now.
    fn ready(&mut self, pending: &mut Pending) -> Wait<WriterTask> {
        self.apply_requests(&mut pending.requests, &mut pending.close_reason);
        if let Some(close_reason) = pending.close_reason.take() {
            // It stays in the inbox for whoever asks next.
            pending.close_reason = Some(close_reason.clone());
            return Wait::Take(WriterTask::End(close_reason));
        }
        let now = Instant::now();
        let control = Box::new(ControlBatch {
            pointer: std::mem::take(&mut pending.pointer),
            pointer_at: std::mem::take(&mut pending.pointer_at) && self.watching,
            leds: std::mem::take(&mut pending.leds),
            layout: std::mem::take(&mut pending.layout),
            too_many_screens: std::mem::take(&mut pending.requests.too_many_screens)
                && !self.too_many_screens_sent,
            pings: pending.requests.pings.drain(..).collect(),
            outbox: pending.outbox.take_control_messages(),
            audio: self.take_audio(&mut pending.audio, now),
            frame_hashes: self.frame_hashes.is_due(),
        });
        let member = self.frame_source.member().cloned();
        if let Some(frame) = member.as_ref().and_then(|member| member.take_frame()) {
            return Wait::Take(WriterTask::Send(control, Some(Picture::Group(Box::new(frame)))));
        }
        let refines = self.frame_source.own().is_some_and(|composer| composer.wants_frame(now));
        let wanted = !pending.damage.is_empty() || refines;
        let credit = (wanted || member.is_some()) && self.flow.has_credit(pending.trace.is_some(), now);
        let not_before = self.flow.next_frame_at().filter(|then| *then > now && pending.trace.is_none());
        if let Some(member) = &member {
            if credit {
                member.request_frame(pending.trace.is_some(), self.flow.capacity(now));
            }
        } else if credit && control.is_empty() && self.may_share(now) {
            return Wait::Take(WriterTask::Join);
        } else if credit && not_before.is_none() {
            let work = Box::new(pending.take_frame_job());
            return Wait::Take(WriterTask::Send(control, Some(Picture::Own(work))));
        }
        if !control.is_empty() {
            return Wait::Take(WriterTask::Send(control, None));
        }
        // Nobody tells when a socket has drained.
        let mut again = (!pending.audio.is_empty()).then(|| now + AUDIO_POLL_INTERVAL);
        if pending.outbox.has_transfers() {
            // Whoever shows nothing does not wait for a picture.
            let silent = self.flow.is_silent(now);
            let clear = (silent || self.flow.has_room(now)) && self.sender.is_drained();
            let not_before = self.transfer_pacer.not_before(wanted && !silent, clear, now);
            if not_before.is_none()
                && let Some(piece) = take_chunk(&mut pending.outbox, self.flow.chunk_size())
            {
                self.transfer_pacer.sent(now);
                return Wait::Take(WriterTask::Chunk(piece));
            }
            again = again.into_iter().chain(not_before).min();
        }
        self.flow.note_idle(now);
        let rest = match (wanted, credit, not_before) {
            // Whoever makes the next frame will call.
            _ if member.is_some() => Wait::Forever,
            // Held back by the client: only its acknowledgement changes that.
            (true, false, _) => Wait::Forever,
            (true, true, Some(then)) => Wait::Until(then),
            _ => match self.frame_source.own().and_then(|composer| composer.next_due()) {
                Some(due) if due <= now => Wait::Take(WriterTask::Tidy),
                Some(due) => Wait::Until(due),
                None => Wait::Forever,
            },
        };
        match (rest, again) {
            (Wait::Forever, Some(again)) => Wait::Until(again),
            (Wait::Until(then), Some(again)) => Wait::Until(then.min(again)),
            (rest, _) => rest,
        }
    }

    /// Takes the sound that will come in time if it is sent now.
    fn take_audio(&self, audio: &mut VecDeque<Arc<[u8]>>, now: Instant) -> VecDeque<Arc<[u8]>> {
        let drained = || self.sender.is_drained();
        if audio.is_empty() || !self.flow.has_room_for_audio(drained, now) {
            return VecDeque::new();
        }
        std::mem::take(audio)
    }

    fn apply_requests(&mut self, requests: &mut ClientRequests, close_reason: &mut Option<CloseReason>) {
        for Ack { frame_id, painting, received } in requests.acks.drain(..) {
            if let Err(error) = self.flow.acknowledged(frame_id, painting, received) {
                close_reason.get_or_insert(CloseReason::Malformed(format!("The client sent {error}.")));
            }
            self.unpresented.acknowledged(frame_id, received, &self.screen.counters().latency);
        }
        self.frame_source.apply_requests(requests, Instant::now());
        if self.frame_source.own().is_none() {
            return;
        }
        if let Some(wanted) = requests.prove.take() {
            self.frame_hashes.set(wanted);
        }
    }

    fn send_control_batch(&mut self, control: &ControlBatch) -> io::Result<()> {
        // Nothing else is heard when it comes late.
        control.audio.iter().try_for_each(|packet| self.send(packet))?;
        if control.is_empty() {
            return Ok(());
        }
        if control.layout {
            let max = self.monitors.screens().len();
            let screens = Screens { max, screens: self.monitors.layout() };
            self.send(&ServerMessage::Screens(screens).encode())?;
        }
        if control.too_many_screens {
            self.too_many_screens_sent = true;
            let text = format!("This desktop has at most {} screen(s).", self.monitors.screens().len());
            self.send(&ServerMessage::Notice { kind: "screens".to_owned(), text }.encode())?;
        }
        let Showing { pointer, pointer_at: (x, y), leds, .. } = self.screen.showing();
        if control.pointer {
            match pointer {
                Pointer::Unset => {}
                Pointer::Hidden => self.send(&encode_cursor(None))?,
                Pointer::Shown(image) => self.send(&encode_cursor(Some(&image)))?,
            }
        }
        if control.pointer_at {
            self.send(&ServerMessage::CursorMove { x: coordinate(x), y: coordinate(y) }.encode())?;
        }
        if control.leds {
            self.send(&ServerMessage::Leds(leds).encode())?;
        }
        control.pings.iter().try_for_each(|ping| self.send(&ServerMessage::Pong(*ping).encode()))?;
        self.send_control_messages(&control.outbox)?;
        self.send_empty_frame_if_wanted()?;
        self.send_frame_hashes()
    }

    fn send_frame_hashes(&mut self) -> io::Result<()> {
        // Who asks for proofs shares nothing.
        let Some(composer) = self.frame_source.own() else { return Ok(()) };
        let Some(frame_id) = self.frame_hashes.take() else { return Ok(()) };
        let hashes = tile_hashes(composer.framebuffer());
        self.send(&ServerMessage::PictureHash { frame_id, hashes }.encode())
    }

    fn send_control_messages(&mut self, outbox: &Outbox) -> io::Result<()> {
        if let Some(abilities) = outbox.abilities {
            let Abilities { sound, microphone, .. } = self.audio_abilities;
            self.send(&ServerMessage::Agents(Abilities { sound, microphone, ..abilities }).encode())?;
        }
        if let Some(types) = &outbox.offer {
            self.send(&ServerMessage::ClipboardOffer(types.clone()).encode())?;
        }
        for (request, content) in outbox.requests.iter().copied() {
            self.send(&ServerMessage::ClipboardRequest { request, content }.encode())?;
        }
        for status in outbox.statuses.iter().cloned() {
            self.send(&ServerMessage::FileStatus(status).encode())?;
        }
        for offer in outbox.gone.iter().copied() {
            let gone = Chunk { request: offer, last: true, failed: true, bytes: Vec::new() };
            self.send(&ServerMessage::FileContent(gone).encode())?;
        }
        match outbox.file_offer.clone() {
            Some(offer) => self.send(&ServerMessage::FileOffer(offer).encode()),
            None => Ok(()),
        }
    }

    fn may_share(&mut self, now: Instant) -> bool {
        // On a slower line there is a frame for it alone.
        self.flow.is_fast()
            && !self.frame_hashes.are_wanted()
            && self.frame_source.should_join(self.screen, now)
    }

    fn send_picture(&mut self, work: &FrameJob) -> io::Result<()> {
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

    fn send_shared(&mut self, shared: &SharedFrame) -> io::Result<()> {
        self.send_composed(&shared.composed, shared.trace, shared.flushed, shared.encode)
    }

    fn send_composed(
        &mut self,
        composed: &Composed,
        trace: Option<InputTrace>,
        flushed: Option<Instant>,
        encode: Duration,
    ) -> io::Result<()> {
        // What only refines answers nothing: its input waits for the change it made.
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

    /// Sends a frame without a picture if too much was sent that no acknowledgement would tell of.
    fn send_empty_frame_if_wanted(&mut self) -> io::Result<()> {
        if self.flow.wants_empty_frame() { self.send_empty_frame() } else { Ok(()) }
    }

    fn send_empty_frame(&mut self) -> io::Result<()> {
        // A client that was shown nothing yet has its first frame before long.
        let Some((size, exact)) = self.shown else { return Ok(()) };
        let header = FrameHeader { exact, size, frame_id: self.flow.next_id(), ..FrameHeader::default() };
        self.send_framed(&header.encode(&[]), false)
    }

    /// Sends the frame numbered last.
    fn send_framed(&mut self, message: &[u8], picture: bool) -> io::Result<()> {
        // By the moment that it begins to wait for the socket, if it has to.
        let now = Instant::now();
        self.flow.sent(message.len(), now);
        self.flow.frame_sent(picture, now);
        self.sender.send(message, self.inbox)
    }

    fn send(&mut self, message: &[u8]) -> io::Result<()> {
        self.flow.sent(message.len(), Instant::now());
        self.sender.send(message, self.inbox)
    }
}

/// What is pasted goes before files, which take their time anyway.
fn take_chunk(outbox: &mut Outbox, most: usize) -> Option<ServerMessage> {
    let contents = outbox.take_piece(most).map(ServerMessage::ClipboardData);
    contents.or_else(|| outbox.take_file_piece(most).map(ServerMessage::FileContent))
}

fn micros(duration: Duration) -> u32 {
    u32::try_from(duration.as_micros()).unwrap_or(u32::MAX)
}
