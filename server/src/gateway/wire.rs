//! What the gateway must know of `display/PROTOCOL.md`.

use bytes::Bytes;
use serde::Serialize;

/// A message from the client has at most so many bytes.
pub const LONGEST_FROM_CLIENT: usize = 64 * 1024;
/// A message from a machine has at most so many; a whole 4K picture without any compression has half.
pub const LONGEST_FROM_MACHINE: usize = 64 * 1024 * 1024;

const NOTICE: u8 = 0x06;
const CLOSED: u8 = 0x08;

/// Why a stream ends, as `Closed` says it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CloseCode {
    /// The client sent what is no message.
    Malformed,
    /// The desktop stopped or did not start.
    Stopped,
    /// The person may no longer watch.
    Forbidden,
    /// The server's own fault.
    Internal,
}

impl CloseCode {
    fn as_str(self) -> &'static str {
        match self {
            Self::Malformed => "malformed",
            Self::Stopped => "stopped",
            Self::Forbidden => "forbidden",
            Self::Internal => "internal",
        }
    }
}

/// A `Notice` message.
pub fn notice(kind: &'static str, text: &str) -> Bytes {
    #[derive(Serialize)]
    struct Notice<'a> {
        kind: &'a str,
        text: &'a str,
    }
    message(NOTICE, &Notice { kind, text })
}

/// A `Closed` message.
pub fn closed(code: CloseCode, text: &str) -> Bytes {
    #[derive(Serialize)]
    struct Closed<'a> {
        code: &'a str,
        text: &'a str,
    }
    message(CLOSED, &Closed { code: code.as_str(), text })
}

fn message(kind: u8, body: &impl Serialize) -> Bytes {
    let mut bytes = vec![kind];
    // Two strings always become JSON; and a message without a body is malformed, not unsafe.
    let _ = serde_json::to_writer(&mut bytes, body);
    bytes.into()
}

/// Whether the message is the last one.
pub fn is_closed(message: &[u8]) -> bool {
    message.first() == Some(&CLOSED)
}

/// Whether the message acts on the guest: keys, pointer, buttons, wheel, screens, clipboard, files, what
/// a microphone hears.
pub fn is_input(message: &[u8]) -> bool {
    matches!(message.first(), Some(0x83..=0x87 | 0x8C..=0x93 | 0x95 | 0x97 | 0x98))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_input_and_nothing_else_is_input() {
        let inputs: Vec<u8> = (0..=255).filter(|kind| is_input(&[*kind, 0])).collect();
        assert_eq!(
            inputs,
            [0x83, 0x84, 0x85, 0x86, 0x87, 0x8C, 0x8D, 0x8E, 0x8F, 0x90, 0x91, 0x92, 0x93, 0x95, 0x97, 0x98]
        );
        assert!(!is_input(&[]));
    }

    #[test]
    fn messages_are_their_type_and_json() {
        assert_eq!(
            &notice("starting", "A \"b\".")[..],
            b"\x06{\"kind\":\"starting\",\"text\":\"A \\\"b\\\".\"}"
        );
        let closed = closed(CloseCode::Stopped, "Off.");
        assert_eq!(&closed[..], b"\x08{\"code\":\"stopped\",\"text\":\"Off.\"}");
        assert!(is_closed(&closed));
    }
}
