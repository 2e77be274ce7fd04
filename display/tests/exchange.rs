//! Clipboard and files over a viewer's connection.

#![allow(clippy::unwrap_used, clippy::panic)]

mod support;

use oriel_display::exchange::{Abilities, ContentType, FileNews, FileState, GuestLink, MAX_PIECE, Piece};
use oriel_display::input::InputEvent;
use oriel_display::protocol::{ClientMessage, ServerMessage};
use oriel_display::viewer::Mode;
use oriel_display::{Client, Desk, Exchange, Size};
use std::sync::atomic::Ordering;
use std::sync::mpsc::{Sender, channel};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use support::{Guest, Machine, Serving, moving, serve_with};

const SIZE: Size = Size::new(320, 200);

type Tell = Box<dyn FnOnce(&Exchange) + Send>;

/// A guest whose clipboard holds what was last provided, and whose disk what was last sent. It tells
/// what happens on a thread of its own.
struct Computer {
    tell: Sender<Tell>,
    clipboard: Mutex<Vec<u8>>,
    file: Mutex<Vec<u8>>,
}

impl Computer {
    fn new() -> (Arc<Self>, Arc<Exchange>) {
        let exchange = Exchange::new();
        let (tell, told) = channel::<Tell>();
        let computer = Arc::new(Self { tell, clipboard: Mutex::default(), file: Mutex::default() });
        let hears = Arc::clone(&exchange);
        std::thread::spawn(move || told.iter().for_each(|tell| tell(&hears)));
        exchange.connect(Arc::clone(&computer) as Arc<dyn GuestLink>);
        exchange.set_abilities(|can| (can.clipboard, can.files) = (true, true));
        (computer, exchange)
    }

    fn tell(&self, tell: impl FnOnce(&Exchange) + Send + 'static) {
        self.tell.send(Box::new(tell)).unwrap();
    }
}

impl GuestLink for Computer {
    fn offer(&self, types: &[ContentType]) {
        // The person in the guest pastes at once.
        for content in types.iter().copied() {
            self.tell(move |exchange| exchange.guest_wants(content));
        }
    }

    fn request(&self, content: ContentType) {
        let contents = self.clipboard.lock().unwrap().clone();
        self.tell(move |exchange| exchange.guest_contents(content, Some(contents)));
    }

    fn provide(&self, content: ContentType, contents: Option<Vec<u8>>) {
        *self.clipboard.lock().unwrap() = contents.unwrap_or_default();
        self.tell(move |exchange| exchange.guest_offers(vec![content]));
    }

    fn start_file(&self, file: u32, _: &str, _: u64) {
        self.tell(move |exchange| exchange.file_news(file, FileNews::Accepted));
    }

    fn file_data(&self, file: u32, bytes: &[u8]) {
        let mut disk = self.file.lock().unwrap();
        disk.extend_from_slice(bytes);
        let written = disk.len() as u64;
        self.tell(move |exchange| exchange.file_news(file, FileNews::Written(written)));
    }

    fn cancel_file(&self, _: u32) {}
}

fn connect(guest: &Guest, exchange: &Arc<Exchange>, mode: Mode) -> (Client, Serving) {
    let desk = Desk::of(Arc::clone(&guest.screen));
    let (stream, serving) = serve_with(&desk, &Machine::deaf(), exchange, mode);
    let mut client = Client::connect(stream, false).unwrap();
    client.set_patience(Some(Duration::from_secs(60))).unwrap();
    let can = Abilities { clipboard: true, files: true, ..Abilities::default() };
    assert_eq!(client.next_told().unwrap(), ServerMessage::Agents(can));
    (client, serving)
}

fn noise(length: usize) -> Vec<u8> {
    (0..length as u32).map(|n| (n.wrapping_mul(2_654_435_761) >> 24) as u8).collect()
}

/// Sends `contents` as the answer to the guest's next request.
fn answer(client: &mut Client, contents: &[u8]) {
    let ServerMessage::ClipboardRequest { request, .. } = client.next_told().unwrap() else {
        panic!("no request")
    };
    for (index, bytes) in contents.chunks(MAX_PIECE).enumerate() {
        let last = (index + 1) * MAX_PIECE >= contents.len();
        let piece = Piece { request, last, failed: false, bytes: bytes.to_vec() };
        client.send(&ClientMessage::ClipboardData(piece)).unwrap();
    }
}

/// Pastes what the guest has.
fn paste(client: &mut Client, request: u32, content: ContentType) -> Option<Vec<u8>> {
    client.send(&ClientMessage::ClipboardRequest { request, content }).unwrap();
    let mut contents = Vec::new();
    loop {
        match client.next_told().unwrap() {
            ServerMessage::ClipboardData(piece) => {
                assert_eq!(piece.request, request);
                contents.extend(piece.bytes);
                if piece.last {
                    return (!piece.failed).then_some(contents);
                }
            }
            ServerMessage::ClipboardOffer(_) => {}
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn contents_go_in_and_come_out_as_they_were() {
    let guest = Guest::new(SIZE);
    let (_computer, exchange) = Computer::new();
    let (mut client, _serving) = connect(&guest, &exchange, Mode::Interact);
    let picture = noise(700_001);
    client.send(&ClientMessage::ClipboardOffer(vec![ContentType::Png])).unwrap();
    answer(&mut client, &picture);
    assert_eq!(client.next_told().unwrap(), ServerMessage::ClipboardOffer(vec![ContentType::Png]));
    assert!(paste(&mut client, 5, ContentType::Png) == Some(picture));
    assert_eq!(paste(&mut client, 6, ContentType::Text), None);
}

#[test]
fn a_picture_that_never_rests_neither_stops_contents_nor_is_stopped() {
    let guest = Guest::new(SIZE);
    let (computer, exchange) = Computer::new();
    *computer.clipboard.lock().unwrap() = noise(400_000);
    let (mut client, _serving) = connect(&guest, &exchange, Mode::Interact);
    computer.tell(|exchange| exchange.guest_offers(vec![ContentType::Png]));
    assert_eq!(client.next_told().unwrap(), ServerMessage::ClipboardOffer(vec![ContentType::Png]));
    let stop = Arc::new(std::sync::atomic::AtomicBool::new(false));
    let (drawer, stopped) = (Arc::clone(&guest), Arc::clone(&stop));
    let drawing = std::thread::spawn(move || {
        for phase in 0.. {
            if stopped.load(Ordering::Acquire) {
                return;
            }
            drawer.draw(SIZE.bounds(), moving(phase));
        }
    });
    let before = guest.screen.counters().frames.get();
    assert_eq!(paste(&mut client, 1, ContentType::Png).map(|all| all.len()), Some(400_000));
    assert!(guest.screen.counters().frames.get() > before, "frames came meanwhile");
    stop.store(true, Ordering::Release);
    drawing.join().unwrap();
}

#[test]
fn a_file_goes_in_at_the_pace_of_the_guest() {
    let guest = Guest::new(SIZE);
    let (computer, exchange) = Computer::new();
    let (mut client, _serving) = connect(&guest, &exchange, Mode::Interact);
    let contents = noise(3_000_000);
    let name = "notes.txt".to_owned();
    client.send(&ClientMessage::FileStart { transfer: 9, size: 3_000_000, name }).unwrap();
    let (mut sent, mut received) = (0, 0);
    let mut accepted = false;
    while sent < contents.len() {
        while sent < contents.len() && sent as u64 - received + MAX_PIECE as u64 <= 256 * 1024 {
            let bytes = contents[sent..].iter().copied().take(MAX_PIECE).collect::<Vec<_>>();
            sent += bytes.len();
            client.send(&ClientMessage::FileData { transfer: 9, bytes }).unwrap();
        }
        let ServerMessage::FileStatus(status) = client.next_told().unwrap() else { panic!() };
        match status.state {
            FileState::Accepted => accepted = true,
            FileState::Progress => received = status.received,
            FileState::Done | FileState::Failed => panic!("{status:?}"),
        }
    }
    // The last pieces are still on their way.
    while computer.file.lock().unwrap().len() < contents.len() {
        std::thread::sleep(Duration::from_millis(2));
    }
    computer.tell(|exchange| exchange.file_news(1, FileNews::Done));
    loop {
        let ServerMessage::FileStatus(status) = client.next_told().unwrap() else { panic!() };
        if status.state == FileState::Done {
            break;
        }
    }
    assert!(accepted && *computer.file.lock().unwrap() == contents);
}

#[test]
fn those_who_watch_touch_nothing_and_the_last_to_act_owns() {
    let guest = Guest::new(SIZE);
    let (computer, exchange) = Computer::new();
    let (mut watcher, _one) = connect(&guest, &exchange, Mode::Watch);
    let (mut first, _two) = connect(&guest, &exchange, Mode::Interact);
    let (mut second, _three) = connect(&guest, &exchange, Mode::Interact);
    let ignored = guest.screen.counters().ignored_messages.get();
    let start = ClientMessage::FileStart { transfer: 1, size: 1, name: "x".into() };
    watcher.send(&start).unwrap();
    watcher.send(&ClientMessage::Ping(1)).unwrap();
    while guest.screen.counters().ignored_messages.get() == ignored {
        std::thread::sleep(Duration::from_millis(2));
    }
    computer.tell(|exchange| exchange.guest_offers(vec![ContentType::Text]));
    assert_eq!(first.next_told().unwrap(), ServerMessage::ClipboardOffer(vec![ContentType::Text]));
    second.send_input(InputEvent::Key { code: 30, down: true }).unwrap();
    assert_eq!(second.next_told().unwrap(), ServerMessage::ClipboardOffer(vec![ContentType::Text]));
    assert_eq!(first.next_told().unwrap(), ServerMessage::ClipboardOffer(vec![]));
    first.send(&start).unwrap();
    let ServerMessage::FileStatus(status) = first.next_told().unwrap() else { panic!() };
    assert_eq!(status.state, FileState::Failed);
}
