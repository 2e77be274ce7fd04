//! Audio of one client: its registrations for playback and recording, as requested by `Sound` messages.

use crate::audio::{Listening, Recorder, Sound};
use crate::inbox::ViewerInbox;
use oriel_wire::Recording;
use std::sync::Arc;

/// Registrations of one client for the desktop's audio; they end when dropped.
pub struct AudioStreams {
    sound: Option<Arc<Sound>>,
    inbox: Arc<ViewerInbox>,
    listening: Option<Listening>,
    recorder: Option<Recorder>,
}

impl AudioStreams {
    /// Creates the streams with both directions off. `sound` is `None` on a desktop without a sound card.
    pub fn new(sound: Option<Arc<Sound>>, inbox: Arc<ViewerInbox>) -> Self {
        Self { sound, inbox, listening: None, recorder: None }
    }

    /// Turns playback (`listen`) and recording (`speak`) on or off. A direction whose codec cannot be
    /// allocated stays off, with a warning in the log.
    pub fn set(&mut self, listen: bool, speak: bool) {
        let Some(sound) = &self.sound else { return };
        let warn =
            |error| tracing::warn!(%error, "an audio codec could not be created; a viewer has no sound");
        if !listen {
            self.listening = None;
        } else if self.listening.is_none() {
            self.listening = sound.out.listen(&self.inbox).map_err(warn).ok();
        }
        if !speak {
            self.recorder = None;
        } else if self.recorder.is_none() {
            self.recorder = sound.input.turn_on(self.inbox.viewer()).map_err(warn).ok();
        }
    }

    /// Passes a recorded packet on to the guest; returns false if the client's microphone is off.
    pub fn record(&self, recording: &Recording) -> bool {
        match &self.recorder {
            Some(recorder) => recorder.record(&recording.opus),
            None => return false,
        }
        true
    }
}
