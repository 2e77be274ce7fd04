//! A desktop over a line that carries little. Asserted in bytes, not in time: how much waits in front of
//! the line is what the next key's echo has to wait for.

// Helpers of tests may fail as tests do.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use oriel_display::viewer::Mode;
use oriel_display::{Client, InputSink, Monitors, RedirectionHub, Screen, Viewer};
use oriel_tests::line::{Line, Shape};
use oriel_tests::typist::{Beside, Typist};
use oriel_wire::{ClientMessage, InputEvent, Size};
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::time::Duration;

const SIZE: Size = Size::new(800, 600);
/// Long enough for what will come on the slowest machine.
const PATIENCE: Duration = Duration::from_secs(60);
/// 1 Mbit/s, and near: the tests need not wait for the way.
const SLOW: Shape = Shape { round_trip: Duration::from_millis(10), stalls: None, ..Shape::POOR };
const PAGES: Beside = Beside::Pages(Duration::from_millis(1500));

fn serve(typist: &Arc<Typist>) -> UnixStream {
    serve_at(&Monitors::single(Arc::clone(typist.screen())), typist)
}

fn serve_at(monitors: &Arc<Monitors>, typist: &Arc<Typist>) -> UnixStream {
    let (ours, theirs) = UnixStream::pair().unwrap();
    let monitors = Arc::clone(monitors);
    let input = Arc::clone(typist) as Arc<dyn InputSink>;
    std::thread::spawn(move || Viewer::serve(theirs, monitors, input, RedirectionHub::new(), Mode::Interact));
    ours
}

fn connect(stream: UnixStream) -> Client {
    let client = Client::connect(stream, true).unwrap();
    client.set_timeout(Some(PATIENCE)).unwrap();
    client
}

fn connect_over(line: &Arc<Line>, typist: &Arc<Typist>) -> Client {
    let (client, ours) = UnixStream::pair().unwrap();
    line.lay(ours, serve(typist)).unwrap();
    connect(client)
}

/// Takes frames until the client has what the desktop shows; gives their bytes.
fn settle(client: &mut Client, typist: &Typist) -> Vec<usize> {
    let mut bytes = Vec::new();
    while !client.is_exact() || client.canvas().rgba() != typist.rgba() {
        bytes.push(client.next_frame().expect("the picture becomes exact").bytes);
    }
    bytes
}

#[test]
fn nothing_piles_up_while_pages_are_turned_and_what_is_typed_goes_first() {
    let typist = Typist::new(SIZE, PAGES);
    let line = Line::new(SLOW);
    let mut client = connect_over(&line, &typist);
    settle(&mut client, &typist);
    let playing = typist.play(PAGES);
    for _ in 0..12 {
        let seq = client.send_input(InputEvent::Key { code: 30, down: true }).unwrap();
        let ((x, y), colour) = typist.letter(seq);
        let mut before = 0;
        while client.canvas().pixel(x, y) != Some(colour) {
            before += client.next_frame().unwrap().bytes;
        }
        // A page has ten times as much.
        assert!(before < 64 * 1024, "{before} bytes came before letter {seq}");
    }
    typist.end();
    playing.join().unwrap();
    let queued = line.take_queued();
    assert!(queued.bytes < 40_000, "{queued:?}: on this line that is too long");
    client.send_input(InputEvent::Key { code: 30, down: true }).unwrap();
    settle(&mut client, &typist);
}

#[test]
fn who_watches_over_a_poor_line_shares_nothing_that_is_too_much_for_it() {
    let typist = Typist::new(SIZE, PAGES);
    let monitors = Monitors::single(Arc::clone(typist.screen()));
    let line = Line::new(SLOW);
    let (far, ours) = UnixStream::pair().unwrap();
    line.lay(ours, serve_at(&monitors, &typist)).unwrap();
    let (mut far, mut near) = (connect(far), connect(serve_at(&monitors, &typist)));
    settle(&mut near, &typist);
    settle(&mut far, &typist);
    let playing = typist.play(PAGES);
    let reading = std::thread::spawn(move || {
        while near.next_frame().is_ok_and(|frame| frame.header.frame_id < 30) {}
        near
    });
    while !reading.is_finished() {
        far.next_frame().expect("frames come to both");
    }
    let mut near = reading.join().unwrap();
    typist.end();
    playing.join().unwrap();
    let queued = line.take_queued();
    assert!(queued.bytes < 40_000, "{queued:?}: on this line that is too long");
    settle(&mut near, &typist);
    settle(&mut far, &typist);
}

#[test]
fn frames_grow_with_the_line() {
    let typist = Typist::new(SIZE, PAGES);
    let line = Line::new(SLOW);
    let mut client = connect_over(&line, &typist);
    let largest = settle(&mut client, &typist).into_iter().skip(1).max().unwrap();
    assert!(largest < 32 * 1024, "{largest} bytes at once are too much for the line");
    line.set_rate(100_000_000, 100_000_000);
    let playing = typist.play(PAGES);
    while client.next_frame().expect("frames grow").bytes < 2 * largest {}
    typist.end();
    playing.join().unwrap();
}

#[test]
fn a_client_that_acknowledges_what_it_never_read_waits_alone() {
    let typist = Typist::new(SIZE, PAGES);
    let screen: &Arc<Screen> = typist.screen();
    let mut liar = connect(serve(&typist));
    liar.receive().unwrap();
    // Of a picture that is new each time, it acknowledges all that was sent, and reads nothing.
    for phase in 0..300 {
        typist.scramble(phase);
        let frame_id = u32::try_from(screen.counters().frames.get()).unwrap();
        liar.send(&ClientMessage::Ack { frame_id, decode_us: 0, present_us: u32::MAX }).unwrap();
        std::thread::yield_now();
    }
    let sent = screen.counters().frame_bytes.get();
    assert!(sent < 16 << 20, "{sent} bytes went to a client that reads nothing");
    let mut honest = connect(serve(&typist));
    settle(&mut honest, &typist);
}
