//! What a client sees is what the guest drew.

mod support;

use oriel_display::Screen;
use oriel_wire::{ClientMessage, Rect, Size};
use std::sync::atomic::Ordering;
use std::thread::sleep;
use std::time::Duration;
use support::{Guest, connect, moving, settle, text};

const SIZE: Size = Size::new(1000, 700);
const QUIET: Duration = Duration::from_millis(60);

#[test]
fn the_first_picture_is_whole_and_exact() {
    let guest = Guest::new(SIZE);
    guest.draw(SIZE.bounds(), text(0));
    let (mut client, _serving) = connect(&guest.screen, true, false);
    assert_eq!((client.welcome().width, client.welcome().height), (1000, 700));
    let frames = settle(&mut client, &guest);
    assert!(frames[0].header.whole && frames[1..].iter().all(|frame| !frame.header.whole));
    assert_eq!((frames[0].header.frame_id, frames[0].header.size), (1, SIZE));
    assert!(frames.iter().all(|frame| frame.updates == [0, 1, 0]), "nothing is sent twice: {frames:?}");
}

#[test]
fn typing_is_exact_at_once_and_small() {
    let guest = Guest::new(SIZE);
    guest.draw(SIZE.bounds(), text(0));
    let (mut client, _serving) = connect(&guest.screen, true, false);
    settle(&mut client, &guest);
    for letter in 0..40 {
        guest.draw(Rect::new(30 + letter * 9, 300, 9, 16), |x, y| (x * y * 7 + letter) % 5 * 0x30_30_30);
        let frame = client.next_frame().unwrap();
        assert!(frame.header.exact, "letter {letter}");
        assert!(frame.bytes < 400, "letter {letter} took {} bytes", frame.bytes);
        assert!(client.canvas().rgba() == guest.rgba(), "letter {letter}");
    }
}

#[test]
fn scrolling_is_copies_and_exact_at_every_step() {
    let guest = Guest::new(SIZE);
    let page = Rect::new(41, 67, 800, 555);
    guest.draw(page, text(0));
    let (mut client, _serving) = connect(&guest.screen, true, false);
    settle(&mut client, &guest);
    for step in 1..60 {
        guest.draw(page, text(step * 13));
        let frame = client.next_frame().unwrap();
        assert!(frame.updates[0] > 0 && frame.updates[2] == 0, "step {step}: {frame:?}");
        assert!(frame.header.exact && frame.bytes < 4000, "step {step}: {frame:?}");
        assert!(client.canvas().rgba() == guest.rgba(), "step {step}");
    }
}

#[test]
fn what_is_not_exact_yet_is_carried_along_and_sharpens_where_it_is() {
    let guest = Guest::new(SIZE);
    guest.draw(SIZE.bounds(), text(0));
    let (mut client, _serving) = connect(&guest.screen, true, false);
    settle(&mut client, &guest);
    let photo = Rect::new(100, 50, 700, 500);
    guest.draw(photo, moving(0));
    assert_eq!(client.next_frame().unwrap().updates[2], 1);
    guest.draw_quietly(photo, text(0));
    guest.draw(Rect { x: photo.x + 53, y: photo.y + 21, ..photo }, |x, y| moving(0)(x - 53, y - 21));
    // On a slow machine what was drawn before is made exact first.
    while client.next_frame().unwrap().updates[0] == 0 {}
    assert!(guest.psnr(client.canvas().rgba()) > 35.0);
    settle(&mut client, &guest);
}

#[test]
fn motion_is_video_and_exact_when_it_stops() {
    let guest = Guest::new(SIZE);
    guest.draw(SIZE.bounds(), text(0));
    let (mut client, _serving) = connect(&guest.screen, true, false);
    settle(&mut client, &guest);
    for phase in 0..15 {
        guest.draw(Rect::new(130, 90, 700, 500), moving(phase));
        // On a slow machine what was drawn before is made exact in between.
        while client.next_frame().unwrap().updates[2] == 0 {}
        let psnr = guest.psnr(client.canvas().rgba());
        assert!(psnr > 35.0, "{psnr} dB");
    }
    assert!(!client.is_exact());
    let refined = settle(&mut client, &guest);
    assert!(refined.iter().all(|frame| frame.updates[2] == 0), "no video while it is still");
    assert!(client.canvas().rgba() == guest.rgba());
    let counters = guest.screen.counters();
    assert!(counters.video_bytes.get() > 0 && counters.exact_tiles.get() > 0);
}

#[test]
fn films_far_apart_are_coded_apart() {
    let size = Size::new(1600, 1000);
    let guest = Guest::new(size);
    guest.draw(size.bounds(), text(0));
    let (mut client, _serving) = connect(&guest.screen, true, false);
    settle(&mut client, &guest);
    let (film, call) = (Rect::new(70, 80, 400, 300), Rect::new(1100, 660, 300, 280));
    let mut apart = 0;
    for phase in 0..20 {
        guest.draw_quietly(film, moving(phase));
        guest.draw(call, moving(phase * 3 + 99));
        let regions = client.next_frame().unwrap().video_regions;
        let pixels: u32 = regions.iter().map(|region| region.width * region.height).sum();
        assert!(pixels * 3 < size.width * size.height, "in frame {phase}: {regions:?}");
        apart += usize::from(regions.len() == 2);
    }
    assert!(apart > 5, "{apart} frames with two regions");
    settle(&mut client, &guest);
}

#[test]
fn a_photograph_shows_at_once_and_sharpens() {
    let guest = Guest::new(SIZE);
    guest.draw(SIZE.bounds(), text(0));
    let (mut client, _serving) = connect(&guest.screen, true, false);
    settle(&mut client, &guest);
    guest.draw(Rect::new(100, 50, 800, 600), moving(0));
    let frame = client.next_frame().unwrap();
    assert!(frame.updates[2] == 1 && !frame.header.exact, "{frame:?}");
    assert!(guest.psnr(client.canvas().rgba()) > 35.0);
    let refined = settle(&mut client, &guest);
    assert!(refined.len() > 1, "in slices, so that something new can come between");
    assert!(refined.iter().all(|frame| frame.header.input_seq == 0 && frame.header.flush_to_sent_us == 0));
    assert!(client.canvas().rgba() == guest.rgba());
}

#[test]
fn a_small_film_is_video_from_its_first_picture() {
    let guest = Guest::new(SIZE);
    guest.draw(SIZE.bounds(), text(0));
    let (mut client, _serving) = connect(&guest.screen, true, false);
    settle(&mut client, &guest);
    guest.draw(Rect::new(200, 140, 320, 240), moving(0));
    let frame = client.next_frame().unwrap();
    assert!(frame.updates[2] == 1 && frame.bytes < 30_000, "{frame:?}");
    settle(&mut client, &guest);
}

#[test]
fn a_flipping_square_is_exact_at_any_rate() {
    let guest = Guest::new(SIZE);
    let (mut client, _serving) = connect(&guest.screen, true, false);
    settle(&mut client, &guest);
    for flip in 0..60 {
        let colour = if flip % 2 == 0 { 0x00d0_3030 } else { 0x0030_d030 };
        guest.draw(Rect::new(300, 200, 300, 300), move |_, _| colour);
        let frame = client.next_frame().unwrap();
        assert!(frame.header.exact && frame.updates[2] == 0, "flip {flip}: {frame:?}");
        assert_eq!(
            client.canvas().pixel(450, 350),
            Some([(colour >> 16) as u8, (colour >> 8) as u8, colour as u8])
        );
    }
}

#[test]
fn nothing_changed_nothing_sent() {
    let guest = Guest::new(SIZE);
    guest.draw(SIZE.bounds(), text(0));
    let (mut client, _serving) = connect(&guest.screen, true, false);
    settle(&mut client, &guest);
    let before = guest.screen.counters().frame_bytes.get();
    for _ in 0..10 {
        guest.screen.flush(SIZE.bounds());
        sleep(Duration::from_millis(20));
    }
    client.set_timeout(Some(QUIET)).unwrap();
    assert!(client.receive_any().is_err_and(|error| error.is_timeout()));
    assert_eq!(guest.screen.counters().frame_bytes.get(), before);
}

#[test]
fn everything_as_video_looks_right_and_can_be_switched() {
    let guest = Guest::new(SIZE);
    guest.draw(SIZE.bounds(), moving(0));
    let (mut client, _serving) = connect(&guest.screen, true, true);
    let first = client.next_frame().unwrap();
    assert_eq!(first.updates, [0, 0, 1]);
    for phase in 1..8 {
        guest.draw(Rect::new(200, 200, 333, 257), moving(phase));
        // As fine as the line allows, once that is known, and where nothing changes as well.
        loop {
            let frame = client.next_frame().unwrap();
            assert_eq!(frame.updates, [0, 0, 1], "even a part of the screen");
            assert!(!frame.header.exact);
            if guest.psnr(client.canvas().rgba()) > 35.0 {
                break;
            }
        }
    }
    client.send(&ClientMessage::Settings { video_only: false, frame_hashes: false }).unwrap();
    settle(&mut client, &guest);

    client.send(&ClientMessage::Settings { video_only: true, frame_hashes: false }).unwrap();
    let frame = client.next_frame().unwrap();
    assert_eq!(frame.updates, [0, 0, 1], "the switch alone brings the whole screen as video");
}

#[test]
fn without_a_decoder_everything_is_exact() {
    let guest = Guest::new(SIZE);
    let (mut client, _serving) = connect(&guest.screen, false, true);
    for phase in 0..15 {
        guest.draw(SIZE.bounds(), moving(phase));
        let frames = settle(&mut client, &guest);
        assert!(frames.iter().all(|frame| frame.updates[2] == 0));
    }
}

#[test]
fn a_failed_decoder_gets_a_new_exact_picture() {
    let guest = Guest::new(SIZE);
    guest.draw(SIZE.bounds(), moving(0));
    let (mut client, _serving) = connect(&guest.screen, true, true);
    client.next_frame().unwrap();
    client.send(&ClientMessage::VideoFailed).unwrap();
    let frames = settle(&mut client, &guest);
    assert!(frames.iter().any(|frame| frame.header.whole));
    client.send(&ClientMessage::Settings { video_only: true, frame_hashes: false }).unwrap();
    guest.draw(SIZE.bounds(), moving(9));
    let frames = settle(&mut client, &guest);
    assert!(frames.iter().all(|frame| frame.updates[2] == 0), "it is not asked to decode again");
}

#[test]
fn a_new_size_is_a_new_picture_and_a_dark_screen_is_black() {
    let guest = Guest::new(SIZE);
    let (mut client, _serving) = connect(&guest.screen, true, false);
    settle(&mut client, &guest);
    let smaller = Guest::on(guest.screen.clone(), Size::new(640, 479));
    smaller.draw(Size::new(640, 479).bounds(), text(3));
    let frame = client.next_frame().unwrap();
    assert!(frame.header.whole && frame.header.size == Size::new(640, 479));
    settle(&mut client, &smaller);

    smaller.screen.set_scanout(None);
    let frame = client.next_frame().unwrap();
    assert!(!frame.header.whole);
    assert_eq!(client.canvas().pixel(320, 240), Some([0, 0, 0]));
    assert_eq!(smaller.screen.size(), None);
}

#[test]
fn what_could_not_be_read_is_read_later() {
    let guest = Guest::new(SIZE);
    let (mut client, _serving) = connect(&guest.screen, true, false);
    settle(&mut client, &guest);
    guest.lost.store(true, Ordering::Relaxed);
    guest.draw(SIZE.bounds(), text(1));
    while !guest.refused.load(Ordering::Relaxed) {
        sleep(Duration::from_millis(5));
    }
    guest.lost.store(false, Ordering::Relaxed);
    guest.screen.flush(Rect::new(0, 0, 1, 1));
    settle(&mut client, &guest);
}

#[test]
fn a_refresh_brings_the_whole_picture_again() {
    let guest = Guest::new(SIZE);
    guest.draw(SIZE.bounds(), text(0));
    let (mut client, _serving) = connect(&guest.screen, true, false);
    settle(&mut client, &guest);
    client.send(&ClientMessage::Refresh).unwrap();
    assert!(client.next_frame().unwrap().header.whole);
    settle(&mut client, &guest);
}

#[test]
fn a_screen_that_never_showed_anything_sends_no_picture() {
    let screen = Screen::new();
    let (mut client, _serving) = connect(&screen, true, false);
    assert_eq!(client.welcome().width, 0);
    client.send(&ClientMessage::Refresh).unwrap();
    client.set_timeout(Some(QUIET)).unwrap();
    assert!(client.next_frame().is_err_and(|error| error.is_timeout()));
    let guest = Guest::on(screen, SIZE);
    client.set_timeout(None).unwrap();
    assert!(client.next_frame().unwrap().header.whole);
    assert!(client.canvas().rgba() == guest.rgba());
}
