//! A client that still has a picture gets what has changed since, and both ends can prove that
//! they show the same.

mod support;

use oriel_display::client::FrameHashResult;
use oriel_display::viewer::Mode;
use oriel_display::{Canvas, Client, ClientError};
use oriel_wire::framing::write_message;
use oriel_wire::{ClientMessage, CloseCode, Hello, Rect, Size, TileHashes};
use support::{Guest, Machine, come_back, connect, moving, serve, settle, text};

const SIZE: Size = Size::new(1000, 700);

#[test]
fn nothing_changed_costs_a_header() {
    let guest = Guest::new(SIZE);
    guest.draw(SIZE.bounds(), text(0));
    let (mut client, _serving) = connect(&guest.screen, true, false);
    let whole: usize = settle(&mut client, &guest).iter().map(|frame| frame.bytes).sum();
    assert!(whole > 10_000);
    let mut client = come_back(&guest, client.into_canvas(), false);
    let frame = client.next_frame().unwrap();
    assert!(frame.header.exact && !frame.header.whole, "{frame:?}");
    assert_eq!((frame.header.frame_id, frame.bytes), (1, 32));
    assert!(client.canvas().rgba() == guest.rgba());

    guest.draw(Rect::new(30, 300, 9, 16), |_, _| 0x0080_4020);
    let frame = client.next_frame().unwrap();
    assert!(frame.header.exact && frame.bytes < 400, "it goes on as ever: {frame:?}");
    assert!(client.canvas().rgba() == guest.rgba());
}

#[test]
fn only_tiles_that_differ_come_and_the_picture_is_exact() {
    let guest = Guest::new(SIZE);
    guest.draw(SIZE.bounds(), text(0));
    let (mut client, _serving) = connect(&guest.screen, true, false);
    settle(&mut client, &guest);
    let canvas = client.into_canvas();
    guest.draw(Rect::new(100, 100, 300, 20), |_, _| 0x0010_8040);
    guest.draw(Rect::new(990, 690, 10, 10), |_, _| 0x0080_4010);
    let mut client = come_back(&guest, canvas, false);
    let frame = client.next_frame().unwrap();
    assert!(!frame.header.whole && frame.header.exact, "{frame:?}");
    assert!((100..5000).contains(&frame.bytes), "{} bytes", frame.bytes);
    assert!(client.canvas().rgba() == guest.rgba());
}

#[test]
fn what_was_soft_when_the_line_broke_is_sharp_afterwards() {
    let guest = Guest::new(SIZE);
    guest.draw(SIZE.bounds(), text(0));
    let (mut client, _serving) = connect(&guest.screen, true, false);
    settle(&mut client, &guest);
    guest.draw(Rect::new(100, 50, 800, 600), moving(0));
    assert!(!client.next_frame().unwrap().header.exact);
    let mut client = come_back(&guest, client.into_canvas(), false);
    assert!(!client.next_frame().unwrap().header.whole);
    settle(&mut client, &guest);
}

#[test]
fn everything_as_video_goes_on_from_there() {
    let guest = Guest::new(SIZE);
    guest.draw(SIZE.bounds(), text(0));
    let (mut client, _serving) = connect(&guest.screen, true, false);
    settle(&mut client, &guest);
    let mut client = come_back(&guest, client.into_canvas(), true);
    assert_eq!(client.next_frame().unwrap().updates, [0, 0, 0]);
    guest.draw(Rect::new(100, 50, 800, 600), moving(0));
    assert_eq!(client.next_frame().unwrap().updates, [0, 0, 1]);
    // As fine as the line allows, once that is known.
    while guest.psnr(client.canvas().rgba()) < 30.0 {
        assert_eq!(client.next_frame().unwrap().updates, [0, 0, 1]);
    }
}

#[test]
fn a_picture_of_another_size_is_of_no_use_and_a_refresh_is_whole() {
    let guest = Guest::new(SIZE);
    guest.draw(SIZE.bounds(), text(0));
    let (mut client, _serving) = connect(&guest.screen, true, false);
    settle(&mut client, &guest);
    let canvas = client.into_canvas();
    let other = Guest::on(guest.screen.clone(), Size::new(640, 480));
    other.draw(Size::new(640, 480).bounds(), text(3));
    let mut client = come_back(&other, canvas, false);
    assert!(client.next_frame().unwrap().header.whole);
    settle(&mut client, &other);
    let mut client = come_back(&other, client.into_canvas(), false);
    client.next_frame().unwrap();
    client.send(&ClientMessage::Refresh).unwrap();
    assert!(client.next_frame().unwrap().header.whole);
}

#[test]
fn who_promises_a_picture_says_which_and_nobody_says_it_later() {
    let guest = Guest::new(SIZE);
    let hello = Hello { versions: vec![1], resume: true, ..Hello::default() };
    let (mut stream, _serving) = serve(&guest.screen, &Machine::deaf(), Mode::Watch);
    write_message(&mut stream, &ClientMessage::Hello(hello.clone()).encode()).unwrap();
    let refused = Client::resume(stream, &Hello { resume: false, ..hello }, Canvas::new());
    assert!(matches!(refused, Err(ClientError::Closed { code: CloseCode::Malformed, .. })));

    let (mut client, _serving) = connect(&guest.screen, true, false);
    settle(&mut client, &guest);
    client.send(&ClientMessage::ResumeHashes(TileHashes::default())).unwrap();
    client.send(&ClientMessage::Refresh).unwrap();
    while !client.next_frame().unwrap().header.whole {}
    assert_eq!(guest.screen.counters().ignored_messages.get(), 1);
}

#[test]
fn exact_pictures_are_proved_and_one_pixel_makes_another_hash() {
    let guest = Guest::new(SIZE);
    guest.draw(SIZE.bounds(), text(0));
    let (mut client, _serving) = connect(&guest.screen, true, false);
    let last = settle(&mut client, &guest).last().map(|frame| frame.header.frame_id).unwrap();
    client.send(&ClientMessage::Settings { video_only: false, frame_hashes: true }).unwrap();
    while client.frame_hash_result().is_none() {
        assert_eq!(client.receive_any().unwrap(), None, "what is shown already is proved without a frame");
    }
    assert_eq!(client.frame_hash_result(), Some(FrameHashResult { frame_id: last, holds: true }));
    for step in 1..20 {
        guest.draw(SIZE.bounds(), text(step * 13));
        let frame = client.next_frame().unwrap().header;
        while frame.exact && client.frame_hash_result().is_none_or(|proof| proof.frame_id < frame.frame_id) {
            assert_eq!(client.receive_any().unwrap(), None);
        }
        assert!(client.frame_hash_result().unwrap().holds, "step {step}");
    }

    let before = client.canvas().hashes();
    guest.draw(Rect::new(500, 400, 1, 1), |_, _| 0x0012_3456);
    client.next_frame().unwrap();
    let after = client.canvas().hashes();
    let differing: Vec<usize> =
        (0..before.tiles().len()).filter(|tile| before.tiles()[*tile] != after.tiles()[*tile]).collect();
    assert_eq!(differing, [6 * 16 + 7]);
}
