use super::session::SendSession;
use super::*;
use crate::port::{PortOpenState, pair};
use std::io::{BufRead, BufReader, Write};
use std::os::unix::net::UnixStream;
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

const CREDIT: u64 = 256 * 1024;

fn offered(name: &str, size: u64) -> FileEvent {
    FileEvent::Offered { name: name.into(), size }
}

/// Feeds the session as much of `bytes` as it takes, at most `at_once` at a time; returns how much.
fn feed(session: &mut SendSession, bytes: &[u8], at_once: usize) -> usize {
    let mut taken = 0;
    while taken < bytes.len() {
        let count = session.read_budget().min(at_once).min(bytes.len() - taken);
        if count == 0 {
            break;
        }
        session.received(&bytes[taken..taken + count]);
        taken += count;
    }
    taken
}

fn take_pending(session: &mut SendSession) -> String {
    let pending = String::from_utf8(session.pending().to_vec()).unwrap();
    session.sent(pending.len());
    pending
}

#[test]
fn a_file_goes_step_by_step_however_its_bytes_are_cut() {
    for at_once in [1, 7, 60 * 1024] {
        let mut session = SendSession::new(CREDIT);
        feed(&mut session, b"file 5 9\nr\xc3\xa9port.m", at_once);
        assert_eq!(session.take_events(), [(1, offered("réport.m", 5))]);
    }
    let mut session = SendSession::new(CREDIT);
    assert_eq!(feed(&mut session, b"file 5 1\nxhello", 1), 10, "nothing more is read before the answer");
    assert_eq!(
        (session.take_events(), take_pending(&mut session)),
        (vec![(1, offered("x", 5))], String::new())
    );
    session.accept(1);
    assert_eq!(take_pending(&mut session), "go\n");
    feed(&mut session, b"hello", 60);
    assert_eq!(take_pending(&mut session), "go\n");
    feed(&mut session, b"whole\n", 60);
    assert_eq!(session.take_events(), [(1, FileEvent::Data(b"hello".to_vec())), (1, FileEvent::Complete)]);
    session.acknowledge(1, 4);
    assert_eq!(take_pending(&mut session), "", "it is not stored yet");
    session.acknowledge(1, 5);
    assert_eq!(take_pending(&mut session), "done\n");
    feed(&mut session, b"file 0 1\ny", 60);
    session.accept(2);
    feed(&mut session, b"whole\n", 60);
    session.acknowledge(2, 0);
    assert_eq!(take_pending(&mut session), "go\ndone\n");
    assert_eq!(session.take_events(), [(2, offered("y", 0)), (2, FileEvent::Complete)]);
}

#[test]
fn no_more_is_read_than_is_stored_and_the_credit() {
    let mut session = SendSession::new(CREDIT);
    feed(&mut session, b"file 3000000 1\nx", 60);
    session.accept(1);
    session.take_events();
    take_pending(&mut session);
    let bytes = vec![7; 3_000_000];
    let mut at = 0;
    let mut answers = 0;
    while at < bytes.len() {
        let taken = feed(&mut session, &bytes[at..], 1 << 20);
        assert!(taken as u64 <= CREDIT && taken > 0, "{taken}");
        at += taken;
        assert!(session.read_budget() == 0 || at == bytes.len(), "the credit is used up");
        answers += take_pending(&mut session).lines().filter(|line| *line == "go").count();
        session.acknowledge(1, at as u64);
        // One that claims more than there was gets no more for it.
        session.acknowledge(1, u64::MAX);
    }
    assert_eq!(answers, 3, "one for each piece");
}

#[test]
fn a_rejected_file_leaves_room_for_the_next() {
    let mut session = SendSession::new(CREDIT);
    feed(&mut session, b"file 5 1\nx", 60);
    session.reject(9, "Not this one.");
    session.reject(1, "No.");
    assert_eq!(take_pending(&mut session), "no No.\n");
    feed(&mut session, b"file 5 1\nx", 60);
    session.accept(2);
    feed(&mut session, b"he", 60);
    session.reject(2, "Enough.");
    assert_eq!(take_pending(&mut session), "go\n");
    feed(&mut session, b"llo", 60);
    assert_eq!(take_pending(&mut session), "no Enough.\n");
    feed(&mut session, b"file 1 1\nx", 60);
    session.accept(3);
    feed(&mut session, b"h", 60);
    session.reject(3, "Enough.");
    take_pending(&mut session);
    feed(&mut session, b"whole\n", 60);
    assert_eq!(take_pending(&mut session), "no Enough.\n");
    feed(&mut session, b"file 1 1\nx", 60);
    session.accept(4);
    feed(&mut session, b"hbroken\n", 60);
    session.take_events();
    take_pending(&mut session);
    feed(&mut session, b"file 1 1\nz", 60);
    assert_eq!(session.take_events(), [(5, offered("z", 1))]);
    assert_eq!(session.refused_messages(), 0);
}

#[test]
fn bytes_that_break_the_protocol_are_discarded_until_the_port_is_closed() {
    let long_name = format!("file 1 {}\n", header::MAX_NAME + 1);
    for invalid in [
        "\n",
        "file\n",
        "file 1\n",
        "file +1 1\n",
        "file -1 1\n",
        "file 1 0\n",
        "file  1 1\n",
        "file 18446744073709551616 1\n",
        &long_name,
        "file 1 99999999999999999999999\n",
        &"x".repeat(100),
        "\u{0}\u{0}\u{0}\n",
    ] {
        let mut session = SendSession::new(CREDIT);
        feed(&mut session, invalid.as_bytes(), 1000);
        feed(&mut session, b"\nfile 1 1\nx", 1000);
        assert_eq!(session.take_events(), [], "{invalid:?}");
        assert_eq!(session.refused_messages(), 1, "{invalid:?}");
        assert!(take_pending(&mut session).starts_with("no "));
        session.closed();
        feed(&mut session, b"file 18446744073709551615 1\nx", 1000);
        assert_eq!(session.take_events(), [(1, offered("x", u64::MAX))], "{invalid:?}");
    }
}

#[test]
fn random_bytes_deliver_no_more_than_the_credit() {
    let mut random = 0x5eed_u64;
    let mut next = move || {
        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (random >> 33) as usize
    };
    let scraps: [&[u8]; 8] =
        [b"file ", b"9 2\n", b"ab", b"whole\n", b"broken\n", b"\xff\xfe", b"file 70000 1\nx", b"\n"];
    let mut session = SendSession::new(1000);
    for _ in 0..50_000 {
        match next() % 8 {
            0 => session.closed(),
            1 => session.accept(session.last_id()),
            2 => session.acknowledge(session.last_id(), next() as u64 % 100_000),
            3 if next() % 4 == 0 => session.reject(session.last_id(), "No."),
            _ => drop(feed(&mut session, scraps[next() % scraps.len()], 60)),
        }
        let bytes: usize = session
            .take_events()
            .iter()
            .map(|(_, event)| if let FileEvent::Data(bytes) = event { bytes.len() } else { 0 })
            .sum();
        assert!(bytes <= 1000 && session.pending().len() < 4096, "{bytes}");
        session.sent(usize::MAX);
    }
}

struct Bench {
    files: GuestFileReceiver,
    events: Receiver<(u32, FileEvent)>,
    guest: UnixStream,
    open_state: PortOpenState,
}

impl Bench {
    fn new() -> Self {
        let (end, guest, open_state) = pair().unwrap();
        let (sender, events) = channel();
        let files =
            GuestFileReceiver::start(end, CREDIT, move |file, event| sender.send((file, event)).unwrap())
                .unwrap();
        guest.set_nonblocking(false).unwrap();
        Self { files, events, guest, open_state }
    }

    fn next(&self) -> (u32, FileEvent) {
        self.events.recv_timeout(Duration::from_secs(60)).unwrap()
    }
}

#[test]
fn a_slow_receiver_makes_the_guest_wait_and_gets_every_byte() {
    let bench = Bench::new();
    bench.open_state.set_open(true);
    let contents: Vec<u8> = (0..5_000_000u32).map(|n| (n.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
    let (mut writer, sent) = (bench.guest.try_clone().unwrap(), contents.clone());
    let program = std::thread::spawn(move || {
        let mut answers = BufReader::new(writer.try_clone().unwrap()).lines();
        let mut go = || assert_eq!(answers.next().unwrap().unwrap(), "go");
        writer.write_all(format!("file {} 5\na.bin", sent.len()).as_bytes()).unwrap();
        go();
        for piece in sent.chunks(1 << 20) {
            writer.write_all(piece).unwrap();
            go();
        }
        writer.write_all(b"whole\n").unwrap();
        answers.next().unwrap().unwrap()
    });
    assert_eq!(bench.next(), (1, offered("a.bin", 5_000_000)));
    bench.files.accept(1);
    let mut got = Vec::new();
    let mut stored = 0;
    loop {
        match bench.next() {
            (1, FileEvent::Data(bytes)) => got.extend(bytes),
            (1, FileEvent::Complete) => break,
            other => panic!("{other:?}"),
        }
        assert!(got.len() as u64 - stored <= CREDIT);
        if got.len() as u64 - stored == CREDIT && got.len() < contents.len() {
            assert!(
                bench.events.recv_timeout(Duration::from_millis(5)).is_err(),
                "without credit nothing comes"
            );
            stored = got.len() as u64;
            bench.files.acknowledge(1, stored);
        }
    }
    assert!(got == contents);
    bench.files.acknowledge(1, got.len() as u64);
    assert_eq!(program.join().unwrap(), "done");
}

#[test]
fn a_program_that_closes_the_port_aborts_its_file_and_the_next_begins_anew() {
    let bench = Bench::new();
    let mut guest = &bench.guest;
    for id in 1..=3 {
        bench.open_state.discard_unread();
        bench.open_state.set_open(true);
        guest.write_all(b"file 100 1\nx").unwrap();
        assert_eq!(bench.next(), (id, offered("x", 100)));
        bench.files.accept(id);
        guest.write_all(b"half").unwrap();
        assert_eq!(bench.next(), (id, FileEvent::Data(b"half".to_vec())));
        bench.open_state.set_open(false);
        assert_eq!(bench.next(), (id, FileEvent::Aborted));
    }
    guest.write_all(b"a line of a program that has closed the port\n").unwrap();
    assert!(bench.events.recv_timeout(Duration::from_millis(20)).is_err());
    bench.open_state.discard_unread();
    bench.open_state.set_open(true);
    guest.write_all(b"file 1 1\ny").unwrap();
    assert_eq!(bench.next(), (4, offered("y", 1)));
}
