//! virtio-snd: requests, and buffers to play and to record, while a user listens and speaks.

use crate::Guest;
use oriel_display::{Screen, Sound};
use oriel_virtio::{DeviceCounters, SoundCard};
use std::sync::Arc;

/// Runs the target with one input.
pub fn run(script: &[u8]) {
    let sound = Sound::new();
    let seat = Screen::new().subscribe();
    let Ok(_listening) = sound.out.listen(seat.inbox()) else { return };
    let Ok(recorder) = sound.input.turn_on(1) else { return };
    let Ok(mut card) = SoundCard::new(sound.clone(), Arc::new(DeviceCounters::default())) else { return };
    // Bytes of the host's side are a client's packet.
    Guest::new(&mut card).perform(&mut card, script, |packet| recorder.record(packet));
}
