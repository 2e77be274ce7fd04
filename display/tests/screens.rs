//! Desktops with several screens.

#![allow(clippy::unwrap_used)]

mod support;

use oriel_display::client::ClientError;
use oriel_display::viewer::{Ended, Mode};
use oriel_display::{Client, Monitors};
use oriel_wire::framing::{read_message, write_message};
use oriel_wire::{
    ClientMessage, CloseCode, Decoded, Hello, InputEvent, LayoutRequest, MonitorChange, MonitorConfig, Rect,
    ServerMessage, Size,
};
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::sync::mpsc;
use std::time::Duration;
use support::{Guest, Machine, serve_at, settle, text};

const PATIENCE: Duration = Duration::from_secs(30);

fn hello(screen: u8) -> Hello {
    Hello { versions: vec![1], h264: true, screen, ..Hello::default() }
}

fn client(stream: UnixStream, screen: u8) -> Client {
    let client = Client::connect_with(stream, &hello(screen)).unwrap();
    client.set_timeout(Some(PATIENCE)).unwrap();
    client
}

fn on(width: u32, height: u32) -> Option<MonitorChange> {
    Some(MonitorChange::On(MonitorConfig::of(Size::new(width, height))))
}

/// Two monitors whose guest draws whatever it is asked for, and what it was asked for.
fn obedient() -> (Arc<Monitors>, mpsc::Receiver<Vec<Option<MonitorConfig>>>) {
    let monitors = Monitors::new(2, Size::new(320, 200));
    Guest::on(Arc::clone(&monitors.screens()[0]), Size::new(320, 200));
    let screens = monitors.screens().to_vec();
    let (tell, told) = mpsc::channel();
    monitors.on_layout_request(move |wanted| {
        for (screen, wanted) in screens.iter().zip(wanted) {
            match wanted {
                Some(wanted) => drop(Guest::on(Arc::clone(screen), wanted.size)),
                None => screen.set_scanout(None),
            }
        }
        let _ = tell.send(wanted.to_vec());
    });
    (monitors, told)
}

/// Waits until the client has heard that the screens lie like this.
fn lie_at(client: &mut Client, rects: &[Rect]) {
    while client.screens().is_none_or(|screens| screens.screens != rects) {
        client.receive_any().unwrap();
    }
}

#[test]
fn each_window_shows_its_screen_and_points_at_its_part_of_the_desktop() {
    let (monitors, _told) = obedient();
    let machine = Machine::deaf();
    let (stream, _serving) = serve_at(&monitors, &machine, Mode::Interact);
    let mut first = client(stream, 0);
    let (stream, _serving) = serve_at(&monitors, &machine, Mode::Interact);
    let mut second = client(stream, 1);
    lie_at(&mut second, &[Rect::new(0, 0, 320, 200), Rect::default()]);
    second.send(&ClientMessage::LayoutRequest(vec![None, on(640, 480)])).unwrap();
    let both = [Rect::new(0, 0, 320, 200), Rect::new(320, 0, 640, 480)];
    lie_at(&mut first, &both);
    lie_at(&mut second, &both);
    assert_eq!(first.screens().unwrap().max, 2);

    let left = Guest::on(Arc::clone(&monitors.screens()[0]), Size::new(320, 200));
    let right = Guest::on(Arc::clone(&monitors.screens()[1]), Size::new(640, 480));
    right.draw(Rect::new(0, 0, 640, 480), text(3));
    settle(&mut first, &left);
    settle(&mut second, &right);

    for (client, x, y, pixel) in
        [(0, 0, 0, (0, 0)), (0, 65535, 65535, (319, 199)), (1, 0, 0, (320, 0)), (1, 65535, 65535, (959, 479))]
    {
        let client = if client == 0 { &mut first } else { &mut second };
        let before = machine.got.lock().len();
        client.send_input(InputEvent::PointerTo { x, y }).unwrap();
        let (x, y) = loop {
            match machine.got.lock().get(before) {
                Some((InputEvent::PointerTo { x, y }, _)) => break (*x, *y),
                _ => std::thread::yield_now(),
            }
        };
        assert_eq!(((u32::from(x) * 960) >> 16, (u32::from(y) * 480) >> 16), pixel);
    }
    let viewers: Vec<u32> = machine.got.lock().iter().map(|(_, id)| id.viewer).collect();
    assert_ne!(viewers[0], viewers[2], "the two are told apart");
}

#[test]
fn a_window_that_closes_takes_its_screen_along() {
    let (monitors, told) = obedient();
    let machine = Machine::deaf();
    let (stream, serving) = serve_at(&monitors, &machine, Mode::Interact);
    let mut second = client(stream, 1);
    second.send(&ClientMessage::LayoutRequest(vec![on(800, 600), on(640, 480)])).unwrap();
    let widths = |told: &mpsc::Receiver<Vec<Option<MonitorConfig>>>| {
        let wanted = told.recv_timeout(PATIENCE).unwrap();
        wanted.iter().map(|one| one.map(|one| one.size.width)).collect::<Vec<_>>()
    };
    assert_eq!(widths(&told), [Some(800), Some(640)]);
    drop(second);
    serving.join().unwrap();
    assert_eq!(widths(&told), [Some(800), None]);
}

#[test]
fn who_watches_changes_no_screen() {
    let (monitors, told) = obedient();
    let (stream, serving) = serve_at(&monitors, &Machine::deaf(), Mode::Watch);
    let mut watcher = client(stream, 0);
    watcher.send(&ClientMessage::LayoutRequest(vec![on(800, 600)])).unwrap();
    drop(watcher);
    serving.join().unwrap();
    assert!(told.try_recv().is_err());
    assert_eq!(monitors.screens()[0].counters().ignored_messages.get(), 1);
}

#[test]
fn more_screens_than_there_can_be_are_told_once() {
    let (monitors, told) = obedient();
    let (mut stream, _serving) = serve_at(&monitors, &Machine::deaf(), Mode::Interact);
    write_message(&mut stream, &ClientMessage::Hello(hello(0)).encode()).unwrap();
    let many: LayoutRequest = vec![on(400, 300), on(500, 300), on(600, 300)];
    for _ in 0..3 {
        write_message(&mut stream, &ClientMessage::LayoutRequest(many.clone()).encode()).unwrap();
    }
    write_message(&mut stream, &ClientMessage::Ping(1).encode()).unwrap();
    let mut message = Vec::new();
    let mut notices = 0;
    loop {
        read_message(&mut stream, &mut message, 1 << 24).unwrap();
        match ServerMessage::decode(&message).unwrap() {
            Decoded::Known(ServerMessage::Notice { text, .. }) => {
                assert!(text.contains("at most 2"), "{text}");
                notices += 1;
            }
            Decoded::Known(ServerMessage::Pong(_)) => break,
            _ => {}
        }
    }
    assert_eq!(notices, 1);
    let wanted = told.recv_timeout(PATIENCE).unwrap();
    assert_eq!(wanted.len(), 2, "and the others are there");
}

#[test]
fn a_screen_that_cannot_be_is_refused() {
    let (monitors, _told) = obedient();
    let (stream, serving) = serve_at(&monitors, &Machine::deaf(), Mode::Interact);
    let refused = Client::connect_with(stream, &hello(2));
    assert!(matches!(refused, Err(ClientError::Closed { code: CloseCode::Forbidden, .. })));
    assert_eq!(serving.join().unwrap(), Ended::NoScreen);
}
