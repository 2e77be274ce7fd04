//! Control messages of a viewer: everything beside frames and chunks of transfers.

use super::Writer;
use crate::outbox::Outbox;
use crate::screen::{Pointer, Showing};
use crate::tile_hashes::tile_hashes;
use oriel_wire::fields::coordinate;
use oriel_wire::{Abilities, Chunk, Screens, ServerMessage, encode_cursor};
use std::collections::VecDeque;
use std::io;
use std::sync::Arc;

/// Batch of control messages to send. A flag requests a message with the present state of the screen.
#[derive(Default)]
pub(super) struct ControlBatch {
    /// Sends the cursor's image.
    pub pointer: bool,
    /// Sends the cursor's position.
    pub pointer_at: bool,
    /// Sends the keyboard LEDs.
    pub leds: bool,
    /// Sends the layout of the screens.
    pub layout: bool,
    /// Sends a notice that the desktop has fewer screens than requested.
    pub too_many_screens: bool,
    /// Values of pings to return.
    pub pings: Vec<u64>,
    /// Clipboard and file messages.
    pub outbox: Outbox,
    /// Encoded audio messages, oldest first.
    pub audio: VecDeque<Arc<[u8]>>,
    /// Sends tile hashes of the present picture.
    pub frame_hashes: bool,
}

impl ControlBatch {
    /// Reports whether the batch has no messages.
    pub fn is_empty(&self) -> bool {
        let flags =
            [self.pointer, self.pointer_at, self.leds, self.layout, self.too_many_screens, self.frame_hashes];
        let queued = !self.pings.is_empty() || !self.audio.is_empty() || self.outbox.has_control_messages();
        !flags.contains(&true) && !queued
    }
}

impl Writer<'_> {
    /// Sends the batch, audio first, and an empty frame after it if flow control requires one.
    pub(super) fn send_control_batch(&mut self, control: &ControlBatch) -> io::Result<()> {
        // Delay is audible in audio only.
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

    /// Sends the tile hashes of the client's picture if they are due.
    pub(super) fn send_frame_hashes(&mut self) -> io::Result<()> {
        // A viewer that requests hashes is in no encode group.
        let Some(composer) = self.frame_source.own() else { return Ok(()) };
        let Some(frame_id) = self.frame_hashes.take() else { return Ok(()) };
        let hashes = tile_hashes(composer.framebuffer());
        self.send(&ServerMessage::FrameHash { frame_id, hashes }.encode())
    }

    /// Sends the clipboard and file messages of an outbox.
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
}
