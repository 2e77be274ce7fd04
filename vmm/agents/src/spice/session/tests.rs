use super::*;
use crate::spice::chunks::ChunkWriter;
use crate::spice::wire::file_status;
use std::time::Duration;

const ALL: &[u32] = &[
    Capabilities::MONITORS_CONFIG,
    Capabilities::REPLY,
    Capabilities::CLIPBOARD_BY_DEMAND,
    Capabilities::CLIPBOARD_SELECTION,
    Capabilities::SPARSE_MONITORS_CONFIG,
    Capabilities::FILE_XFER_DETAILED_ERRORS,
];

/// Session, and the agent as its peer.
struct Bench {
    session: VdAgentSession,
    reader: ChunkReader,
    now: Instant,
}

impl Bench {
    /// Connects an agent with `capabilities`.
    fn with(capabilities: &[u32]) -> Self {
        let mut bench =
            Self { session: VdAgentSession::new(), reader: ChunkReader::new(), now: Instant::now() };
        bench.connect(capabilities);
        assert!(matches!(bench.session.take_events()[..], [AgentEvent::Features(_)]));
        bench
    }

    fn connect(&mut self, capabilities: &[u32]) {
        self.reader = ChunkReader::new();
        self.session.opened();
        assert_eq!(self.received()[0].0, message::ANNOUNCE_CAPABILITIES);
        let announcement = wire::announce(true, Capabilities::of(capabilities));
        self.send(message::ANNOUNCE_CAPABILITIES, &announcement);
        let answer = self.received().remove(0);
        assert_eq!(answer, (message::ANNOUNCE_CAPABILITIES, wire::announce(false, Capabilities::HOST)));
    }

    /// Sends a message as the agent.
    fn send(&mut self, message_type: u32, body: &[u8]) {
        let mut writer = ChunkWriter::default();
        writer.begin(message_type, body, Vec::new());
        loop {
            let part = writer.pending().to_vec();
            if part.is_empty() {
                return;
            }
            self.session.received(&part, self.now);
            writer.sent(part.len());
        }
    }

    /// Returns the messages that the agent received.
    fn received(&mut self) -> Vec<(u32, Vec<u8>)> {
        let mut all = Vec::new();
        loop {
            let part = self.session.pending().to_vec();
            if part.is_empty() {
                return all;
            }
            self.reader.push(&part, MAX_CLIPBOARD_BYTES, |incoming| match incoming {
                Incoming::Message(message_type, body) => all.push((message_type, body)),
                Incoming::TooLong(message_type) => panic!("too long: {message_type}"),
            });
            self.session.sent(part.len());
        }
    }

    fn events(&mut self) -> Vec<AgentEvent> {
        self.session.take_events()
    }
}

fn selected(selection: u8, numbers: &[u32]) -> Vec<u8> {
    let mut body = vec![selection, 0, 0, 0];
    body.extend(numbers.iter().flat_map(|number| number.to_le_bytes()));
    body
}

fn u32_pair(a: u32, b: u32) -> Vec<u8> {
    [a, b].map(u32::to_le_bytes).concat()
}

#[test]
fn selections_other_than_the_clipboard_are_ignored() {
    let mut bench = Bench::with(ALL);
    bench.send(message::CLIPBOARD_GRAB, &selected(1, &[1]));
    assert_eq!(bench.events(), []);
    bench.send(message::CLIPBOARD_GRAB, &selected(0, &[5, 2, 1, 99, 1]));
    assert_eq!(bench.events(), [AgentEvent::ClipboardGrab(vec![ClipboardType::Png, ClipboardType::Text])]);
    bench.session.request_clipboard(ClipboardType::Text, bench.now);
    assert_eq!(bench.received(), [(message::CLIPBOARD_REQUEST, selected(0, &[1]))]);
    bench.send(message::CLIPBOARD, &[&selected(1, &[1])[..], b"primary"].concat());
    assert_eq!(bench.events(), []);
    bench.send(message::CLIPBOARD, &[&selected(0, &[1])[..], b"clipboard"].concat());
    assert_eq!(bench.events(), [AgentEvent::ClipboardData(ClipboardType::Text, Some(b"clipboard".to_vec()))]);
    bench.send(message::CLIPBOARD, &[&selected(0, &[1])[..], b"unrequested"].concat());
    assert_eq!(bench.events(), []);
    bench.send(message::CLIPBOARD_RELEASE, &selected(0, &[]));
    assert_eq!(bench.events(), [AgentEvent::ClipboardGrab(vec![])]);
}

#[test]
fn agents_without_selections_get_messages_without_them() {
    let mut bench = Bench::with(&[Capabilities::CLIPBOARD_BY_DEMAND]);
    bench.session.grab_clipboard(&[ClipboardType::Text]);
    assert_eq!(bench.received(), [(message::CLIPBOARD_GRAB, 1u32.to_le_bytes().to_vec())]);
    bench.send(message::CLIPBOARD_REQUEST, &1u32.to_le_bytes());
    assert_eq!(bench.events(), [AgentEvent::ClipboardRequest(ClipboardType::Text)]);
    bench.session.send_clipboard(ClipboardType::Text, Some(b"x".to_vec()));
    assert_eq!(bench.received(), [(message::CLIPBOARD, [&1u32.to_le_bytes()[..], b"x"].concat())]);
}

#[test]
fn line_ends_are_converted_for_each_side() {
    let mut bench = Bench::with(&[Capabilities::CLIPBOARD_BY_DEMAND, Capabilities::GUEST_LINEEND_CRLF]);
    bench.send(message::CLIPBOARD_GRAB, &1u32.to_le_bytes());
    bench.session.request_clipboard(ClipboardType::Text, bench.now);
    bench.received();
    bench.send(message::CLIPBOARD, &[&1u32.to_le_bytes()[..], b"a\r\nb\n"].concat());
    assert_eq!(
        bench.events().pop(),
        Some(AgentEvent::ClipboardData(ClipboardType::Text, Some(b"a\nb\n".to_vec())))
    );
    bench.session.grab_clipboard(&[ClipboardType::Text, ClipboardType::Png]);
    bench.received();
    for (number, kind, expected) in
        [(1u32, ClipboardType::Text, &b"a\r\nb\r\n"[..]), (2, ClipboardType::Png, b"a\nb\r\n")]
    {
        bench.send(message::CLIPBOARD_REQUEST, &number.to_le_bytes());
        bench.session.send_clipboard(kind, Some(b"a\nb\r\n".to_vec()));
        assert_eq!(bench.received(), [(message::CLIPBOARD, [&number.to_le_bytes()[..], expected].concat())]);
    }
}

#[test]
fn clipboard_requests_time_out_on_either_side() {
    let mut bench = Bench::with(ALL);
    bench.send(message::CLIPBOARD_GRAB, &selected(0, &[1]));
    bench.session.request_clipboard(ClipboardType::Text, bench.now);
    bench.received();
    bench.events();
    let due = bench.session.deadline().unwrap();
    bench.session.tick(due - Duration::from_millis(1));
    assert_eq!(bench.events(), []);
    bench.session.tick(due);
    assert_eq!(bench.events(), [AgentEvent::ClipboardData(ClipboardType::Text, None)]);

    bench.session.grab_clipboard(&[ClipboardType::Text]);
    bench.received();
    bench.send(message::CLIPBOARD_REQUEST, &selected(0, &[1]));
    bench.send(message::CLIPBOARD_REQUEST, &selected(0, &[1]));
    assert_eq!(
        bench.events(),
        [AgentEvent::ClipboardRequest(ClipboardType::Text)],
        "once, however often it asks"
    );
    bench.session.tick(bench.session.deadline().unwrap());
    assert_eq!(bench.received(), [(message::CLIPBOARD, selected(0, &[1]))], "there is nothing to paste");
    bench.session.send_clipboard(ClipboardType::Text, Some(b"too late".to_vec()));
    assert_eq!(bench.received(), []);
    assert_eq!(bench.session.deadline(), None);
}

#[test]
fn a_restarted_agent_gets_layout_and_grab_again() {
    let mut bench = Bench::with(ALL);
    let monitors = [MonConfig { x: 0, y: 0, width: 800, height: 600 }];
    bench.session.set_monitors_config(&monitors);
    bench.session.grab_clipboard(&[ClipboardType::Png]);
    let repeated = bench.received();
    assert_eq!(
        repeated,
        [
            (message::MONITORS_CONFIG, wire::monitors_config(&monitors)),
            (message::CLIPBOARD_GRAB, selected(0, &[2])),
        ]
    );
    bench.session.start_file(7, "x", 10);
    bench.received();
    bench.session.closed();
    assert!(matches!(
        &bench.events()[..],
        [
            AgentEvent::FileXfer(7, FileXferEvent::Failed(_)),
            AgentEvent::Features(AgentFeatures { clipboard: false, .. })
        ]
    ));
    bench.reader = ChunkReader::new();
    bench.session.opened();
    bench.send(message::ANNOUNCE_CAPABILITIES, &wire::announce(true, Capabilities::of(ALL)));
    let again = bench.received();
    assert_eq!(&again[1..], repeated);

    // The port was not seen to close, but this agent has only just begun.
    bench.send(message::CLIPBOARD_REQUEST, &selected(0, &[2]));
    bench.send(message::ANNOUNCE_CAPABILITIES, &wire::announce(true, Capabilities::of(ALL)));
    assert_eq!(&bench.received()[1..], repeated);
    bench.session.send_clipboard(ClipboardType::Png, Some(vec![1]));
    assert_eq!(bench.received(), [], "it was another agent that asked");

    // What the guest copied itself is not overwritten by an old offer.
    bench.send(message::CLIPBOARD_GRAB, &selected(0, &[1]));
    bench.session.closed();
    bench.session.opened();
    bench.reader = ChunkReader::new();
    bench.send(message::ANNOUNCE_CAPABILITIES, &wire::announce(true, Capabilities::of(ALL)));
    assert!(!bench.received().iter().any(|(kind, _)| *kind == message::CLIPBOARD_GRAB));
}

#[test]
fn monitors_that_are_off_are_left_out_for_agents_without_sparse_layouts() {
    let on = MonConfig { x: 0, y: 0, width: 800, height: 600 };
    let off = MonConfig { x: 0, y: 0, width: 0, height: 0 };
    let mut bench = Bench::with(&[Capabilities::MONITORS_CONFIG]);
    bench.session.set_monitors_config(&[off, on]);
    assert_eq!(bench.received(), [(message::MONITORS_CONFIG, wire::monitors_config(&[on]))]);
    bench.session.set_monitors_config(&[off, on]);
    assert_eq!(bench.received(), [], "it is told once");
    bench.send(message::REPLY, &u32_pair(message::MONITORS_CONFIG, 2));
    assert_eq!(bench.events(), [AgentEvent::MonitorsConfigReply { success: false }]);
}

#[test]
fn files_take_turns_wait_for_acceptance_and_end_once() {
    let mut bench = Bench::with(ALL);
    bench.session.start_file(1, "one", 100_000);
    bench.session.start_file(2, "two", 5);
    bench.session.file_data(1, &[1; 100_000]);
    bench.session.file_data(2, b"hello");
    let starts = bench.received();
    assert_eq!(starts.len(), 2, "no data before acceptance");
    assert_eq!(starts[1].1, b"\x02\0\0\0[vdagent-file-xfer]\nname=two\nsize=5\n\0");
    bench.send(message::FILE_XFER_STATUS, &u32_pair(1, file_status::CAN_SEND_DATA));
    bench.send(message::FILE_XFER_STATUS, &u32_pair(2, file_status::CAN_SEND_DATA));
    assert_eq!(
        bench.events(),
        [AgentEvent::FileXfer(1, FileXferEvent::Accepted), AgentEvent::FileXfer(2, FileXferEvent::Accepted)]
    );
    let order: Vec<u8> = bench.received().iter().map(|(_, body)| body[0]).collect();
    assert_eq!(order, [1, 2, 1]);
    assert_eq!(bench.events().last(), Some(&AgentEvent::FileXfer(1, FileXferEvent::Sent(100_000))));
    bench.send(message::FILE_XFER_STATUS, &u32_pair(1, file_status::SUCCESS));
    bench.send(message::FILE_XFER_STATUS, &u32_pair(1, file_status::SUCCESS));
    let free = (3u64 << 20).to_le_bytes();
    bench.send(message::FILE_XFER_STATUS, &[&u32_pair(2, file_status::NOT_ENOUGH_SPACE)[..], &free].concat());
    let text = "The desktop's disk has no room for the file; 3 MiB are free.".to_owned();
    assert_eq!(
        bench.events(),
        [AgentEvent::FileXfer(1, FileXferEvent::Done), AgentEvent::FileXfer(2, FileXferEvent::Failed(text))]
    );
    bench.session.file_data(2, b"more");
    bench.session.cancel_file(2);
    assert_eq!(bench.received(), []);
}

#[test]
fn an_agent_that_disabled_files_gets_none() {
    let mut bench = Bench::with(&[Capabilities::CLIPBOARD_BY_DEMAND, Capabilities::FILE_XFER_DISABLED]);
    bench.session.start_file(1, "one", 1);
    assert!(matches!(bench.events()[..], [AgentEvent::FileXfer(1, FileXferEvent::Failed(_))]));
    assert_eq!(bench.received(), []);
}

#[test]
fn contents_without_a_request_cost_no_memory() {
    let mut bench = Bench::with(ALL);
    bench.send(message::CLIPBOARD, &[0; 200_000]);
    assert_eq!(bench.session.refused_messages(), 1);
    bench.send(message::CLIPBOARD_GRAB, &selected(0, &[2]));
    bench.session.request_clipboard(ClipboardType::Png, bench.now);
    bench.received();
    bench.events();
    let long = [&selected(0, &[2])[..], &vec![7; MAX_CLIPBOARD_BYTES]].concat();
    bench.send(message::CLIPBOARD, &long);
    assert!(
        matches!(&bench.events()[..], [AgentEvent::ClipboardData(ClipboardType::Png, Some(all))] if all.len() == MAX_CLIPBOARD_BYTES)
    );
    bench.session.request_clipboard(ClipboardType::Png, bench.now);
    bench.received();
    bench.send(message::CLIPBOARD, &[&long[..], b"x"].concat());
    assert_eq!(bench.events(), [AgentEvent::ClipboardData(ClipboardType::Png, None)]);
}

#[test]
fn random_bytes_never_panic_and_the_next_agent_is_served() {
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
            bench.send(random(18) as u32, &body);
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
        bench.events();
        if random(10) == 0 {
            bench.session.closed();
            bench.session.opened();
        }
    }
    bench.session.closed();
    bench.events();
    bench.connect(ALL);
    assert!(matches!(bench.events()[..], [AgentEvent::Features(_)]));
}
