use super::*;
use crate::outbox::Outbox;
use crate::screen::{Screen, ScreenSubscription};
use oriel_wire::{Chunk, ContentType, FileOffer, FileState, MAX_CHUNK, MAX_CONTENTS};

/// Call that the guest's agents received.
#[derive(Debug, Clone, PartialEq, Eq)]
enum SinkCall {
    Offer(Vec<ContentType>),
    Request(ContentType),
    Provide(ContentType, Option<Vec<u8>>),
    Start(u32, String, u64),
    Data(u32, usize),
    Cancel(u32),
    Take(u32),
    Taken(u32, u64),
    Refuse(u32, String),
}

use ContentType::{Png, Text};

/// Sink that records calls.
#[derive(Default)]
struct Guest(Mutex<Vec<SinkCall>>);

impl Guest {
    fn push(&self, calls: SinkCall) {
        self.0.lock().push(calls);
    }

    fn take(&self) -> Vec<SinkCall> {
        std::mem::take(&mut self.0.lock())
    }
}

impl GuestAgentSink for Guest {
    fn offer(&self, types: &[ContentType]) {
        self.push(SinkCall::Offer(types.to_vec()));
    }
    fn request(&self, content: ContentType) {
        self.push(SinkCall::Request(content));
    }
    fn provide(&self, content: ContentType, contents: Option<Vec<u8>>) {
        self.push(SinkCall::Provide(content, contents));
    }
    fn start_upload(&self, file: u32, name: &str, size: u64) {
        self.push(SinkCall::Start(file, name.to_owned(), size));
    }
    fn upload_data(&self, file: u32, bytes: &[u8]) {
        self.push(SinkCall::Data(file, bytes.len()));
    }
    fn cancel_upload(&self, file: u32) {
        self.push(SinkCall::Cancel(file));
    }
    fn accept_download(&self, file: u32) {
        self.push(SinkCall::Take(file));
    }
    fn ack_download(&self, file: u32, received: u64) {
        self.push(SinkCall::Taken(file, received));
    }
    fn reject_download(&self, file: u32, reason: &str) {
        self.push(SinkCall::Refuse(file, reason.to_owned()));
    }
}

/// Viewer with its channel and inbox.
struct Viewer {
    channel: RedirectionChannel,
    subscribed: ScreenSubscription,
}

impl Viewer {
    /// Takes the messages that wait for the client, and the first chunk of contents.
    fn outbox(&self) -> (Outbox, Option<Chunk>) {
        let mut taken = None;
        self.subscribed
            .inbox()
            .enqueue(|outbox| taken = Some((outbox.take_control_messages(), outbox.take_piece(MAX_CHUNK))));
        taken.unwrap()
    }

    fn statuses(&self) -> Vec<(u32, FileState, u64)> {
        self.outbox().0.statuses.iter().map(|one| (one.transfer, one.state, one.received)).collect()
    }
}

/// Hub with a screen and a recording sink.
struct Bench {
    screen: Arc<Screen>,
    redirection: Arc<RedirectionHub>,
    guest: Arc<Guest>,
}

impl Bench {
    fn new() -> Self {
        let bench = Self { screen: Screen::new(), redirection: RedirectionHub::new(), guest: Arc::default() };
        bench.redirection.connect(bench.guest.clone());
        bench.redirection.set_abilities(|abilities| (abilities.clipboard, abilities.files) = (true, true));
        bench
    }

    fn viewer(&self, acts: bool) -> Viewer {
        let subscribed = self.screen.subscribe();
        Viewer { channel: self.redirection.join(subscribed.inbox(), acts), subscribed }
    }
}

fn piece(request: u32, last: bool, bytes: &[u8]) -> Chunk {
    Chunk { request, last, failed: false, bytes: bytes.to_vec() }
}

#[test]
fn every_viewer_receives_abilities_and_only_the_owner_clipboard_offers() {
    let bench = Bench::new();
    let (one, two, watcher) = (bench.viewer(true), bench.viewer(true), bench.viewer(false));
    for viewer in [&one, &two, &watcher] {
        assert!(viewer.outbox().0.abilities.unwrap().files);
    }
    bench.redirection.guest_clipboard_offer(vec![Text]);
    assert_eq!(one.outbox().0.offer, Some(vec![Text]));
    assert_eq!(two.outbox().0.offer, None);
    two.channel.acted();
    assert_eq!((one.outbox().0.offer, two.outbox().0.offer), (Some(vec![]), Some(vec![Text])));
    watcher.channel.acted();
    watcher.channel.request(1, Text);
    assert!(watcher.outbox().1.unwrap().failed, "it does not own the redirection");
    assert_eq!(bench.guest.take(), []);
    drop(two);
    one.channel.request(1, Text);
    assert_eq!(bench.guest.take(), [SinkCall::Request(Text)], "free again");
}

#[test]
fn contents_come_in_pieces_when_the_user_pastes() {
    let bench = Bench::new();
    let viewer = bench.viewer(true);
    viewer.channel.request(7, Text);
    assert!(viewer.outbox().1.unwrap().failed, "nothing was offered");
    bench.redirection.guest_clipboard_offer(vec![Text, Png]);
    viewer.channel.request(8, Png);
    viewer.channel.request(9, Text);
    viewer.channel.request(10, Text);
    assert_eq!(bench.guest.take(), [SinkCall::Request(Png)], "one after the other");
    assert_eq!(viewer.outbox().1.unwrap(), Chunk { request: 10, last: true, failed: true, bytes: vec![] });
    let long: Vec<u8> = (0..MAX_CHUNK as u32 + 10).map(|n| n as u8).collect();
    bench.redirection.guest_clipboard_data(Png, Some(long.clone()));
    assert_eq!(bench.guest.take(), [SinkCall::Request(Text)]);
    assert_eq!(viewer.outbox().1.unwrap(), piece(8, false, &long[..MAX_CHUNK]));
    assert_eq!(viewer.outbox().1.unwrap(), piece(8, true, &long[MAX_CHUNK..]));
    bench.redirection.guest_clipboard_data(Text, Some(vec![]));
    assert_eq!(viewer.outbox().1.unwrap(), piece(9, true, b""));
    bench.redirection.guest_clipboard_data(Text, Some(b"unasked".to_vec()));
    assert_eq!(viewer.outbox().1, None);
}

#[test]
fn what_the_guest_pastes_is_gathered_from_the_owner() {
    let bench = Bench::new();
    let viewer = bench.viewer(true);
    bench.redirection.guest_clipboard_request(Text);
    assert_eq!(bench.guest.take(), [SinkCall::Provide(Text, None)], "there is nothing");
    viewer.channel.offer(vec![Text]);
    bench.redirection.guest_clipboard_request(Text);
    let requests = viewer.outbox().0.requests;
    let [(request, Text)] = requests[..] else { panic!("{requests:?}") };
    viewer.channel.provide(piece(request, false, b"one "));
    viewer.channel.provide(piece(request + 1, true, b"wrong"));
    viewer.channel.provide(piece(request, true, b"two"));
    viewer.channel.provide(piece(request, true, b"late"));
    assert_eq!(
        bench.guest.take(),
        [SinkCall::Offer(vec![Text]), SinkCall::Provide(Text, Some(b"one two".to_vec()))]
    );

    bench.redirection.guest_clipboard_request(Text);
    let request = viewer.outbox().0.requests[0].0;
    for _ in 0..=MAX_CONTENTS / MAX_CHUNK {
        viewer.channel.provide(piece(request, false, &[0; MAX_CHUNK]));
    }
    assert_eq!(bench.guest.take(), [SinkCall::Provide(Text, None)], "it is too long");
    drop(viewer);
    assert_eq!(bench.guest.take(), [SinkCall::Offer(vec![])], "and gone with its viewer");
}

#[test]
fn the_newest_clipboard_counts_when_the_owner_changes() {
    let bench = Bench::new();
    let (one, two) = (bench.viewer(true), bench.viewer(true));
    one.channel.offer(vec![Text]);
    two.channel.offer(vec![Png]);
    assert_eq!(bench.guest.take(), [SinkCall::Offer(vec![Text])]);
    two.channel.acted();
    assert_eq!(bench.guest.take(), [SinkCall::Offer(vec![Png])]);
    bench.redirection.guest_clipboard_offer(vec![Text]);
    one.channel.acted();
    assert_eq!(bench.guest.take(), [], "what the guest copied since is newer");
    assert_eq!(one.outbox().0.offer, Some(vec![Text]));
    two.channel.offer(vec![Text, Png]);
    two.channel.acted();
    assert_eq!(bench.guest.take(), [SinkCall::Offer(vec![Text, Png])]);
    let three = bench.viewer(true);
    three.channel.acted();
    assert_eq!(bench.guest.take(), [SinkCall::Offer(vec![])], "another's clipboard is not to be pasted");
}

#[test]
fn file_progress_is_sent_in_steps_and_the_end_once() {
    let bench = Bench::new();
    let viewer = bench.viewer(true);
    viewer.channel.start_upload(5, 1 << 20, "../x.bin");
    let calls = bench.guest.take();
    let [SinkCall::Start(id, name, _)] = &calls[..] else { panic!("{calls:?}") };
    assert_eq!(name, ".._x.bin");
    bench.redirection.upload_event(*id, UploadEvent::Accepted);
    for _ in 0..4 {
        viewer.channel.upload_data(5, &[0; 60 * 1024]);
    }
    assert_eq!(bench.guest.take(), vec![SinkCall::Data(*id, 60 * 1024); 4]);
    assert_eq!(viewer.statuses(), [(5, FileState::Accepted, 0)]);
    bench.redirection.upload_event(*id, UploadEvent::Written(120 * 1024));
    bench.redirection.upload_event(*id, UploadEvent::Written(180 * 1024));
    bench.redirection.upload_event(*id, UploadEvent::Written(240 * 1024));
    let progress: Vec<_> = viewer.statuses();
    assert_eq!(progress.len(), 1, "the newest stands for those before it: {progress:?}");
    bench.redirection.upload_event(*id, UploadEvent::Done);
    bench.redirection.upload_event(*id, UploadEvent::Failed("again".into()));
    assert_eq!(viewer.statuses(), [(5, FileState::Done, 240 * 1024)]);
    viewer.channel.upload_data(5, b"late");
    assert_eq!(bench.guest.take(), []);
}

#[test]
fn impossible_files_are_refused_with_a_sentence() {
    let bench = Bench::new();
    let (viewer, other) = (bench.viewer(true), bench.viewer(true));
    viewer.channel.acted();
    let refusal = |viewer: &Viewer| {
        let status = viewer.outbox().0.statuses.pop_back().unwrap();
        assert_eq!(status.state, FileState::Failed);
        status.text.unwrap()
    };
    other.channel.start_upload(1, 1, "a");
    assert!(refusal(&other).contains("Another window"));
    viewer.channel.start_upload(1, 1, "..");
    assert!(refusal(&viewer).contains("rename"));
    viewer.channel.start_upload(2, 100, "short");
    viewer.channel.upload_data(2, &[0; 101]);
    assert!(refusal(&viewer).contains("longer"));
    viewer.channel.start_upload(3, 1 << 30, "eager");
    for _ in 0..5 {
        viewer.channel.upload_data(3, &[0; MAX_CHUNK]);
    }
    assert!(refusal(&viewer).contains("acknowledged"));
    assert_eq!(bench.guest.take().iter().filter(|calls| matches!(calls, SinkCall::Cancel(_))).count(), 2);
    for transfer in 10..18 {
        viewer.channel.start_upload(transfer, 1, "one of many");
    }
    viewer.channel.start_upload(18, 1, "one too many");
    assert!(refusal(&viewer).contains("8 files"));
    bench.guest.take();
    drop(viewer);
    assert_eq!(bench.guest.take().len(), 8, "all uploads of the viewer are cancelled");
    bench.redirection.set_abilities(|abilities| abilities.files = false);
    other.channel.start_upload(1, 1, "a");
    assert!(refusal(&other).contains("takes no files"));
}

impl Viewer {
    /// Takes the messages about the guest's file: an offer, cancelled offers, the next chunk.
    fn file(&self) -> (Option<FileOffer>, Vec<u32>, Option<Chunk>) {
        let mut taken = None;
        self.subscribed.inbox().enqueue(|outbox| {
            let control = outbox.take_control_messages();
            taken = Some((control.file_offer, control.gone, outbox.take_file_piece(MAX_CHUNK)));
        });
        taken.unwrap()
    }
}

fn offered(name: &str, size: u64) -> DownloadEvent {
    DownloadEvent::Offered { name: name.into(), size }
}

fn offer(offer: u32, name: &str, size: u64) -> FileOffer {
    FileOffer { offer, name: name.into(), size }
}

#[test]
fn a_download_waits_for_a_viewer_and_ends_when_it_is_stored() {
    let bench = Bench::new();
    bench.redirection.download_event(1, offered("../../.bashrc", 6));
    assert_eq!(bench.guest.take(), [], "no viewer is connected");
    let viewer = bench.viewer(true);
    assert_eq!(viewer.file(), (Some(offer(1, ".._.._.bashrc", 6)), vec![], None));
    viewer.channel.answer_download(2, true);
    viewer.channel.ack_download(2, 0);
    assert_eq!(bench.guest.take(), [], "there is no such offer");
    viewer.channel.answer_download(1, true);
    viewer.channel.answer_download(1, true);
    assert_eq!(bench.guest.take(), [SinkCall::Take(1)]);
    for bytes in [b"ab", b"cd"] {
        bench.redirection.download_event(1, DownloadEvent::Data(bytes.to_vec()));
    }
    assert_eq!(viewer.file(), (None, vec![], Some(piece(1, false, b"abcd"))), "short ones are one");
    viewer.channel.ack_download(1, 4);
    bench.redirection.download_event(1, DownloadEvent::Data(b"ef".to_vec()));
    bench.redirection.download_event(1, DownloadEvent::End);
    assert_eq!(viewer.file(), (None, vec![], Some(piece(1, true, b"ef"))));
    viewer.channel.ack_download(1, 6);
    assert_eq!(bench.guest.take(), [SinkCall::Taken(1, 4), SinkCall::Taken(1, 6)]);
    viewer.channel.answer_download(1, false);
    drop(viewer);
    assert_eq!(bench.guest.take(), [], "it is over");
}

#[test]
fn an_offer_follows_the_owner_and_a_download_ends_with_its_viewer() {
    let bench = Bench::new();
    let (one, two, watcher) = (bench.viewer(true), bench.viewer(true), bench.viewer(false));
    bench.redirection.download_event(1, offered("CON", 9));
    assert_eq!(one.file().0, Some(offer(1, "_CON", 9)));
    watcher.channel.acted();
    watcher.channel.answer_download(1, true);
    two.channel.answer_download(1, true);
    assert_eq!((bench.guest.take(), watcher.file().0, two.file().0), (vec![], None, None), "not theirs");
    two.channel.acted();
    assert_eq!((one.file().1, two.file().0), (vec![1], Some(offer(1, "_CON", 9))));
    two.channel.answer_download(1, true);
    bench.redirection.download_event(1, DownloadEvent::Data(b"half".to_vec()));
    one.channel.acted();
    assert_eq!(one.file(), (None, vec![], None), "it stays where it is taken");
    one.channel.ack_download(1, 4);
    drop(two);
    let calls = bench.guest.take();
    assert!(matches!(&calls[..], [SinkCall::Take(1), SinkCall::Refuse(1, _)]), "{calls:?}");

    bench.redirection.download_event(2, offered("b", 9));
    drop(one);
    assert_eq!(bench.guest.take(), [], "an unanswered offer waits for the next owner");
    let three = bench.viewer(true);
    assert_eq!(three.file().0, Some(offer(2, "b", 9)));
    three.channel.answer_download(2, false);
    assert!(matches!(&bench.guest.take()[..], [SinkCall::Refuse(2, _)]));
}

#[test]
fn a_cancelled_file_is_reported_once_and_leaves_nothing_behind() {
    let bench = Bench::new();
    let viewer = bench.viewer(true);
    bench.redirection.download_event(1, offered("a", 9));
    bench.redirection.download_event(1, DownloadEvent::Cancelled);
    assert_eq!(viewer.file(), (None, vec![], None), "the offer was not sent yet");
    for file in 2..2000 {
        bench.redirection.download_event(file, offered("a", 9));
    }
    assert_eq!(viewer.file(), (Some(offer(1999, "a", 9)), vec![], None), "one at a time");
    viewer.channel.answer_download(1999, true);
    bench.redirection.download_event(1999, DownloadEvent::Data(b"half".to_vec()));
    bench.redirection.download_event(1999, DownloadEvent::Cancelled);
    assert_eq!(viewer.file(), (None, vec![1999], None));
    bench.redirection.download_event(3000, offered("b", 9));
    assert_eq!(viewer.file(), (Some(offer(3000, "b", 9)), vec![], None));
    viewer.channel.answer_download(3000, true);
    bench.redirection.download_event(3000, DownloadEvent::Data(b"half".to_vec()));
    bench.guest.take();
    viewer.channel.ack_download(3000, 5);
    assert!(matches!(&bench.guest.take()[..], [SinkCall::Refuse(3000, _)]), "more than was sent");
    assert_eq!(viewer.file(), (None, vec![3000], None));
}
