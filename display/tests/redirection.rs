//! Clipboard and files over a viewer's connection.

#![allow(clippy::unwrap_used, clippy::panic)]

mod support;

use oriel_display::redirection::{DownloadEvent, GuestAgentSink, UploadEvent};
use oriel_display::viewer::Mode;
use oriel_display::{Client, Monitors, RedirectionHub};
use oriel_wire::{
    Abilities, Chunk, ClientMessage, ContentType, FILE_CREDIT, FileOffer, FileState, InputEvent, MAX_CHUNK,
    ServerMessage, Size,
};
use parking_lot::Mutex;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};
use support::{Guest, Machine, Serving, moving, serve_with};

const SIZE: Size = Size::new(320, 200);

type Tell = Box<dyn FnOnce(&RedirectionHub) + Send>;

/// A guest whose clipboard holds what was last provided, and whose disk what was last sent. It tells
/// what happens on a thread of its own.
struct Computer {
    tell: Sender<Tell>,
    clipboard: Mutex<Vec<u8>>,
    file: Mutex<Vec<u8>>,
    /// What it sends, how much of it is on its way, and how that ended.
    sends: Mutex<Vec<u8>>,
    passed: Mutex<usize>,
    end: Sender<Result<(), String>>,
    ended: Mutex<Receiver<Result<(), String>>>,
}

impl Computer {
    fn new() -> (Arc<Self>, Arc<RedirectionHub>) {
        let redirection = RedirectionHub::new();
        let (tell, told) = channel::<Tell>();
        let (end, ended) = channel();
        let computer = Arc::new(Self {
            tell,
            clipboard: Mutex::default(),
            file: Mutex::default(),
            sends: Mutex::default(),
            passed: Mutex::default(),
            end,
            ended: Mutex::new(ended),
        });
        let hears = Arc::clone(&redirection);
        std::thread::spawn(move || told.iter().for_each(|tell| tell(&hears)));
        redirection.connect(Arc::clone(&computer) as Arc<dyn GuestAgentSink>);
        redirection.set_abilities(|can| (can.clipboard, can.files) = (true, true));
        (computer, redirection)
    }

    fn tell(&self, tell: impl FnOnce(&RedirectionHub) + Send + 'static) {
        self.tell.send(Box::new(tell)).unwrap();
    }

    /// Sends a file, whose contents are kept ready.
    fn send(&self, file: u32, name: &'static str, contents: Vec<u8>) {
        let size = contents.len() as u64;
        *self.sends.lock() = contents;
        *self.passed.lock() = 0;
        self.tell(move |redirection| {
            redirection.download_event(file, DownloadEvent::Offered { name: name.into(), size })
        });
    }

    /// What became of the file that it sent.
    fn outcome(&self) -> Result<(), String> {
        self.ended.lock().recv_timeout(Duration::from_secs(60)).unwrap()
    }

    /// Passes on as much as the credit allows once `received` bytes are stored.
    fn pass(&self, file: u32, received: u64) {
        let (sends, mut passed) = (self.sends.lock(), self.passed.lock());
        let to = sends.len().min((received + FILE_CREDIT) as usize);
        while *passed < to {
            let next = to.min(*passed + MAX_CHUNK);
            let bytes = sends[*passed..next].to_vec();
            self.tell(move |redirection| redirection.download_event(file, DownloadEvent::Data(bytes)));
            *passed = next;
            if next == sends.len() {
                self.tell(move |redirection| redirection.download_event(file, DownloadEvent::End));
            }
        }
    }
}

impl GuestAgentSink for Computer {
    fn offer(&self, types: &[ContentType]) {
        // The user in the guest pastes at once.
        for content in types.iter().copied() {
            self.tell(move |redirection| redirection.guest_clipboard_request(content));
        }
    }

    fn request(&self, content: ContentType) {
        let contents = self.clipboard.lock().clone();
        self.tell(move |redirection| redirection.guest_clipboard_data(content, Some(contents)));
    }

    fn provide(&self, content: ContentType, contents: Option<Vec<u8>>) {
        *self.clipboard.lock() = contents.unwrap_or_default();
        self.tell(move |redirection| redirection.guest_clipboard_offer(vec![content]));
    }

    fn start_upload(&self, file: u32, _: &str, _: u64) {
        self.tell(move |redirection| redirection.upload_event(file, UploadEvent::Accepted));
    }

    fn upload_data(&self, file: u32, bytes: &[u8]) {
        let mut disk = self.file.lock();
        disk.extend_from_slice(bytes);
        let written = disk.len() as u64;
        self.tell(move |redirection| redirection.upload_event(file, UploadEvent::Written(written)));
    }

    fn cancel_upload(&self, _: u32) {}

    fn accept_download(&self, file: u32) {
        self.pass(file, 0);
    }

    fn ack_download(&self, file: u32, received: u64) {
        if received == self.sends.lock().len() as u64 {
            self.end.send(Ok(())).unwrap();
        } else {
            self.pass(file, received);
        }
    }

    fn reject_download(&self, _: u32, reason: &str) {
        self.end.send(Err(reason.to_owned())).unwrap();
    }
}

fn connect(guest: &Guest, redirection: &Arc<RedirectionHub>, mode: Mode) -> (Client, Serving) {
    let monitors = Monitors::single(Arc::clone(&guest.screen));
    let (stream, serving) = serve_with(&monitors, &Machine::deaf(), redirection, mode);
    let mut client = Client::connect(stream, false).unwrap();
    client.set_timeout(Some(Duration::from_secs(60))).unwrap();
    let can = Abilities { clipboard: true, files: true, ..Abilities::default() };
    assert_eq!(client.next_queued_message().unwrap(), ServerMessage::Agents(can));
    (client, serving)
}

/// A guest that draws until this is dropped.
struct Drawing {
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Drawing {
    fn on(guest: &Arc<Guest>, pause: Duration) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let (drawer, stopped) = (Arc::clone(guest), Arc::clone(&stop));
        let draw = move || {
            for phase in 0.. {
                if stopped.load(Ordering::Acquire) {
                    return;
                }
                drawer.draw(SIZE.bounds(), moving(phase));
                std::thread::sleep(pause);
            }
        };
        Self { stop, thread: Some(std::thread::spawn(draw)) }
    }
}

impl Drop for Drawing {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Release);
        let ended = self.thread.take().map(JoinHandle::join);
        assert!(std::thread::panicking() || ended.is_none_or(|ended| ended.is_ok()));
    }
}

fn noise(length: usize) -> Vec<u8> {
    (0..length as u32).map(|n| (n.wrapping_mul(2_654_435_761) >> 24) as u8).collect()
}

/// Sends `contents` as the answer to the guest's next request.
fn answer(client: &mut Client, contents: &[u8]) {
    let ServerMessage::ClipboardRequest { request, .. } = client.next_queued_message().unwrap() else {
        panic!("no request")
    };
    for (index, bytes) in contents.chunks(MAX_CHUNK).enumerate() {
        let last = (index + 1) * MAX_CHUNK >= contents.len();
        let piece = Chunk { request, last, failed: false, bytes: bytes.to_vec() };
        client.send(&ClientMessage::ClipboardData(piece)).unwrap();
    }
}

/// Pastes what the guest has.
fn paste(client: &mut Client, request: u32, content: ContentType) -> Option<Vec<u8>> {
    client.send(&ClientMessage::ClipboardRequest { request, content }).unwrap();
    let mut contents = Vec::new();
    loop {
        match client.next_queued_message().unwrap() {
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
    let (_computer, redirection) = Computer::new();
    let (mut client, _serving) = connect(&guest, &redirection, Mode::Interact);
    let picture = noise(700_001);
    client.send(&ClientMessage::ClipboardOffer(vec![ContentType::Png])).unwrap();
    answer(&mut client, &picture);
    assert_eq!(client.next_queued_message().unwrap(), ServerMessage::ClipboardOffer(vec![ContentType::Png]));
    assert!(paste(&mut client, 5, ContentType::Png) == Some(picture));
    assert_eq!(paste(&mut client, 6, ContentType::Text), None);
}

#[test]
fn a_picture_that_never_rests_neither_stops_contents_nor_is_stopped() {
    let guest = Guest::new(SIZE);
    let (computer, redirection) = Computer::new();
    *computer.clipboard.lock() = noise(8_000_000);
    let (mut client, _serving) = connect(&guest, &redirection, Mode::Interact);
    computer.tell(|redirection| redirection.guest_clipboard_offer(vec![ContentType::Png]));
    assert_eq!(client.next_queued_message().unwrap(), ServerMessage::ClipboardOffer(vec![ContentType::Png]));
    let drawing = Drawing::on(&guest, Duration::ZERO);
    for _ in 0..3 {
        client.next_frame().unwrap();
    }
    let before = guest.screen.counters().frames.get();
    assert_eq!(paste(&mut client, 1, ContentType::Png).map(|all| all.len()), Some(8_000_000));
    assert!(guest.screen.counters().frames.get() > before, "frames came meanwhile");
    drop(drawing);
}

#[test]
fn who_shows_no_picture_gets_contents_at_the_pace_at_which_they_are_read() {
    let guest = Guest::new(SIZE);
    let (computer, redirection) = Computer::new();
    *computer.clipboard.lock() = noise(3_000_000);
    let (mut client, _serving) = connect(&guest, &redirection, Mode::Interact);
    computer.tell(|redirection| redirection.guest_clipboard_offer(vec![ContentType::Png]));
    let _drawing = Drawing::on(&guest, Duration::from_millis(5));
    while client.take_queued_message() != Some(ServerMessage::ClipboardOffer(vec![ContentType::Png])) {
        client.receive_any().unwrap();
    }
    client.send(&ClientMessage::ClipboardRequest { request: 1, content: ContentType::Png }).unwrap();
    // Four pieces a second, as beside a picture that waits, would take three minutes.
    let patience = Instant::now() + Duration::from_secs(60);
    let mut got = 0;
    loop {
        // Nothing is acknowledged.
        client.receive_any().unwrap();
        if let Some(ServerMessage::ClipboardData(piece)) = client.take_queued_message() {
            got += piece.bytes.len();
            if piece.last {
                break;
            }
        }
        assert!(Instant::now() < patience, "only {got} bytes came");
    }
    assert_eq!(got, 3_000_000);
}

#[test]
fn a_file_goes_in_at_the_pace_of_the_guest() {
    let guest = Guest::new(SIZE);
    let (computer, redirection) = Computer::new();
    let (mut client, _serving) = connect(&guest, &redirection, Mode::Interact);
    let contents = noise(3_000_000);
    let name = "notes.txt".to_owned();
    client.send(&ClientMessage::FileStart { transfer: 9, size: 3_000_000, name }).unwrap();
    let (mut sent, mut received) = (0, 0);
    let mut accepted = false;
    while sent < contents.len() {
        while sent < contents.len() && sent as u64 - received + MAX_CHUNK as u64 <= 256 * 1024 {
            let bytes = contents[sent..].iter().copied().take(MAX_CHUNK).collect::<Vec<_>>();
            sent += bytes.len();
            client.send(&ClientMessage::FileData { transfer: 9, bytes }).unwrap();
        }
        let ServerMessage::FileStatus(status) = client.next_queued_message().unwrap() else { panic!() };
        match status.state {
            FileState::Accepted => accepted = true,
            FileState::Progress => received = status.received,
            FileState::Done | FileState::Failed => panic!("{status:?}"),
        }
    }
    // The last pieces are still on their way.
    while computer.file.lock().len() < contents.len() {
        std::thread::sleep(Duration::from_millis(2));
    }
    computer.tell(|redirection| redirection.upload_event(1, UploadEvent::Done));
    loop {
        let ServerMessage::FileStatus(status) = client.next_queued_message().unwrap() else { panic!() };
        if status.state == FileState::Done {
            break;
        }
    }
    assert!(accepted && *computer.file.lock() == contents);
}

#[test]
fn those_who_watch_touch_nothing_and_the_last_to_act_owns() {
    let guest = Guest::new(SIZE);
    let (computer, redirection) = Computer::new();
    let (mut watcher, _one) = connect(&guest, &redirection, Mode::Watch);
    let (mut first, _two) = connect(&guest, &redirection, Mode::Interact);
    let (mut second, _three) = connect(&guest, &redirection, Mode::Interact);
    let ignored = guest.screen.counters().ignored_messages.get();
    let start = ClientMessage::FileStart { transfer: 1, size: 1, name: "x".into() };
    watcher.send(&start).unwrap();
    watcher.send(&ClientMessage::Ping(1)).unwrap();
    while guest.screen.counters().ignored_messages.get() == ignored {
        std::thread::sleep(Duration::from_millis(2));
    }
    computer.tell(|redirection| redirection.guest_clipboard_offer(vec![ContentType::Text]));
    assert_eq!(first.next_queued_message().unwrap(), ServerMessage::ClipboardOffer(vec![ContentType::Text]));
    second.send_input(InputEvent::Key { code: 30, down: true }).unwrap();
    assert_eq!(second.next_queued_message().unwrap(), ServerMessage::ClipboardOffer(vec![ContentType::Text]));
    assert_eq!(first.next_queued_message().unwrap(), ServerMessage::ClipboardOffer(vec![]));
    first.send(&start).unwrap();
    let ServerMessage::FileStatus(status) = first.next_queued_message().unwrap() else { panic!() };
    assert_eq!(status.state, FileState::Failed);
}

#[test]
fn a_file_out_of_the_guest_arrives_whole_while_the_picture_moves() {
    let guest = Guest::new(SIZE);
    let (computer, redirection) = Computer::new();
    let (mut client, _serving) = connect(&guest, &redirection, Mode::Interact);
    let contents = noise(1_000_003);
    computer.send(1, "größe.bin", contents.clone());
    let offer = FileOffer { offer: 1, name: "größe.bin".into(), size: contents.len() as u64 };
    assert_eq!(client.next_queued_message().unwrap(), ServerMessage::FileOffer(offer));
    client.send(&ClientMessage::FileAnswer { offer: 1, accept: true }).unwrap();
    let drawing = Drawing::on(&guest, Duration::from_millis(5));
    let (mut got, mut told) = (Vec::new(), 0);
    loop {
        let ServerMessage::FileContent(piece) = client.next_queued_message().unwrap() else {
            panic!("not a piece")
        };
        assert!(piece.request == 1 && !piece.failed && piece.bytes.len() <= MAX_CHUNK);
        got.extend(piece.bytes);
        assert!(got.len() as u64 - told <= FILE_CREDIT, "no more than the credit is on the way");
        if piece.last {
            break;
        }
        if got.len() as u64 - told >= FILE_CREDIT / 2 {
            told = got.len() as u64;
            client.send(&ClientMessage::FileTaken { offer: 1, received: told }).unwrap();
        }
    }
    drop(drawing);
    assert!(got == contents);
    assert!(computer.ended.lock().try_recv().is_err(), "it is not stored yet");
    let received = got.len() as u64;
    client.send(&ClientMessage::FileTaken { offer: 1, received }).unwrap();
    assert_eq!(computer.outcome(), Ok(()));

    computer.send(2, "b", noise(900_000));
    while !matches!(client.next_queued_message().unwrap(), ServerMessage::FileOffer(_)) {}
    client.send(&ClientMessage::FileAnswer { offer: 2, accept: true }).unwrap();
    assert!(matches!(client.next_queued_message().unwrap(), ServerMessage::FileContent(_)));
    client.send(&ClientMessage::FileAnswer { offer: 2, accept: false }).unwrap();
    assert!(computer.outcome().is_err(), "it was cancelled midway");
}

#[test]
fn whoever_only_watches_gets_no_files() {
    let guest = Guest::new(SIZE);
    let (computer, redirection) = Computer::new();
    let (mut watcher, _watching) = connect(&guest, &redirection, Mode::Watch);
    computer.send(1, "a", noise(5));
    watcher.send(&ClientMessage::FileAnswer { offer: 1, accept: true }).unwrap();
    let (mut client, _serving) = connect(&guest, &redirection, Mode::Interact);
    assert!(matches!(client.next_queued_message().unwrap(), ServerMessage::FileOffer(_)));
    watcher.set_timeout(Some(Duration::from_millis(50))).unwrap();
    assert!(watcher.next_queued_message().unwrap_err().is_timeout());
}
