//! Encoding of messages out of their number and body.

use crate::MessageKind;
use serde::Serialize;

pub(crate) fn message(kind: MessageKind, parts: &[&[u8]]) -> Vec<u8> {
    let mut out = vec![kind.number()];
    parts.iter().for_each(|part| out.extend_from_slice(part));
    out
}

/// Message with a JSON body. The bodies are plain structs of this crate: writing them cannot fail.
pub(crate) fn json(kind: MessageKind, body: &impl Serialize) -> Vec<u8> {
    let mut out = vec![kind.number()];
    let written = serde_json::to_writer(&mut out, body);
    debug_assert!(written.is_ok(), "{written:?}");
    out
}
