//! What the guest plays reaches those who listen, and what a user says reaches the guest.

#![allow(clippy::unwrap_used)]

mod support;

use oriel_display::audio::spectrum::strongest_tone;
use oriel_display::audio::{PACKET_FRAMES, PACKET_SAMPLES, PacketDecoder, PacketEncoder, RATE};
use oriel_display::viewer::Mode;
use oriel_display::{Client, Monitors, Sound};
use oriel_wire::framing::read_message;
use oriel_wire::{AudioPacket, ClientMessage, Decoded, Recording, ServerMessage, Size};
use std::f64::consts::PI;
use std::sync::Arc;
use std::thread::sleep;
use std::time::{Duration, Instant};
use support::{Guest, Machine, Serving, serve_at};

const SIZE: Size = Size::new(64, 64);
/// Only a failure takes so long.
const PATIENCE: Duration = Duration::from_secs(60);
const PACKET: Duration = Duration::from_millis(10);
const LISTEN: ClientMessage = ClientMessage::Sound { playback: true, capture: false };

struct Room {
    guest: Arc<Guest>,
    monitors: Arc<Monitors>,
    sound: Arc<Sound>,
    began: Instant,
}

impl Room {
    fn new() -> Self {
        let guest = Guest::new(SIZE);
        let monitors = Monitors::single(guest.screen.clone());
        let sound = monitors.add_sound();
        Self { guest, monitors, sound, began: Instant::now() }
    }

    fn enter(&self, mode: Mode) -> (Client, Serving) {
        let (stream, serving) = serve_at(&self.monitors, &Machine::deaf(), mode);
        let client = Client::connect(stream, false).unwrap();
        client.set_timeout(Some(PATIENCE)).unwrap();
        (client, serving)
    }

    /// Enters and waits until the server knows that this one listens.
    fn listen(&self, mode: Mode) -> (Client, Serving) {
        let before = self.sound.out.listeners();
        let (mut client, serving) = self.enter(mode);
        client.send(&LISTEN).unwrap();
        self.wait(|| self.sound.out.listeners() > before);
        (client, serving)
    }

    fn wait(&self, until: impl Fn() -> bool) {
        let deadline = Instant::now() + PATIENCE;
        while !until() {
            assert!(Instant::now() < deadline, "it never came to that");
            sleep(Duration::from_millis(2));
        }
    }

    /// Plays packet `n` of `samples` at the time that it has.
    fn play(&self, n: u32, samples: &[i16]) {
        self.sound.out.play(samples, self.began + PACKET * n);
    }
}

/// Packet `n` of a tone.
fn tone(hz: f64, n: u32) -> Vec<i16> {
    let first = n * PACKET_FRAMES as u32;
    let level = |frame: u32| (8000.0 * (2.0 * PI * hz * f64::from(frame) / f64::from(RATE)).sin()) as i16;
    (first..first + PACKET_FRAMES as u32).flat_map(|frame| [level(frame); 2]).collect()
}

fn next_packet(client: &mut Client) -> AudioPacket {
    loop {
        if let Some(packet) = client.take_audio() {
            return packet;
        }
        client.receive_any().unwrap();
    }
}

#[test]
fn a_tone_arrives_as_it_was_played() {
    let room = Room::new();
    let (mut client, _serving) = room.listen(Mode::Interact);
    let mut decoder = PacketDecoder::new().unwrap();
    let mut heard = Vec::new();
    for n in 0..100 {
        room.play(n, &tone(1000.0, n));
        let packet = next_packet(&mut client);
        assert_eq!(packet.sequence, n);
        // The wire has whole microseconds.
        let moment = room.sound.out.moment(packet.time_us) + Duration::from_micros(1);
        assert!(moment - (room.began + PACKET * n) <= Duration::from_micros(1));
        heard.extend_from_slice(decoder.decode(&packet.opus).unwrap());
    }
    let tone = strongest_tone(&heard).unwrap();
    assert!((tone.hz - 1000.0).abs() < 2.0 && tone.above_rest_db > 20.0, "{tone:?}");
    let kbit = room.sound.counters().packet_bytes.get() * 8 / 1000;
    assert!((60..130).contains(&kbit), "{kbit} kbit for a second");
}

#[test]
fn nothing_is_encoded_for_nobody_and_once_for_everybody() {
    let room = Room::new();
    let packets = || room.sound.counters().packets.get();
    room.play(0, &tone(300.0, 0));
    assert_eq!(packets(), 0);
    let (mut one, serving) = room.listen(Mode::Interact);
    let (mut other, _other) = room.listen(Mode::Watch);
    room.play(1, &tone(300.0, 1));
    assert_eq!(next_packet(&mut one), next_packet(&mut other), "those who watch hear as well");
    assert_eq!(packets(), 1);
    drop(one);
    serving.join().unwrap();
    other.send(&ClientMessage::Sound { playback: false, capture: false }).unwrap();
    room.wait(|| room.sound.out.listeners() == 0);
    room.play(2, &tone(300.0, 2));
    assert_eq!(packets(), 1);
}

#[test]
fn silence_sends_nothing_and_sound_after_it_comes_at_once() {
    let room = Room::new();
    let (mut client, _serving) = room.listen(Mode::Interact);
    for n in 0..200 {
        room.play(n, &[0; PACKET_SAMPLES]);
        if n < 20 {
            next_packet(&mut client);
        }
    }
    assert_eq!(room.sound.counters().packets.get(), 20);
    room.play(200, &tone(500.0, 200));
    let packet = next_packet(&mut client);
    assert_eq!(packet.sequence, 20, "what was silent is not missing");
    let moment = room.sound.out.moment(packet.time_us) + Duration::from_micros(1);
    assert_eq!((moment - room.began).as_millis(), 2000);
}

#[test]
fn a_slow_line_loses_old_sound_and_never_lags() {
    let room = Room::new();
    // Nothing is read for long, and no picture is ever acknowledged.
    let noise = |x: u32, y: u32| (x * 7919 + 13).wrapping_mul(y * 104_729 + 7) & 0x00ff_ffff;
    let guest = Guest::on(room.guest.screen.clone(), Size::new(1920, 1080));
    guest.draw_quietly(Size::new(1920, 1080).bounds(), noise);
    let (client, _serving) = room.listen(Mode::Interact);
    room.wait(|| guest.screen.counters().frames.get() > 0);
    for n in 0..1000 {
        room.play(n, &tone(400.0, n));
    }
    let mut stream = client.into_stream();
    let (mut message, mut got) = (Vec::new(), Vec::new());
    while got.last() != Some(&999) {
        read_message(&mut stream, &mut message, 1 << 26).unwrap();
        if let Ok(Decoded::Known(ServerMessage::Audio(packet))) = ServerMessage::decode(&message) {
            got.push(packet.sequence);
        }
    }
    let behind_picture = got.iter().filter(|sequence| **sequence >= 980).count();
    assert_eq!(behind_picture, 20);
    assert!(got.len() < 500, "{} of 1000 were kept for later", got.len());
    assert_eq!(room.sound.counters().packets_dropped.get() as usize, 1000 - got.len());
}

#[test]
fn picture_and_sound_of_the_same_moment_stay_together() {
    let room = Room::new();
    let (mut client, _serving) = room.listen(Mode::Interact);
    client.next_frame().unwrap();
    // At moment n the guest plays packet n and shows the shade n; who watches is sometimes slow.
    let mut newest = None;
    for n in 1..200u32 {
        room.play(n, &tone(400.0, n));
        room.guest.draw(SIZE.bounds(), move |_, _| n * 0x01_01_01);
        if n % 50 == 0 {
            sleep(Duration::from_millis(20));
        }
        client.next_frame().unwrap();
        while let Some(packet) = client.take_audio() {
            newest = Some(room.sound.out.moment(packet.time_us));
        }
        let shade = u32::from(client.canvas().pixel(5, 5).unwrap()[0]);
        let (shown, heard) = (room.began + PACKET * shade, newest.unwrap());
        let apart = shown.max(heard) - shown.min(heard);
        assert!(apart <= Duration::from_millis(80), "{apart:?} apart at {n}");
    }
}

#[test]
fn a_user_is_heard_by_the_guest_and_a_watcher_is_not() {
    let room = Room::new();
    let speak = ClientMessage::Sound { playback: false, capture: true };
    let mut encoder = PacketEncoder::new().unwrap();
    let mut say = |client: &mut Client| {
        client.send(&speak).unwrap();
        for sequence in 0..10 {
            let opus = encoder.encode(&tone(700.0, sequence)).unwrap();
            client.send(&ClientMessage::Recording(Recording { sequence, opus })).unwrap();
        }
    };
    let counters = room.guest.screen.counters();
    let (mut watcher, _watching) = room.enter(Mode::Watch);
    watcher.next_frame().unwrap();
    assert_eq!((watcher.agents().sound, watcher.agents().microphone), (true, false));
    say(&mut watcher);
    room.wait(|| counters.ignored_messages.get() == 10);
    let (mut client, serving) = room.enter(Mode::Interact);
    say(&mut client);
    room.wait(|| room.sound.counters().recorded.get() == 10);
    let mut heard = vec![0; PACKET_SAMPLES * 8];
    room.sound.input.read(&mut heard);
    assert!(heard.iter().any(|sample| *sample > 4000));
    drop(client);
    serving.join().unwrap();
    room.sound.input.read(&mut heard);
    assert!(heard.iter().all(|sample| *sample == 0), "a microphone goes with its viewer");
}
