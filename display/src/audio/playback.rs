//! Playback: encodes what the guest's sound device plays, and delivers packets to the inboxes of listening
//! viewers.

use super::codec::{CodecError, PacketEncoder};
use super::counters::SoundCounters;
use super::packets::Packets;
use crate::inbox::ViewerInbox;
use oriel_wire::AudioPacket;
use parking_lot::Mutex;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// Playback of one guest. Each packet is encoded once for all listeners; without listeners, or during
/// silence, nothing is encoded.
pub struct SoundOut {
    state: Mutex<State>,
    /// True while there are listeners; spares the sound device the lock otherwise.
    wanted: AtomicBool,
    counters: Arc<SoundCounters>,
    /// Origin of `time_us` in packets.
    epoch: Instant,
}

/// State of playback under its lock.
#[derive(Default)]
struct State {
    listeners: Vec<Arc<ViewerInbox>>,
    /// Encoder, present while there are listeners.
    encoder: Option<PacketEncoder>,
    packets: Packets,
    /// Sequence number of the next packet.
    sequence: u32,
}

impl SoundOut {
    /// Creates playback without listeners.
    pub(super) fn new(counters: Arc<SoundCounters>) -> Self {
        Self { state: Mutex::default(), wanted: AtomicBool::new(false), counters, epoch: Instant::now() }
    }

    /// Plays interleaved `samples`, the first at time `at`. Blocks for the time of encoding: some 4 µs for a
    /// millisecond of audio.
    pub fn play(&self, samples: &[i16], at: Instant) {
        if self.wanted.load(Ordering::Acquire) {
            let mut state = self.state.lock();
            let State { listeners, encoder, packets, sequence } = &mut *state;
            packets.push(samples, at, |packet, at| self.send(listeners, encoder, sequence, packet, at));
        }
    }

    /// Sends the samples of an incomplete packet, for a pause in playback.
    pub fn rest(&self) {
        if self.wanted.load(Ordering::Acquire) {
            let mut state = self.state.lock();
            let State { listeners, encoder, packets, sequence } = &mut *state;
            packets.flush(|packet, at| self.send(listeners, encoder, sequence, packet, at));
        }
    }

    /// Encodes one packet and appends it to the inboxes of all listeners.
    fn send(
        &self,
        listeners: &[Arc<ViewerInbox>],
        encoder: &mut Option<PacketEncoder>,
        sequence: &mut u32,
        samples: &[i16],
        at: Instant,
    ) {
        let begun = Instant::now();
        let opus = match encoder.as_mut().map(|encoder| encoder.encode(samples)) {
            Some(Ok(opus)) => opus,
            Some(Err(error)) => return tracing::warn!(%error, "sound could not be encoded"),
            None => return,
        };
        self.counters.encode_us.add(micros(begun.elapsed()));
        self.counters.packets.add(1);
        self.counters.packet_bytes.add(opus.len() as u64);
        let time_us = micros(at.saturating_duration_since(self.epoch));
        let message: Arc<[u8]> = AudioPacket { sequence: *sequence, time_us, opus }.encode().into();
        *sequence = sequence.wrapping_add(1);
        for listener in listeners {
            self.counters.packets_dropped.add(listener.push_audio(&message));
        }
    }

    /// Delivers packets to `inbox` until the returned guard is dropped.
    ///
    /// # Errors
    /// When an encoder cannot be allocated.
    pub fn listen(self: &Arc<Self>, inbox: &Arc<ViewerInbox>) -> Result<Listening, CodecError> {
        let mut state = self.state.lock();
        if state.encoder.is_none() {
            state.encoder = Some(PacketEncoder::new()?);
        }
        state.listeners.push(inbox.clone());
        self.wanted.store(true, Ordering::Release);
        Ok(Listening { out: self.clone(), inbox: inbox.clone() })
    }

    /// Returns the number of listeners.
    pub fn listeners(&self) -> usize {
        self.state.lock().listeners.len()
    }

    /// Converts the `time_us` of a packet to its time of playback.
    pub fn moment(&self, time_us: u64) -> Instant {
        self.epoch + Duration::from_micros(time_us)
    }
}

/// Registration of a viewer as a listener; dropping it removes the viewer and its queued audio.
pub struct Listening {
    out: Arc<SoundOut>,
    inbox: Arc<ViewerInbox>,
}

impl Drop for Listening {
    fn drop(&mut self) {
        let mut state = self.out.state.lock();
        if let Some(at) = state.listeners.iter().position(|one| Arc::ptr_eq(one, &self.inbox)) {
            state.listeners.swap_remove(at);
        }
        if state.listeners.is_empty() {
            self.out.wanted.store(false, Ordering::Release);
            // Samples gathered for this listener must not reach a later one.
            state.encoder = None;
            state.packets = Packets::default();
        }
        drop(state);
        self.inbox.clear_audio();
    }
}

/// Converts a duration to microseconds, at most `u64::MAX`.
fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}
