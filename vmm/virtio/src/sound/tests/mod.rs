//! Sound card with a driver whose test controls the time.

use super::wire::{FORMAT_S16, RATE_48000, Status};
use super::*;
use crate::counters::DeviceCounters;
use crate::device::VirtioDevice;
use crate::queue::test_driver::{Sent, TestDriver, XorShift, activation, ram};
use oriel_display::audio::spectrum::strongest_tone;
use oriel_display::audio::{PACKET_SAMPLES, PacketDecoder, PacketEncoder, RATE};
use oriel_display::inbox::Wait;
use oriel_display::screen::ScreenSubscription;
use oriel_display::{Screen, Sound};
use oriel_wire::{AudioPacket, Decoded, ServerMessage};
use std::f64::consts::PI;
use std::sync::Arc;
use std::time::{Duration, Instant};

mod hostile;

const CONTROL: u16 = 0;
const TX: u16 = 2;
const RX: u16 = 3;

const JACK_INFO: u32 = 0x0001;
const PCM_INFO: u32 = 0x0100;
const SET_PARAMS: u32 = 0x0101;
const PREPARE: u32 = 0x0102;
const RELEASE: u32 = 0x0103;
const START: u32 = 0x0104;
const STOP: u32 = 0x0105;

/// Frames of a period of 20 ms.
const PERIOD_FRAMES: u32 = 960;
const PERIOD_BYTES: usize = PERIOD_FRAMES as usize * 4;
/// Latency that the card reports, in bytes: 40 ms.
const LATENCY: u32 = 7680;

struct Guest {
    card: SoundCard,
    sound: Arc<Sound>,
    counters: Arc<DeviceCounters>,
    queues: [TestDriver; 4],
    now: Instant,
}

fn ms(n: u64) -> Duration {
    Duration::from_millis(n)
}

fn guest() -> Guest {
    let memory = ram(8);
    let queues = [1u64, 2, 3, 4].map(|mib| TestDriver::new(&memory, mib << 20, 64));
    let (counters, sound) = (Arc::new(DeviceCounters::default()), Sound::new());
    let mut card = SoundCard::new(sound.clone(), counters.clone()).unwrap();
    let [control, event, tx, rx] = &queues;
    let features = card.features();
    card.activate(activation(&memory, &[control, event, tx, rx], features).0).unwrap();
    Guest { card, sound, counters, queues, now: Instant::now() }
}

fn words(words: &[u32]) -> Vec<u8> {
    words.iter().flat_map(|word| word.to_le_bytes()).collect()
}

fn word(bytes: &[u8], at: usize) -> u32 {
    u32::from_le_bytes(bytes[at..at + 4].try_into().unwrap())
}

impl Guest {
    fn queue(&mut self, index: u16) -> &mut TestDriver {
        &mut self.queues[usize::from(index)]
    }

    fn notify(&mut self, index: u16) {
        self.card.process(self.now, &[index]);
    }

    /// Advances the time, and wakes the card in steps as its timer would.
    fn pass(&mut self, time: Duration) {
        let end = self.now + time;
        while self.now < end {
            self.now = (self.now + ms(2)).min(end);
            self.card.process(self.now, &[]);
        }
    }

    /// Sends a request; returns the response's status and payload.
    fn request(&mut self, request: &[u8], room: usize) -> (u32, Vec<u8>) {
        let sent = self.queue(CONTROL).send(&[request], &[4 + room]);
        self.notify(CONTROL);
        let (head, written) = self.queue(CONTROL).used()[0];
        assert_eq!(head, sent.head);
        let mut response = self.queue(CONTROL).written(&sent);
        response.truncate(written as usize);
        (word(&response, 0), response.split_off(4))
    }

    fn command(&mut self, code: u32, stream: u32) -> u32 {
        let mut request = words(&[code, stream]);
        if code == SET_PARAMS {
            request.extend(words(&[PERIOD_BYTES as u32 * 4, PERIOD_BYTES as u32, 0]));
            request.extend([2, FORMAT_S16, RATE_48000, 0]);
        }
        self.request(&request, 0).0
    }

    fn commands(&mut self, codes: &[u32], stream: u32) {
        for code in codes {
            assert_eq!(self.command(*code, stream), Status::Ok as u32, "{code:#x}");
        }
    }

    fn send_output(&mut self, samples: &[i16]) -> Sent {
        let bytes: Vec<u8> = samples.iter().flat_map(|sample| sample.to_le_bytes()).collect();
        let sent = self.queue(TX).send(&[&words(&[0]), &bytes], &[8]);
        self.notify(TX);
        sent
    }

    fn send_input(&mut self) -> Sent {
        let sent = self.queue(RX).send(&[&words(&[1])], &[PERIOD_BYTES, 8]);
        self.notify(RX);
        sent
    }

    fn status(&mut self, queue: u16, sent: &Sent) -> (u32, u32) {
        let written = self.queue(queue).written(sent);
        let status = &written[written.len() - 8..];
        (word(status, 0), word(status, 4))
    }

    /// Subscribes a listener to the output.
    fn listener(&self) -> Listener {
        let seat = Screen::new().subscribe();
        let listening = self.sound.out.listen(seat.inbox()).unwrap();
        Listener { seat, _listening: listening, decoder: PacketDecoder::new().unwrap() }
    }
}

struct Listener {
    seat: ScreenSubscription,
    _listening: oriel_display::audio::Listening,
    decoder: PacketDecoder,
}

impl Listener {
    fn packets(&self) -> Vec<AudioPacket> {
        let messages = self.seat.inbox().wait(|pending| Wait::Take(std::mem::take(&mut pending.audio)));
        let packet = |message: &Arc<[u8]>| match ServerMessage::decode(message) {
            Ok(Decoded::Known(ServerMessage::Audio(packet))) => packet,
            other => panic!("{other:?}"),
        };
        messages.iter().map(packet).collect()
    }

    fn decode_all(&mut self) -> Vec<i16> {
        let mut all = Vec::new();
        for packet in self.packets() {
            all.extend_from_slice(self.decoder.decode(&packet.opus).unwrap());
        }
        all
    }
}

/// Returns period `n` of a tone.
fn tone(hz: f64, n: u32) -> Vec<i16> {
    let level = |frame: u32| (8000.0 * (2.0 * PI * hz * f64::from(frame) / f64::from(RATE)).sin()) as i16;
    (n * PERIOD_FRAMES..(n + 1) * PERIOD_FRAMES).flat_map(|frame| [level(frame); 2]).collect()
}

#[test]
fn the_card_tells_what_it_has() {
    let mut guest = guest();
    let mut config = [0xFF; 12];
    guest.card.read_config(0, &mut config);
    assert_eq!([0, 4, 8].map(|at| word(&config, at)), [0, 2, 0]);
    let (status, infos) = guest.request(&words(&[PCM_INFO, 0, 2, 32]), 64);
    assert_eq!((status, infos.len()), (Status::Ok as u32, 64));
    for (direction, info) in (0..).zip(infos.chunks(32)) {
        assert_eq!(u64::from_le_bytes(info[8..16].try_into().unwrap()), 1 << 5, "S16");
        assert_eq!(u64::from_le_bytes(info[16..24].try_into().unwrap()), 1 << 7, "48000");
        assert_eq!(info[24..27], [direction, 2, 2]);
    }
    let bad = Status::BadMessage as u32;
    for request in
        [[PCM_INFO, 1, 2, 32], [PCM_INFO, u32::MAX, 2, 32], [PCM_INFO, 0, 1, 31], [JACK_INFO, 0, 1, 24]]
    {
        assert_eq!(guest.request(&words(&request), 64).0, bad, "{request:x?}");
    }
    assert_eq!(guest.request(&words(&[JACK_INFO, 0, 0, 24]), 0).0, Status::Ok as u32, "all of none");
    assert_eq!(guest.request(&words(&[PCM_INFO, 0, 2, 32]), 63).0, bad, "no room for the answer");
    assert_eq!(guest.request(&words(&[PREPARE, 2]), 0).0, bad, "there is no third stream");
    assert_eq!(guest.request(&[1, 1], 0).0, bad);
    assert_eq!(guest.request(&words(&[0x7777]), 0).0, Status::NotSupported as u32);
    assert_eq!(guest.command(START, 0), bad, "nothing is set yet");
}

#[test]
fn a_tone_that_the_guest_plays_is_heard() {
    let mut guest = guest();
    let mut listener = guest.listener();
    guest.commands(&[SET_PARAMS, PREPARE], 0);
    for n in 0..4 {
        guest.send_output(&tone(440.0, n));
    }
    guest.commands(&[START], 0);
    let mut decoded = Vec::new();
    for n in 4..60 {
        guest.pass(ms(20));
        assert_eq!(guest.queue(TX).used().len(), 1);
        decoded.extend(listener.decode_all());
        guest.send_output(&tone(440.0, n));
    }
    let found = strongest_tone(&decoded).unwrap();
    assert!((found.hz - 440.0).abs() < 2.0 && found.above_rest_db > 20.0, "{found:?}");
    assert_eq!(guest.counters.sound_underruns.get(), 0);
}

#[test]
fn buffers_come_back_when_they_are_through_and_not_before() {
    let mut guest = guest();
    guest.commands(&[SET_PARAMS, PREPARE], 0);
    let sent: Vec<Sent> = (0..4).map(|n| guest.send_output(&tone(440.0, n))).collect();
    guest.pass(ms(100));
    assert_eq!(guest.queue(TX).used(), [], "nothing moves before the start");
    guest.commands(&[START], 0);
    for sent in &sent {
        guest.pass(Duration::from_micros(19_999));
        assert_eq!(guest.queue(TX).used(), []);
        guest.pass(Duration::from_micros(1));
        assert_eq!(guest.queue(TX).used(), [(sent.head, 8)]);
        assert_eq!(guest.status(TX, sent), (Status::Ok as u32, LATENCY));
    }
    assert_eq!(guest.counters.sound_underruns.get(), 1);
    // After a lack the clock goes on from the next buffer: nothing is played in a rush.
    guest.pass(ms(500));
    guest.send_output(&tone(440.0, 4));
    guest.pass(Duration::from_micros(19_999));
    assert_eq!(guest.queue(TX).used(), []);
    guest.pass(Duration::from_micros(1));
    assert_eq!(guest.queue(TX).used().len(), 1);
}

#[test]
fn the_clock_does_not_drift_however_late_the_host_wakes() {
    let mut guest = guest();
    guest.commands(&[SET_PARAMS, PREPARE], 0);
    for n in 0..16 {
        guest.send_output(&tone(440.0, n));
    }
    guest.commands(&[START], 0);
    let (start, mut random, mut completed) = (guest.now, XorShift(0x50_0d), 0);
    while completed < 500 {
        guest.now += Duration::from_micros(random.below(150_000));
        guest.card.process(guest.now, &[]);
        let due = guest.queue(TX).used().len();
        completed += due;
        assert_eq!(completed as u128, (guest.now - start).as_millis() / 20);
        for _ in 0..due {
            guest.send_output(&tone(440.0, 0));
        }
    }
    assert_eq!(guest.counters.sound_underruns.get(), 0);
}

#[test]
fn what_is_heard_has_the_time_at_which_it_is_heard() {
    let mut guest = guest();
    let listener = guest.listener();
    guest.commands(&[SET_PARAMS, PREPARE], 0);
    for n in 0..3 {
        guest.send_output(&tone(440.0, n));
    }
    guest.commands(&[START], 0);
    let start = guest.now;
    guest.pass(ms(40));
    let moments: Vec<u128> = (listener.packets().iter())
        .map(|packet| guest.sound.out.moment(packet.time_us) + Duration::from_micros(1) - start)
        .map(|moment| moment.as_millis())
        .collect();
    assert_eq!(moments, [0, 10, 20, 30, 40]);
}

#[test]
fn a_stop_holds_still_and_a_release_gives_everything_back() {
    let mut guest = guest();
    guest.commands(&[SET_PARAMS, PREPARE], 0);
    let sent: Vec<Sent> = (0..4).map(|n| guest.send_output(&tone(440.0, n))).collect();
    guest.commands(&[START], 0);
    guest.pass(ms(30));
    guest.commands(&[STOP], 0);
    assert_eq!(guest.queue(TX).used().len(), 1);
    guest.pass(ms(1000));
    assert_eq!(guest.queue(TX).used(), []);
    guest.commands(&[START], 0);
    guest.pass(ms(10));
    assert_eq!(guest.queue(TX).used(), [(sent[1].head, 8)], "it went on where it stopped");
    guest.commands(&[STOP, RELEASE], 0);
    assert_eq!(guest.queue(TX).used(), [(sent[2].head, 8), (sent[3].head, 8)]);
    // Linux prepares a released stream again without telling its parameters once more.
    guest.commands(&[PREPARE], 0);
    guest.send_output(&tone(440.0, 0));
    guest.commands(&[START], 0);
    guest.pass(ms(20));
    assert_eq!(guest.queue(TX).used().len(), 1);
}

#[test]
fn a_microphone_records_what_is_said_at_the_pace_of_time() {
    let mut guest = guest();
    guest.commands(&[SET_PARAMS, PREPARE], 1);
    let sent: Vec<Sent> = (0..16).map(|_| guest.send_input()).collect();
    guest.commands(&[START], 1);
    guest.pass(ms(20));
    let full = (PERIOD_BYTES + 8) as u32;
    assert_eq!(guest.queue(RX).used(), [(sent[0].head, full)]);
    assert_eq!(guest.status(RX, &sent[0]), (Status::Ok as u32, LATENCY));
    assert!(guest.queue(RX).written(&sent[0])[..PERIOD_BYTES].iter().all(|byte| *byte == 0), "silence");

    let recorder = guest.sound.input.turn_on(1).unwrap();
    let mut encoder = PacketEncoder::new().unwrap();
    for n in 0..5 {
        tone(700.0, n)
            .chunks(PACKET_SAMPLES)
            .for_each(|half| recorder.record(&encoder.encode(half).unwrap()));
    }
    guest.pass(ms(110));
    assert_eq!(guest.queue(RX).used().len(), 5);
    let loud = |bytes: Vec<u8>| bytes.chunks(2).filter(|b| i16::from_le_bytes([b[0], b[1]]) > 4000).count();
    assert!(loud(guest.queue(RX).written(&sent[3])) > 300, "the tone is there");

    // The seventh buffer is half full: the rest of it is silence.
    guest.commands(&[STOP, RELEASE], 1);
    assert_eq!(guest.queue(RX).used().len(), 10);
    let last = guest.queue(RX).written(&sent[6]);
    assert!(last[PERIOD_BYTES / 2 + 4..PERIOD_BYTES].iter().all(|byte| *byte == 0));
}
