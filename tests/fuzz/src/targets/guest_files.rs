//! oriel-send's port: all that a program in a guest may write, in between what is answered to it.

use crate::script::Reader;
use oriel_agents::send::{Conversation, News};

/// Bytes that may be told of and are not stored.
const CREDIT: u64 = 5000;
/// No answer, however many are due at once, is longer.
const MOST_SAID: usize = 1 << 10;
const MOST_ACTS: usize = 400;

pub fn run(script: &[u8]) {
    let mut conversation = Conversation::new(CREDIT);
    let mut script = Reader(script);
    let (mut file, mut passed, mut stored) = (0, 0_u64, 0);
    for _ in 0..MOST_ACTS {
        if script.0.is_empty() {
            break;
        }
        match script.u8() % 8 {
            0 => conversation.take(file),
            1 => {
                stored = passed.min(stored + u64::from(script.u16()));
                conversation.taken(file, stored);
            }
            2 => conversation.taken(file, script.u64()),
            3 => conversation.refuse(file, "No."),
            4 => conversation.closed(),
            _ => {
                let bytes = script.piece();
                let mut left = bytes.as_slice();
                while !left.is_empty() && conversation.wanted() > 0 {
                    let (now, later) = left.split_at(left.len().min(conversation.wanted()));
                    conversation.received(now);
                    left = later;
                }
            }
        }
        for (number, news) in conversation.take_news() {
            match news {
                News::Offered { .. } => (file, passed, stored) = (number, 0, 0),
                News::Bytes(bytes) => {
                    assert_eq!(number, file, "a file that was not offered last");
                    passed += bytes.len() as u64;
                }
                News::Whole | News::Gone => assert_eq!(number, file),
            }
        }
        assert!(conversation.pending().len() <= MOST_SAID, "{:?}", conversation.pending());
        conversation.sent(usize::MAX);
    }
    // Whatever happened, the next program is heard.
    conversation.closed();
    conversation.take_news();
    conversation.received(b"file 1 1\nx");
    assert!(matches!(conversation.take_news()[..], [(_, News::Offered { size: 1, .. })]));
}
