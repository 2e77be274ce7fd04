//! How connections begin, flow and end.

#![allow(clippy::unwrap_used)]

mod support;

use oriel_display::Client;
use oriel_display::client::ClientError;
use oriel_display::viewer::{Ended, Mode};
use oriel_wire::framing::{read_message, write_message};
use oriel_wire::{
    Button, ClientMessage, CloseCode, CursorImage, Decoded, Hello, InputEvent, Rect, ServerMessage, Size,
};
use std::io::Write;
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::thread::sleep;
use std::time::{Duration, Instant};
use support::{Guest, Machine, connect, serve, settle, text};

const SIZE: Size = Size::new(320, 200);

fn closed(stream: &mut UnixStream) -> CloseCode {
    let mut message = Vec::new();
    loop {
        read_message(stream, &mut message, 1 << 24).unwrap();
        if let Ok(Decoded::Known(ServerMessage::Closed { code, .. })) = ServerMessage::decode(&message) {
            return code;
        }
    }
}

#[test]
fn a_slow_client_gets_the_newest_picture() {
    let guest = Guest::new(SIZE);
    let (mut client, _serving) = connect(&guest.screen, true, false);
    let mut newest = client.receive().unwrap();
    // The second frame fills what may be in flight; the rest gathers.
    for shade in 0..50u32 {
        guest.draw(Rect::new(0, 0, 64, 64), move |_, _| shade * 0x01_01_01);
        sleep(Duration::from_millis(2));
    }
    while u64::from(newest.header.frame_id) < guest.screen.counters().frames.get() {
        newest = client.receive().unwrap();
    }
    assert!(newest.header.frame_id <= 3, "never more than three unacknowledged");
    let before = newest.header.frame_id;
    client.send(&ClientMessage::Ack { frame_id: before, decode_us: 0, present_us: 0 }).unwrap();
    let next = client.receive().unwrap();
    assert_eq!(next.header.frame_id, before + 1);
    assert_eq!(client.canvas().pixel(5, 5), Some([49; 3]), "the newest, and none between");
}

#[test]
fn the_frame_that_answers_an_input_says_so() {
    let guest = Guest::new(SIZE);
    let drawer = Arc::clone(&guest);
    let machine = Machine::new(move |event, id| {
        let drawer = Arc::clone(&drawer);
        if let InputEvent::Key { code, down: true } = event {
            std::thread::spawn(move || {
                sleep(Duration::from_millis(3));
                drawer.screen.input_reached_guest(id);
                sleep(Duration::from_millis(3));
                // A flush that shows nothing new is no answer.
                let before = drawer.reads.load(Ordering::Relaxed);
                drawer.screen.flush(SIZE.bounds());
                while drawer.reads.load(Ordering::Relaxed) < before + SIZE.height as usize {
                    sleep(Duration::from_millis(1));
                }
                sleep(Duration::from_millis(5));
                drawer.draw(Rect::new(10, 10, 20, 20), move |_, _| u32::from(code) * 0x10_20_30);
            });
        }
    });
    let (stream, _serving) = serve(&guest.screen, &machine, Mode::Interact);
    let mut client = Client::connect(stream, true).unwrap();
    let first = client.next_frame().unwrap();
    assert_eq!(first.header.input_seq, 0);
    for code in 1..5 {
        let begun = Instant::now();
        let seq = client.send_input(InputEvent::Key { code, down: true }).unwrap();
        let header = client.next_frame().unwrap().header;
        let all = begun.elapsed().as_micros();
        assert_eq!(header.input_seq, seq);
        assert!(header.input_to_guest_us >= 3000 && header.guest_to_flush_us >= 8_000, "{header:?}");
        assert!(header.encode_us <= header.flush_to_sent_us);
        let stages = header.input_to_guest_us + header.guest_to_flush_us + header.flush_to_sent_us;
        assert!(u128::from(stages) <= all, "{header:?} within {all} us");
    }
}

#[test]
fn inputs_arrive_in_order_and_what_is_held_is_released_at_the_end() {
    let guest = Guest::new(SIZE);
    let machine = Machine::deaf();
    let (stream, serving) = serve(&guest.screen, &machine, Mode::Interact);
    let mut client = Client::connect(stream, true).unwrap();
    let events = [
        InputEvent::Key { code: 30, down: true },
        InputEvent::Key { code: 42, down: true },
        InputEvent::Key { code: 30, down: false },
        InputEvent::PointerTo { x: 65535 / 319 + 1, y: 65535 },
        InputEvent::Button { button: Button::Left, down: true },
        InputEvent::Wheel { dx: 0, dy: 120 },
        InputEvent::PointerBy { dx: -1, dy: 1 },
    ];
    for event in events {
        client.send_input(event).unwrap();
    }
    drop(client);
    assert_eq!(serving.join().unwrap(), Ended::Left);
    let got: Vec<InputEvent> = machine.got.lock().iter().map(|(event, _)| *event).collect();
    // The middle of the second pixel of 320, and of the last of 200, on a desktop with this screen only.
    let place = InputEvent::PointerTo { x: 307, y: 65372 };
    let passed =
        events.map(|event| if matches!(event, InputEvent::PointerTo { .. }) { place } else { event });
    assert_eq!(got[..7], passed);
    assert_eq!(
        got[7..],
        [InputEvent::Key { code: 42, down: false }, InputEvent::Button { button: Button::Left, down: false }]
    );
    assert_eq!(guest.screen.viewers(), 0);
}

#[test]
fn a_watcher_sees_the_pointer_and_moves_nothing() {
    let guest = Guest::new(SIZE);
    let cursor = CursorImage { size: Size::new(2, 2), hot_x: 1, hot_y: 1, rgba: vec![9; 16] };
    guest.screen.set_cursor(Some(cursor.clone()));
    guest.screen.set_leds(2);
    let machine = Machine::deaf();
    let (stream, _serving) = serve(&guest.screen, &machine, Mode::Watch);
    let mut client = Client::connect(stream, true).unwrap();
    assert!(client.welcome().watching);
    client.send_input(InputEvent::Key { code: 30, down: true }).unwrap();
    guest.screen.move_cursor(11, 22);
    while client.cursor_at() != Some((11, 22)) || client.leds() != Some(2) {
        client.receive_any().unwrap();
    }
    assert_eq!(client.cursor(), Some(&cursor));
    while guest.screen.counters().ignored_messages.get() == 0 {
        sleep(Duration::from_millis(5));
    }
    assert!(machine.got.lock().is_empty());
}

#[test]
fn the_pointer_needs_no_credit() {
    let guest = Guest::new(SIZE);
    let (mut client, _serving) = connect(&guest.screen, true, false);
    client.receive().unwrap();
    guest.screen.set_cursor(None);
    for shade in 0..3 {
        guest.draw(SIZE.bounds(), move |_, _| shade);
        sleep(Duration::from_millis(20));
    }
    let cursor = CursorImage { size: Size::new(1, 1), hot_x: 0, hot_y: 0, rgba: vec![1, 2, 3, 4] };
    guest.screen.set_cursor(Some(cursor.clone()));
    while client.cursor() != Some(&cursor) {
        client.receive_any().unwrap();
    }
}

#[test]
fn what_breaks_the_protocol_is_told_and_counted() {
    let guest = Guest::new(SIZE);
    let hello = ClientMessage::Hello(Hello { versions: vec![1], h264: true, ..Hello::default() }).encode();
    let bad: [&[u8]; 6] = [
        b"\x83\0\0\0\0\x1e\0\x01",
        b"\x82\x63\0\0\0\0\0\0\0\0\0\0\0",
        b"\x88{}",
        b"",
        &hello,
        b"\x8a too long",
    ];
    for (n, bad) in (1..).zip(bad) {
        let (mut stream, serving) = serve(&guest.screen, &Machine::deaf(), Mode::Interact);
        write_message(&mut stream, &hello).unwrap();
        write_message(&mut stream, b"\xf3 an unknown message does no harm").unwrap();
        write_message(&mut stream, bad).unwrap();
        assert_eq!(closed(&mut stream), CloseCode::Malformed, "{bad:?}");
        assert!(matches!(serving.join().unwrap(), Ended::Malformed(_)));
        assert_eq!(guest.screen.counters().malformed_messages.get(), n);
        assert_eq!(guest.screen.counters().ignored_messages.get(), n);
    }
}

#[test]
fn half_a_message_and_one_too_long_end_the_connection() {
    let guest = Guest::new(SIZE);
    let hello = ClientMessage::Hello(Hello { versions: vec![1], h264: true, ..Hello::default() }).encode();
    for (n, bytes) in (1..).zip([&b"\x05\0\0\0\x89"[..], &(64 * 1024 + 1u32).to_le_bytes(), b"\x01\0"]) {
        let (mut stream, serving) = serve(&guest.screen, &Machine::deaf(), Mode::Interact);
        write_message(&mut stream, &hello).unwrap();
        stream.write_all(bytes).unwrap();
        stream.shutdown(std::net::Shutdown::Write).unwrap();
        assert!(matches!(serving.join().unwrap(), Ended::Malformed(_)), "{bytes:?}");
        assert_eq!(guest.screen.counters().malformed_messages.get(), n);
    }
}

#[test]
fn a_version_from_the_future_is_refused_and_a_hello_is_a_must() {
    let guest = Guest::new(SIZE);
    let (stream, serving) = serve(&guest.screen, &Machine::deaf(), Mode::Interact);
    let refused = Client::connect_with(stream, &Hello { versions: vec![7], h264: true, ..Hello::default() });
    assert!(matches!(refused, Err(ClientError::Closed { code: CloseCode::Version, .. })));
    assert_eq!(serving.join().unwrap(), Ended::Version);

    let (mut stream, serving) = serve(&guest.screen, &Machine::deaf(), Mode::Interact);
    write_message(&mut stream, b"\x8a").unwrap();
    assert_eq!(closed(&mut stream), CloseCode::Malformed);
    assert!(matches!(serving.join().unwrap(), Ended::Malformed(_)));
}

#[test]
fn viewers_are_told_why_the_machine_ended() {
    let guest = Guest::new(SIZE);
    let (mut client, serving) = connect(&guest.screen, true, false);
    client.next_frame().unwrap();
    assert_eq!(guest.screen.viewers(), 1);
    guest.screen.close("The desktop was shut down.");
    match client.next_frame() {
        Err(ClientError::Closed { code: CloseCode::Stopped, text }) => {
            assert_eq!(text, "The desktop was shut down.");
        }
        other => panic!("{other:?}"),
    }
    assert_eq!(serving.join().unwrap(), Ended::Stopped);
}

#[test]
fn a_client_that_never_reads_does_not_hold_up_the_end() {
    let guest = Guest::new(Size::new(1920, 1080));
    let noise = |x: u32, y: u32| (x * 7919 + 13).wrapping_mul(y * 104_729 + 7) & 0x00ff_ffff;
    guest.draw(Size::new(1920, 1080).bounds(), noise);
    let (mut stream, serving) = serve(&guest.screen, &Machine::deaf(), Mode::Interact);
    let hello = Hello { versions: vec![1], h264: false, ..Hello::default() };
    write_message(&mut stream, &ClientMessage::Hello(hello).encode()).unwrap();
    while guest.screen.counters().frames.get() == 0 {
        sleep(Duration::from_millis(5));
    }
    guest.screen.close("The desktop was shut down.");
    serving.join().unwrap();
}

#[test]
fn two_viewers_each_see_everything() {
    let guest = Guest::new(SIZE);
    let (mut one, _serving) = connect(&guest.screen, true, false);
    let (mut two, _other) = connect(&guest.screen, false, false);
    one.next_frame().unwrap();
    guest.draw(SIZE.bounds(), text(5));
    settle(&mut one, &guest);
    settle(&mut two, &guest);
    drop(one);
    guest.draw(SIZE.bounds(), text(9));
    settle(&mut two, &guest);
}

#[test]
fn pings_come_back_and_floods_do_no_harm() {
    let guest = Guest::new(SIZE);
    let (mut stream, serving) = serve(&guest.screen, &Machine::deaf(), Mode::Interact);
    let hello = Hello { versions: vec![1], h264: true, ..Hello::default() };
    write_message(&mut stream, &ClientMessage::Hello(hello).encode()).unwrap();
    for n in 0..5000 {
        write_message(&mut stream, &ClientMessage::Refresh.encode()).unwrap();
        write_message(
            &mut stream,
            &ClientMessage::Settings { video_only: n % 2 == 0, frame_hashes: false }.encode(),
        )
        .unwrap();
    }
    write_message(&mut stream, &ClientMessage::Ping(77).encode()).unwrap();
    let mut message = Vec::new();
    while ServerMessage::decode(&message) != Ok(Decoded::Known(ServerMessage::Pong(77))) {
        read_message(&mut stream, &mut message, 1 << 24).unwrap();
    }
    assert!(guest.screen.counters().frames.get() <= 3, "refreshing needs credit");
    drop(stream);
    assert_eq!(serving.join().unwrap(), Ended::Left);
}

#[test]
fn garbage_ends_a_connection_and_nothing_else() {
    let guest = Guest::new(SIZE);
    let hello = ClientMessage::Hello(Hello { versions: vec![1], h264: true, ..Hello::default() }).encode();
    let mut state = 0x9E37_79B9_7F4A_7C15u64;
    let mut random = move || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state
    };
    for round in 0..100 {
        let (mut stream, serving) = serve(&guest.screen, &Machine::deaf(), Mode::Interact);
        if round % 4 != 0 {
            write_message(&mut stream, &hello).unwrap();
        }
        for _ in 0..random() % 40 {
            let kind = 0x80 | (random() % 16) as u8;
            let length = random() % 14;
            let message: Vec<u8> = std::iter::once(kind).chain((0..length).map(|_| random() as u8)).collect();
            // The other end may have hung up already.
            if write_message(&mut stream, &message).is_err() {
                break;
            }
        }
        drop(stream);
        serving.join().expect("no panic");
    }
    assert_eq!(guest.screen.viewers(), 0);
    assert!(guest.screen.counters().malformed_messages.get() > 0);
}
