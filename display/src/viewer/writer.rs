//! Decides what a client is sent, and when.

use super::Mode;
use super::encoding::Encoding;
use super::flow::Flow;
use super::outgoing::Outgoing;
use super::pieces::Pieces;
use super::proofs::Proofs;
use crate::company::{Company, Shared};
use crate::composer::{Composed, Composer};
use crate::cpu_time;
use crate::exact::encode::CompressError;
use crate::latency::Unpresented;
use crate::monitors::Monitors;
use crate::redirection::Mail;
use crate::screen::{Pointer, Screen, Showing};
use crate::subscription::{Ack, Answer, Asked, Ending, Pending, PictureWork, Subscription, Wait};
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
const SOUND_LOOKS: Duration = Duration::from_millis(10);

/// Sends a client its pictures, one whenever it is ready for one and there is something new.
pub struct Writer<'a> {
    monitors: &'a Monitors,
    screen: &'a Screen,
    subscription: &'a Arc<Subscription>,
    outgoing: Outgoing,
    encoding: Encoding<'a>,
    flow: Flow,
    pieces: Pieces,
    /// The last frame's screen, and whether the client's picture was exact after it.
    shown: Option<(Size, bool)>,
    watching: bool,
    /// What the sound card does for this client.
    card: Abilities,
    /// The client was told that it wants more screens than there can be.
    told_too_many: bool,
    proofs: Proofs,
    unpresented: Unpresented,
}

/// What the writer took from its inbox.
enum Work {
    /// Messages that need no credit, and a picture if one may be sent.
    Send(Box<Small>, Option<Picture>),
    /// To share the encode of others from now on.
    Join,
    /// A piece of contents that the client pastes, or of a file.
    Piece(ServerMessage),
    /// Nothing but time has passed.
    Tidy,
    End(Ending),
}

/// Messages beside the picture.
#[derive(Default)]
struct Small {
    pointer: bool,
    pointer_at: bool,
    leds: bool,
    layout: bool,
    too_many_screens: bool,
    pings: Vec<u64>,
    mail: Mail,
    audio: VecDeque<Arc<[u8]>>,
    proof: bool,
}

impl Small {
    fn is_empty(&self) -> bool {
        let flags =
            [self.pointer, self.pointer_at, self.leds, self.layout, self.too_many_screens, self.proof];
        let queued = !self.pings.is_empty() || !self.audio.is_empty() || self.mail.has_letters();
        !flags.contains(&true) && !queued
    }
}

enum Picture {
    /// To be made.
    Own(Box<PictureWork>),
    /// Made for several.
    Shared(Box<Shared>),
}

impl<'a> Writer<'a> {
    pub fn new(
        monitors: &'a Monitors,
        (screen, company): (&'a Screen, Option<&'a Arc<Company>>),
        subscription: &'a Arc<Subscription>,
        outgoing: Outgoing,
        hello: &Hello,
        mode: Mode,
        card: Abilities,
    ) -> Result<Self, CompressError> {
        let composer = Composer::new(hello.h264, hello.video_only)?;
        let watching = mode == Mode::Watch;
        Ok(Self {
            monitors,
            screen,
            subscription,
            outgoing,
            encoding: Encoding::new(composer, company),
            flow: Flow::new(Instant::now()),
            pieces: Pieces::default(),
            shown: None,
            watching,
            card,
            told_too_many: false,
            proofs: Proofs::default(),
            unpresented: Unpresented::default(),
        })
    }

    /// The client has a picture of this size already.
    pub fn resume(&mut self, known: TileHashes) {
        if let Some(composer) = self.encoding.own() {
            composer.resume(known);
        }
    }

    /// Sends until the connection is to end, and says why if there is something to say.
    pub fn run(&mut self) -> Ending {
        loop {
            let subscription = self.subscription;
            let sent = match subscription.wait(|pending| self.ready(pending)) {
                Work::Send(small, picture) => self.send_small(&small).and_then(|()| match picture {
                    Some(Picture::Own(work)) => self.send_picture(&work),
                    Some(Picture::Shared(shared)) => self.send_shared(&shared),
                    None => Ok(()),
                }),
                Work::Join => {
                    let now = Instant::now();
                    self.encoding.join(self.subscription, self.flow.room(now), now);
                    Ok(())
                }
                Work::Piece(piece) => self.send(&piece.encode()).and_then(|()| self.cover()),
                Work::Tidy => {
                    if let Some(composer) = self.encoding.own() {
                        composer.tidy(Instant::now());
                    }
                    Ok(())
                }
                Work::End(ending) => return self.end(ending),
            };
            if let Err(error) = sent {
                tracing::debug!(%error, "a viewer's connection broke");
                self.subscription.end(Ending::Left);
            }
        }
    }

    fn end(&mut self, ending: Ending) -> Ending {
        match &ending {
            Ending::Left => {}
            Ending::Malformed(text) => {
                self.screen.counters().malformed_messages.add(1);
                self.outgoing.last_words(CloseCode::Malformed, text);
            }
            Ending::Stopped(text) => self.outgoing.last_words(CloseCode::Stopped, text),
        }
        ending
    }

    /// Takes what can be done now.
    fn ready(&mut self, pending: &mut Pending) -> Wait<Work> {
        self.heed(&mut pending.asked, &mut pending.ending);
        if let Some(ending) = pending.ending.take() {
            // It stays in the inbox for whoever asks next.
            pending.ending = Some(ending.clone());
            return Wait::Take(Work::End(ending));
        }
        let now = Instant::now();
        let small = Box::new(Small {
            pointer: std::mem::take(&mut pending.pointer),
            pointer_at: std::mem::take(&mut pending.pointer_at) && self.watching,
            leds: std::mem::take(&mut pending.leds),
            layout: std::mem::take(&mut pending.layout),
            too_many_screens: std::mem::take(&mut pending.asked.too_many_screens) && !self.told_too_many,
            pings: pending.asked.pings.drain(..).collect(),
            mail: pending.mail.take_letters(),
            audio: self.sound_in_time(&mut pending.audio, now),
            proof: self.proofs.is_due(),
        });
        let seat = self.encoding.seat().cloned();
        if let Some(frame) = seat.as_ref().and_then(|seat| seat.take_frame()) {
            return Wait::Take(Work::Send(small, Some(Picture::Shared(Box::new(frame)))));
        }
        let refines = self.encoding.own().is_some_and(|composer| composer.wants_frame(now));
        let wanted = !pending.damage.is_empty() || refines;
        let credit = (wanted || seat.is_some()) && self.flow.has_credit(pending.answer.is_some(), now);
        let not_before = self.flow.not_before().filter(|then| *then > now && pending.answer.is_none());
        if let Some(seat) = &seat {
            if credit {
                seat.offer(pending.answer.is_some(), self.flow.room(now));
            }
        } else if credit && small.is_empty() && self.may_share(now) {
            return Wait::Take(Work::Join);
        } else if credit && not_before.is_none() {
            let work = Box::new(pending.take_picture());
            return Wait::Take(Work::Send(small, Some(Picture::Own(work))));
        }
        if !small.is_empty() {
            return Wait::Take(Work::Send(small, None));
        }
        // Nobody tells when a socket has drained.
        let mut again = (!pending.audio.is_empty()).then(|| now + SOUND_LOOKS);
        if pending.mail.has_parcels() {
            // Whoever shows nothing does not wait for a picture.
            let unheard = self.flow.is_unheard(now);
            let clear = (unheard || self.flow.has_room(now)) && self.outgoing.is_drained();
            let not_before = self.pieces.not_before(wanted && !unheard, clear, now);
            if not_before.is_none()
                && let Some(piece) = take_piece(&mut pending.mail, self.flow.piece())
            {
                self.pieces.sent(now);
                return Wait::Take(Work::Piece(piece));
            }
            again = again.into_iter().chain(not_before).min();
        }
        self.flow.rests(now);
        let rest = match (wanted, credit, not_before) {
            // Whoever makes the next frame will call.
            _ if seat.is_some() => Wait::Forever,
            // Held back by the client: only its acknowledgement changes that.
            (true, false, _) => Wait::Forever,
            (true, true, Some(then)) => Wait::Until(then),
            _ => match self.encoding.own().and_then(|composer| composer.next_due()) {
                Some(due) if due <= now => Wait::Take(Work::Tidy),
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
    fn sound_in_time(&self, audio: &mut VecDeque<Arc<[u8]>>, now: Instant) -> VecDeque<Arc<[u8]>> {
        let drained = || self.outgoing.is_drained();
        if audio.is_empty() || !self.flow.has_room_for_sound(drained, now) {
            return VecDeque::new();
        }
        std::mem::take(audio)
    }

    fn heed(&mut self, asked: &mut Asked, ending: &mut Option<Ending>) {
        for Ack { frame_id, painting, received } in asked.acks.drain(..) {
            if let Err(error) = self.flow.acknowledged(frame_id, painting, received) {
                ending.get_or_insert(Ending::Malformed(format!("The client sent {error}.")));
            }
            self.unpresented.acknowledged(frame_id, received, &self.screen.counters().latency);
        }
        self.encoding.heed(asked, Instant::now());
        if self.encoding.own().is_none() {
            return;
        }
        if let Some(wanted) = asked.prove.take() {
            self.proofs.set(wanted);
        }
    }

    fn send_small(&mut self, small: &Small) -> io::Result<()> {
        // Nothing else is heard when it comes late.
        small.audio.iter().try_for_each(|packet| self.send(packet))?;
        if small.is_empty() {
            return Ok(());
        }
        if small.layout {
            let max = self.monitors.screens().len();
            let screens = Screens { max, screens: self.monitors.layout() };
            self.send(&ServerMessage::Screens(screens).encode())?;
        }
        if small.too_many_screens {
            self.told_too_many = true;
            let text = format!("This desktop has at most {} screen(s).", self.monitors.screens().len());
            self.send(&ServerMessage::Notice { kind: "screens".to_owned(), text }.encode())?;
        }
        let Showing { pointer, pointer_at: (x, y), leds, .. } = self.screen.showing();
        if small.pointer {
            match pointer {
                Pointer::Unset => {}
                Pointer::Hidden => self.send(&encode_cursor(None))?,
                Pointer::Shown(image) => self.send(&encode_cursor(Some(&image)))?,
            }
        }
        if small.pointer_at {
            self.send(&ServerMessage::CursorMove { x: coordinate(x), y: coordinate(y) }.encode())?;
        }
        if small.leds {
            self.send(&ServerMessage::Leds(leds).encode())?;
        }
        small.pings.iter().try_for_each(|ping| self.send(&ServerMessage::Pong(*ping).encode()))?;
        self.send_letters(&small.mail)?;
        self.cover()?;
        self.send_proof()
    }

    fn send_proof(&mut self) -> io::Result<()> {
        // Who asks for proofs shares nothing.
        let Some(composer) = self.encoding.own() else { return Ok(()) };
        let Some(frame_id) = self.proofs.take() else { return Ok(()) };
        let hashes = tile_hashes(composer.framebuffer());
        self.send(&ServerMessage::PictureHash { frame_id, hashes }.encode())
    }

    fn send_letters(&mut self, mail: &Mail) -> io::Result<()> {
        if let Some(abilities) = mail.abilities {
            let Abilities { sound, microphone, .. } = self.card;
            self.send(&ServerMessage::Agents(Abilities { sound, microphone, ..abilities }).encode())?;
        }
        if let Some(types) = &mail.offer {
            self.send(&ServerMessage::ClipboardOffer(types.clone()).encode())?;
        }
        for (request, content) in mail.requests.iter().copied() {
            self.send(&ServerMessage::ClipboardRequest { request, content }.encode())?;
        }
        for status in mail.statuses.iter().cloned() {
            self.send(&ServerMessage::FileStatus(status).encode())?;
        }
        for offer in mail.gone.iter().copied() {
            let gone = Chunk { request: offer, last: true, failed: true, bytes: Vec::new() };
            self.send(&ServerMessage::FileContent(gone).encode())?;
        }
        match mail.file_offer.clone() {
            Some(offer) => self.send(&ServerMessage::FileOffer(offer).encode()),
            None => Ok(()),
        }
    }

    fn may_share(&mut self, now: Instant) -> bool {
        // On a slower line there is a frame for it alone.
        self.flow.is_fast() && !self.proofs.are_wanted() && self.encoding.may_share(self.screen, now)
    }

    fn send_picture(&mut self, work: &PictureWork) -> io::Result<()> {
        let begun = Instant::now();
        self.flow.looked(begun);
        let showing = self.screen.showing();
        let pointer = showing.looked_at(self.subscription.noted_pointer().filter(|_| !self.watching));
        if self.flow.wants_probe(begun) {
            self.send_cover()?;
        }
        let Some(composer) = self.encoding.own() else { return Ok(()) };
        composer.allow(self.flow.allowance(begun));
        let cpu = cpu_time::of_this_thread();
        let composed = composer.compose(&*showing.pixels(), &work.damage, work.flushes, pointer, begun);
        let encode = begun.elapsed();
        self.screen.counters().encoded(encode, cpu_time::of_this_thread().saturating_sub(cpu));
        composer.tidy(begun);
        match composed {
            Some(composed) => self.send_composed(&composed, work.answer, work.flushed, encode),
            None => {
                if let Some(answer) = work.answer {
                    self.subscription.unanswered(answer);
                }
                Ok(())
            }
        }
    }

    fn send_shared(&mut self, shared: &Shared) -> io::Result<()> {
        self.send_composed(&shared.composed, shared.answer, shared.flushed, shared.encode)
    }

    fn send_composed(
        &mut self,
        composed: &Composed,
        answer: Option<Answer>,
        flushed: Option<Instant>,
        encode: Duration,
    ) -> io::Result<()> {
        // What only refines answers nothing: its input waits for the change it made.
        if let Some(answer) = answer.filter(|_| !composed.changed) {
            self.subscription.unanswered(answer);
        }
        let (answer, flushed) = if composed.changed { (answer, flushed) } else { (None, None) };
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
        if let Some(answer) = answer {
            header.input_seq = answer.seq;
            header.input_to_guest_us = micros(answer.reached.saturating_duration_since(answer.received));
            header.guest_to_flush_us = micros(answer.flushed.saturating_duration_since(answer.reached));
        }
        let now = Instant::now();
        let flushed = answer.map(|answer| answer.flushed).or(flushed);
        header.flush_to_sent_us = flushed.map_or(0, |flushed| micros(now.saturating_duration_since(flushed)));
        let message = header.encode(&composed.updates);
        if let Some(answer) = answer {
            self.unpresented.sent(header.frame_id, &answer, now, &counters.latency);
        }
        counters.frames.add(1);
        counters.frame_bytes.add(message.len() as u64);
        self.proofs.sent(&header);
        self.shown = Some((header.size, header.exact));
        self.send_framed(&message, true)?;
        self.send_proof()
    }

    /// Sends a frame without a picture if too much was sent that no acknowledgement would tell of.
    fn cover(&mut self) -> io::Result<()> {
        if self.flow.wants_cover() { self.send_cover() } else { Ok(()) }
    }

    fn send_cover(&mut self) -> io::Result<()> {
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
        self.flow.framed(picture, now);
        self.outgoing.send(message, self.subscription)
    }

    fn send(&mut self, message: &[u8]) -> io::Result<()> {
        self.flow.sent(message.len(), Instant::now());
        self.outgoing.send(message, self.subscription)
    }
}

/// What is pasted goes before files, which take their time anyway.
fn take_piece(mail: &mut Mail, most: usize) -> Option<ServerMessage> {
    let contents = mail.take_piece(most).map(ServerMessage::ClipboardData);
    contents.or_else(|| mail.take_file_piece(most).map(ServerMessage::FileContent))
}

fn micros(duration: Duration) -> u32 {
    u32::try_from(duration.as_micros()).unwrap_or(u32::MAX)
}
