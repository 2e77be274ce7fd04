//! spice-vdagent: messages of a hostile agent, between requests of the host.

use crate::script::Reader;
use oriel_agents::spice::{AgentEvent, ClipboardType, MonConfig, VdAgentSession};
use std::time::{Duration, Instant};

/// Maximum number of bytes that an action may cause besides file data and clipboard contents.
const MOST_SAID: usize = 1 << 20;
/// Maximum number of actions of a script.
const MOST_ACTS: usize = 400;

/// Runs the target with one input.
pub fn run(script: &[u8]) {
    let mut session = VdAgentSession::new();
    let mut now = Instant::now();
    session.opened();
    let mut script = Reader(script);
    let mut given = 0;
    for _ in 0..MOST_ACTS {
        if script.0.is_empty() {
            break;
        }
        given += act(&mut session, &mut script, &mut now);
        given += answer(&mut session);
        let said = hear(&mut session);
        assert!(said <= given + MOST_SAID, "{said} bytes were said");
    }
    // In any state, the next agent can connect.
    session.closed();
    assert!(!session.is_connected());
    session.opened();
    session.received(&ANNOUNCEMENT, now);
    assert!(session.is_connected());
}

/// Chunk with ANNOUNCE_CAPABILITIES of an agent without capabilities.
const ANNOUNCEMENT: [u8; 36] = {
    let mut bytes = [0; 36];
    // Port and length of the chunk; protocol, type, opaque and length of the message; the body.
    bytes[0] = 1;
    bytes[4] = 28;
    bytes[8] = 1;
    bytes[12] = 6;
    bytes[24] = 8;
    bytes
};

/// Performs an action on the session; returns the number of bytes given to the session for sending.
fn act(session: &mut VdAgentSession, script: &mut Reader, now: &mut Instant) -> usize {
    let kinds = |bits: u8| -> Vec<ClipboardType> {
        ClipboardType::ALL
            .into_iter()
            .enumerate()
            .filter(|(i, _)| bits >> i & 1 == 1)
            .map(|(_, kind)| kind)
            .collect()
    };
    let kind = script.u8();
    match kind % 16 {
        0..=7 => {
            let len = usize::from(script.u16());
            session.received(script.bytes(len), *now);
        }
        8 => session.grab_clipboard(&kinds(script.u8())),
        9 => kinds(script.u8()).into_iter().for_each(|kind| session.request_clipboard(kind, *now)),
        10 => {
            let monitor = |script: &mut Reader| MonConfig {
                x: i32::from(script.u16()),
                y: i32::from(script.u16()),
                width: script.u16().into(),
                height: script.u16().into(),
            };
            let count = script.u8() % 5;
            session.set_monitors_config(&(0..count).map(|_| monitor(script)).collect::<Vec<_>>());
        }
        11 => session.start_file(u32::from(script.u8() % 4), "a file", script.u16().into()),
        12 => {
            let (file, len) = (script.u8() % 4, usize::from(script.u16()));
            session.file_data(file.into(), &vec![7; len]);
            return len;
        }
        13 => session.cancel_file(u32::from(script.u8() % 4)),
        14 => {
            *now += Duration::from_millis(script.u16().into());
            session.tick(*now);
            assert!(session.deadline().is_none_or(|deadline| deadline > *now), "time is over and goes on");
        }
        _ => {
            session.closed();
            session.opened();
        }
    }
    0
}

/// Answers the session's events; returns the number of bytes given to the session for sending.
fn answer(session: &mut VdAgentSession) -> usize {
    let mut given = 0;
    for news in session.take_events() {
        if let AgentEvent::ClipboardRequest(kind) = news {
            let contents = vec![b'\n'; 5000];
            // The conversion of line ends may double the length.
            given += 2 * contents.len();
            session.send_clipboard(kind, Some(contents));
        }
    }
    given
}

/// Takes all pending bytes; returns their number.
fn hear(session: &mut VdAgentSession) -> usize {
    let mut said = 0;
    loop {
        let part = session.pending().len();
        if part == 0 {
            return said;
        }
        said += part;
        session.sent(part);
        assert!(said < 64 << 20, "it never ends");
    }
}
