//! What one client listens to, and what it says.

use crate::audio::{Listening, Recorder, Sound};
use crate::inbox::ViewerInbox;
use oriel_wire::Recording;
use std::sync::Arc;

/// A client's part of the desktop's sound; it ends with the connection.
pub struct AudioStreams {
    sound: Option<Arc<Sound>>,
    inbox: Arc<ViewerInbox>,
    listening: Option<Listening>,
    recorder: Option<Recorder>,
}

impl AudioStreams {
    /// Neither listens nor speaks. A desktop without a sound card has no `sound`.
    pub fn new(sound: Option<Arc<Sound>>, inbox: Arc<ViewerInbox>) -> Self {
        Self { sound, inbox, listening: None, recorder: None }
    }

    /// Begins and ends what the client asks for.
    pub fn set(&mut self, listen: bool, speak: bool) {
        let Some(sound) = &self.sound else { return };
        let lacking = |error| tracing::warn!(%error, "a viewer gets no sound");
        if !listen {
            self.listening = None;
        } else if self.listening.is_none() {
            self.listening = sound.out.listen(&self.inbox).map_err(lacking).ok();
        }
        if !speak {
            self.recorder = None;
        } else if self.recorder.is_none() {
            self.recorder = sound.input.turn_on(self.inbox.viewer()).map_err(lacking).ok();
        }
    }

    /// What the client's microphone heard; false if it is not on.
    pub fn record(&self, recording: &Recording) -> bool {
        match &self.recorder {
            Some(recorder) => recorder.record(&recording.opus),
            None => return false,
        }
        true
    }
}
