use super::*;
use crate::spice::chunks::ChunkWriter;
use crate::spice::wire::file_status;
use crate::spice::{FileXferEvent, MAX_CLIPBOARD_BYTES};
use std::time::Duration;

const ALL: &[u32] = &[
    Capabilities::MONITORS_CONFIG,
    Capabilities::REPLY,
    Capabilities::CLIPBOARD_BY_DEMAND,
    Capabilities::CLIPBOARD_SELECTION,
    Capabilities::SPARSE_MONITORS_CONFIG,
    Capabilities::FILE_XFER_DETAILED_ERRORS,
];

/// A session and the guest's agent at its other end.
struct Bench {
    session: VdAgentSession,
    reader: ChunkReader,
    now: Instant,
}

impl Bench {
    /// An agent that said that it can all of `capabilities`.
    fn with(capabilities: &[u32]) -> Self {
        let mut bench =
            Self { session: VdAgentSession::new(), reader: ChunkReader::new(), now: Instant::now() };
        bench.come(capabilities);
        assert!(matches!(bench.session.take_events()[..], [AgentEvent::Features(_)]));
        bench
    }

    fn come(&mut self, capabilities: &[u32]) {
        self.reader = ChunkReader::new();
        self.session.opened();
        assert_eq!(self.heard()[0].0, message::ANNOUNCE_CAPABILITIES);
        let announcement = wire::announce(true, Capabilities::of(capabilities));
        self.say(message::ANNOUNCE_CAPABILITIES, &announcement);
        let answer = self.heard().remove(0);
        assert_eq!(answer, (message::ANNOUNCE_CAPABILITIES, wire::announce(false, Capabilities::HOST)));
    }

    /// The agent says something.
    fn say(&mut self, kind: u32, body: &[u8]) {
        let mut writer = ChunkWriter::default();
        writer.begin(kind, body, Vec::new());
        loop {
            let part = writer.pending().to_vec();
            if part.is_empty() {
                return;
            }
            self.session.received(&part, self.now);
            writer.sent(part.len());
        }
    }

    /// What the agent hears, but for what is said again to each that comes.
    fn heard(&mut self) -> Vec<(u32, Vec<u8>)> {
        let mut all = Vec::new();
        loop {
            let part = self.session.pending().to_vec();
            if part.is_empty() {
                return all;
            }
            self.reader.push(&part, MAX_CLIPBOARD_BYTES, |incoming| match incoming {
                Incoming::Message(kind, body) => all.push((kind, body)),
                Incoming::TooLong(kind) => panic!("too long: {kind}"),
            });
            self.session.sent(part.len());
        }
    }

    fn news(&mut self) -> Vec<AgentEvent> {
        self.session.take_events()
    }
}

fn selected(selection: u8, numbers: &[u32]) -> Vec<u8> {
    let mut body = vec![selection, 0, 0, 0];
    body.extend(numbers.iter().flat_map(|number| number.to_le_bytes()));
    body
}

fn two(a: u32, b: u32) -> Vec<u8> {
    [a, b].map(u32::to_le_bytes).concat()
}

#[test]
fn only_the_clipboard_among_the_selections_counts() {
    let mut bench = Bench::with(ALL);
    bench.say(message::CLIPBOARD_GRAB, &selected(1, &[1]));
    assert_eq!(bench.news(), []);
    bench.say(message::CLIPBOARD_GRAB, &selected(0, &[5, 2, 1, 99, 1]));
    assert_eq!(bench.news(), [AgentEvent::ClipboardGrab(vec![ClipboardType::Png, ClipboardType::Text])]);
    bench.session.request_clipboard(ClipboardType::Text, bench.now);
    assert_eq!(bench.heard(), [(message::CLIPBOARD_REQUEST, selected(0, &[1]))]);
    bench.say(message::CLIPBOARD, &[&selected(1, &[1])[..], b"primary"].concat());
    assert_eq!(bench.news(), []);
    bench.say(message::CLIPBOARD, &[&selected(0, &[1])[..], b"clipboard"].concat());
    assert_eq!(bench.news(), [AgentEvent::ClipboardData(ClipboardType::Text, Some(b"clipboard".to_vec()))]);
    bench.say(message::CLIPBOARD, &[&selected(0, &[1])[..], b"unasked"].concat());
    assert_eq!(bench.news(), []);
    bench.say(message::CLIPBOARD_RELEASE, &selected(0, &[]));
    assert_eq!(bench.news(), [AgentEvent::ClipboardGrab(vec![])]);
}

#[test]
fn agents_without_selections_are_spoken_to_without_them() {
    let mut bench = Bench::with(&[Capabilities::CLIPBOARD_BY_DEMAND]);
    bench.session.grab_clipboard(&[ClipboardType::Text]);
    assert_eq!(bench.heard(), [(message::CLIPBOARD_GRAB, 1u32.to_le_bytes().to_vec())]);
    bench.say(message::CLIPBOARD_REQUEST, &1u32.to_le_bytes());
    assert_eq!(bench.news(), [AgentEvent::ClipboardRequest(ClipboardType::Text)]);
    bench.session.send_clipboard(ClipboardType::Text, Some(b"x".to_vec()));
    assert_eq!(bench.heard(), [(message::CLIPBOARD, [&1u32.to_le_bytes()[..], b"x"].concat())]);
}

#[test]
fn lines_end_as_each_side_expects() {
    let mut bench = Bench::with(&[Capabilities::CLIPBOARD_BY_DEMAND, Capabilities::GUEST_LINEEND_CRLF]);
    bench.say(message::CLIPBOARD_GRAB, &1u32.to_le_bytes());
    bench.session.request_clipboard(ClipboardType::Text, bench.now);
    bench.heard();
    bench.say(message::CLIPBOARD, &[&1u32.to_le_bytes()[..], b"a\r\nb\n"].concat());
    assert_eq!(
        bench.news().pop(),
        Some(AgentEvent::ClipboardData(ClipboardType::Text, Some(b"a\nb\n".to_vec())))
    );
    bench.session.grab_clipboard(&[ClipboardType::Text, ClipboardType::Png]);
    bench.heard();
    for (number, kind, expected) in
        [(1u32, ClipboardType::Text, &b"a\r\nb\r\n"[..]), (2, ClipboardType::Png, b"a\nb\r\n")]
    {
        bench.say(message::CLIPBOARD_REQUEST, &number.to_le_bytes());
        bench.session.send_clipboard(kind, Some(b"a\nb\r\n".to_vec()));
        assert_eq!(bench.heard(), [(message::CLIPBOARD, [&number.to_le_bytes()[..], expected].concat())]);
    }
}

#[test]
fn silence_on_either_side_ends_the_wait_of_the_other() {
    let mut bench = Bench::with(ALL);
    bench.say(message::CLIPBOARD_GRAB, &selected(0, &[1]));
    bench.session.request_clipboard(ClipboardType::Text, bench.now);
    bench.heard();
    bench.news();
    let due = bench.session.deadline().unwrap();
    bench.session.tick(due - Duration::from_millis(1));
    assert_eq!(bench.news(), []);
    bench.session.tick(due);
    assert_eq!(bench.news(), [AgentEvent::ClipboardData(ClipboardType::Text, None)]);

    bench.session.grab_clipboard(&[ClipboardType::Text]);
    bench.heard();
    bench.say(message::CLIPBOARD_REQUEST, &selected(0, &[1]));
    bench.say(message::CLIPBOARD_REQUEST, &selected(0, &[1]));
    assert_eq!(
        bench.news(),
        [AgentEvent::ClipboardRequest(ClipboardType::Text)],
        "once, however often it asks"
    );
    bench.session.tick(bench.session.deadline().unwrap());
    assert_eq!(bench.heard(), [(message::CLIPBOARD, selected(0, &[1]))], "there is nothing to paste");
    bench.session.send_clipboard(ClipboardType::Text, Some(b"too late".to_vec()));
    assert_eq!(bench.heard(), []);
    assert_eq!(bench.session.deadline(), None);
}

#[test]
fn an_agent_that_starts_anew_learns_what_it_should_know() {
    let mut bench = Bench::with(ALL);
    let monitors = [MonConfig { x: 0, y: 0, width: 800, height: 600 }];
    bench.session.set_monitors_config(&monitors);
    bench.session.grab_clipboard(&[ClipboardType::Png]);
    let said = bench.heard();
    assert_eq!(
        said,
        [
            (message::MONITORS_CONFIG, wire::monitors_config(&monitors)),
            (message::CLIPBOARD_GRAB, selected(0, &[2])),
        ]
    );
    bench.session.start_file(7, "x", 10);
    bench.heard();
    bench.session.closed();
    assert!(matches!(
        &bench.news()[..],
        [
            AgentEvent::FileXfer(7, FileXferEvent::Failed(_)),
            AgentEvent::Features(AgentFeatures { clipboard: false, .. })
        ]
    ));
    bench.reader = ChunkReader::new();
    bench.session.opened();
    bench.say(message::ANNOUNCE_CAPABILITIES, &wire::announce(true, Capabilities::of(ALL)));
    let again = bench.heard();
    assert_eq!(&again[1..], said);

    // The port was not seen to close, but this agent has only just begun.
    bench.say(message::CLIPBOARD_REQUEST, &selected(0, &[2]));
    bench.say(message::ANNOUNCE_CAPABILITIES, &wire::announce(true, Capabilities::of(ALL)));
    assert_eq!(&bench.heard()[1..], said);
    bench.session.send_clipboard(ClipboardType::Png, Some(vec![1]));
    assert_eq!(bench.heard(), [], "it was another agent that asked");

    // What the guest copied itself is not overwritten by an old offer.
    bench.say(message::CLIPBOARD_GRAB, &selected(0, &[1]));
    bench.session.closed();
    bench.session.opened();
    bench.reader = ChunkReader::new();
    bench.say(message::ANNOUNCE_CAPABILITIES, &wire::announce(true, Capabilities::of(ALL)));
    assert!(!bench.heard().iter().any(|(kind, _)| *kind == message::CLIPBOARD_GRAB));
}

#[test]
fn layouts_without_screens_that_are_off_for_agents_that_do_not_know_them() {
    let on = MonConfig { x: 0, y: 0, width: 800, height: 600 };
    let off = MonConfig { x: 0, y: 0, width: 0, height: 0 };
    let mut bench = Bench::with(&[Capabilities::MONITORS_CONFIG]);
    bench.session.set_monitors_config(&[off, on]);
    assert_eq!(bench.heard(), [(message::MONITORS_CONFIG, wire::monitors_config(&[on]))]);
    bench.session.set_monitors_config(&[off, on]);
    assert_eq!(bench.heard(), [], "it is told once");
    bench.say(message::REPLY, &two(message::MONITORS_CONFIG, 2));
    assert_eq!(bench.news(), [AgentEvent::MonitorsConfigReply { success: false }]);
}

#[test]
fn files_take_turns_wait_for_acceptance_and_end_once() {
    let mut bench = Bench::with(ALL);
    bench.session.start_file(1, "one", 100_000);
    bench.session.start_file(2, "two", 5);
    bench.session.file_data(1, &[1; 100_000]);
    bench.session.file_data(2, b"hello");
    let starts = bench.heard();
    assert_eq!(starts.len(), 2, "no data before acceptance");
    assert_eq!(starts[1].1, b"\x02\0\0\0[vdagent-file-xfer]\nname=two\nsize=5\n\0");
    bench.say(message::FILE_XFER_STATUS, &two(1, file_status::CAN_SEND_DATA));
    bench.say(message::FILE_XFER_STATUS, &two(2, file_status::CAN_SEND_DATA));
    assert_eq!(
        bench.news(),
        [AgentEvent::FileXfer(1, FileXferEvent::Accepted), AgentEvent::FileXfer(2, FileXferEvent::Accepted)]
    );
    let order: Vec<u8> = bench.heard().iter().map(|(_, body)| body[0]).collect();
    assert_eq!(order, [1, 2, 1]);
    assert_eq!(bench.news().last(), Some(&AgentEvent::FileXfer(1, FileXferEvent::Sent(100_000))));
    bench.say(message::FILE_XFER_STATUS, &two(1, file_status::SUCCESS));
    bench.say(message::FILE_XFER_STATUS, &two(1, file_status::SUCCESS));
    let free = (3u64 << 20).to_le_bytes();
    bench.say(message::FILE_XFER_STATUS, &[&two(2, file_status::NOT_ENOUGH_SPACE)[..], &free].concat());
    let text = "The desktop's disk has no room for the file; 3 MiB are free.".to_owned();
    assert_eq!(
        bench.news(),
        [AgentEvent::FileXfer(1, FileXferEvent::Done), AgentEvent::FileXfer(2, FileXferEvent::Failed(text))]
    );
    bench.session.file_data(2, b"more");
    bench.session.cancel_file(2);
    assert_eq!(bench.heard(), []);
}

#[test]
fn a_guest_that_wants_no_files_gets_none() {
    let mut bench = Bench::with(&[Capabilities::CLIPBOARD_BY_DEMAND, Capabilities::FILE_XFER_DISABLED]);
    bench.session.start_file(1, "one", 1);
    assert!(matches!(bench.news()[..], [AgentEvent::FileXfer(1, FileXferEvent::Failed(_))]));
    assert_eq!(bench.heard(), []);
}

#[test]
fn contents_that_nobody_asked_for_cost_no_memory() {
    let mut bench = Bench::with(ALL);
    bench.say(message::CLIPBOARD, &[0; 200_000]);
    assert_eq!(bench.session.refused(), 1);
    bench.say(message::CLIPBOARD_GRAB, &selected(0, &[2]));
    bench.session.request_clipboard(ClipboardType::Png, bench.now);
    bench.heard();
    bench.news();
    let long = [&selected(0, &[2])[..], &vec![7; MAX_CLIPBOARD_BYTES]].concat();
    bench.say(message::CLIPBOARD, &long);
    assert!(
        matches!(&bench.news()[..], [AgentEvent::ClipboardData(ClipboardType::Png, Some(all))] if all.len() == MAX_CLIPBOARD_BYTES)
    );
    bench.session.request_clipboard(ClipboardType::Png, bench.now);
    bench.heard();
    bench.say(message::CLIPBOARD, &[&long[..], b"x"].concat());
    assert_eq!(bench.news(), [AgentEvent::ClipboardData(ClipboardType::Png, None)]);
}

#[test]
fn garbage_never_panics_and_an_agent_after_it_is_heard() {
    let mut state = 0x2545_F491_4F6C_DD1Du64;
    let mut random = move |below: u64| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state % below
    };
    let mut bench = Bench::with(ALL);
    for round in 0..20_000 {
        if round % 3 == 0 {
            let noise: Vec<u8> = (0..random(64)).map(|_| random(256) as u8).collect();
            bench.session.received(&noise, bench.now);
        } else {
            let body: Vec<u8> = (0..random(40)).map(|_| random(4) as u8).collect();
            bench.say(random(18) as u32, &body);
        }
        match random(8) {
            0 => bench.session.grab_clipboard(&[ClipboardType::Text]),
            1 => bench.session.request_clipboard(ClipboardType::Text, bench.now),
            2 => bench.session.send_clipboard(ClipboardType::Text, Some(vec![1; 10])),
            3 => bench.session.start_file(round, "n", 3),
            _ => {}
        }
        let mut written = 0;
        while !bench.session.pending().is_empty() {
            let count = bench.session.pending().len();
            written += count;
            bench.session.sent(count);
        }
        assert!(written < 100_000);
        bench.news();
        if random(10) == 0 {
            bench.session.closed();
            bench.session.opened();
        }
    }
    bench.session.closed();
    bench.news();
    bench.come(ALL);
    assert!(matches!(bench.news()[..], [AgentEvent::Features(_)]));
}
