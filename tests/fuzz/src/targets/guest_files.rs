//! oriel-send's port: bytes of a hostile program in the guest, between answers of the host.

use crate::script::Reader;
use oriel_agents::send::{FileEvent, SendSession};

/// Maximum number of reported bytes that are not stored.
const CREDIT: u64 = 5000;
/// Maximum length of pending answers in bytes.
const MOST_SAID: usize = 1 << 10;
/// Maximum number of actions of a script.
const MOST_ACTS: usize = 400;

/// Runs the target with one input.
pub fn run(script: &[u8]) {
    let mut session = SendSession::new(CREDIT);
    let mut script = Reader(script);
    let (mut file, mut passed, mut stored) = (0, 0_u64, 0);
    for _ in 0..MOST_ACTS {
        if script.0.is_empty() {
            break;
        }
        match script.u8() % 8 {
            0 => session.accept(file),
            1 => {
                stored = passed.min(stored + u64::from(script.u16()));
                session.acknowledge(file, stored);
            }
            2 => session.acknowledge(file, script.u64()),
            3 => session.reject(file, "No."),
            4 => session.closed(),
            _ => {
                let bytes = script.piece();
                let mut left = bytes.as_slice();
                while !left.is_empty() && session.read_budget() > 0 {
                    let (now, later) = left.split_at(left.len().min(session.read_budget()));
                    session.received(now);
                    left = later;
                }
            }
        }
        for (number, event) in session.take_events() {
            match event {
                FileEvent::Offered { .. } => (file, passed, stored) = (number, 0, 0),
                FileEvent::Data(bytes) => {
                    assert_eq!(number, file, "a file that was not offered last");
                    passed += bytes.len() as u64;
                }
                FileEvent::Complete | FileEvent::Aborted => assert_eq!(number, file),
            }
        }
        assert!(session.pending().len() <= MOST_SAID, "{:?}", session.pending());
        session.sent(usize::MAX);
    }
    // In any state, the next program can send a file.
    session.closed();
    session.take_events();
    session.received(b"file 1 1\nx");
    assert!(matches!(session.take_events()[..], [(_, FileEvent::Offered { size: 1, .. })]));
}
