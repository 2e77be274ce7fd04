//! Tests of a machine that waits for space on the host's disk, with the messages that QEMU sends then.

use super::*;
use oriel_wire::Size;
use std::io::{BufRead, BufReader, Write};
use std::os::unix::net::UnixStream;
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::{Duration, Instant};

/// Far longer than a wait takes; only a failure waits so long.
const PATIENCE: Duration = Duration::from_secs(60);

/// Answers commands as QEMU does whose disk has no space for the first `failures` attempts to continue.
fn qemu(stream: UnixStream, mut failures: usize) {
    let mut to = stream.try_clone().unwrap();
    let mut say = move |line: &str| writeln!(to, "{line}").is_ok();
    say(
        r#"{"QMP": {"version": {"qemu": {"micro": 22, "minor": 2, "major": 7}, "package": ""}, "capabilities": []}}"#,
    );
    let mut status = "running";
    for line in BufReader::new(stream).lines().map_while(Result::ok) {
        let command: Value = serde_json::from_str(&line).unwrap();
        let id = &command["id"];
        match command["execute"].as_str().unwrap() {
            "query-status" => say(&format!(r#"{{"return": {{"status": "{status}"}}, "id": {id}}}"#)),
            "cont" => {
                say(&format!(r#"{{"return": {{}}, "id": {id}}}"#));
                say(r#"{"event": "RESUME"}"#);
                status = "running";
                if failures > 0 {
                    failures -= 1;
                    status = "io-error";
                    say(r#"{"event": "BLOCK_IO_ERROR", "data": {"nospace": true, "action": "stop"}}"#);
                    say(r#"{"event": "STOP"}"#);
                }
                true
            }
            _ => say(&format!(r#"{{"return": {{}}, "id": {id}}}"#)),
        };
    }
}

/// Connects a tracker to a QEMU whose first `failures` attempts to continue fail, and continues it.
fn started(failures: usize) -> (Arc<StateTracker>, Qmp, Receiver<Event>) {
    let (ours, theirs) = UnixStream::pair().unwrap();
    thread::spawn(move || qemu(theirs, failures));
    let counters = Arc::new(Counters::default());
    let (sender, events) = channel();
    let tracker = Arc::new(StateTracker::new(
        64,
        Monitors::new(1, Size::new(640, 480)),
        Arc::clone(&counters),
        InputQueue::new(counters),
        PortListeners::new(Vec::new()),
        sender,
    ));
    let follower = Arc::clone(&tracker);
    let (qmp, _, _) = Qmp::connect(ours, move |qmp, event| follower.handle_event(qmp, event)).unwrap();
    qmp.execute(&Command::Cont).unwrap();
    (tracker, qmp, events)
}

fn state(state: RunState, reason: Option<PauseReason>) -> Event {
    Event::State { state, reason }
}

#[test]
fn a_guest_that_waits_for_space_goes_on_by_itself_once_there_is_some() {
    let (tracker, _qmp, events) = started(3);
    let next = || events.recv_timeout(PATIENCE).expect("a change of the state");
    assert_eq!(next(), state(RunState::Running, None));
    assert_eq!(next(), state(RunState::Paused, Some(PauseReason::DiskFull)));
    assert_eq!(next(), state(RunState::Running, None), "without a change at each attempt");
    assert_eq!(tracker.state(), RunState::Running);
    assert!(events.try_recv().is_err());
}

#[test]
fn a_user_who_pauses_a_guest_that_waits_for_space_is_obeyed() {
    let (tracker, _qmp, events) = started(1000);
    let next = || events.recv_timeout(PATIENCE).expect("a change of the state");
    assert_eq!(next(), state(RunState::Running, None));
    assert_eq!(next(), state(RunState::Paused, Some(PauseReason::DiskFull)));
    tracker.record_pause_request();
    assert_eq!(next(), state(RunState::Paused, None));
    let deadline = Instant::now() + Duration::from_secs(5);
    while Instant::now() < deadline {
        assert!(events.recv_timeout(Duration::from_millis(500)).is_err(), "it is continued");
    }
}
