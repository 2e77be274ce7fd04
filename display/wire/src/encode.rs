//! Encoding of a message from its kind and the parts of its body.

use crate::MessageKind;
use serde::Serialize;

/// Encoded message: the number of the kind, then the parts of the body.
pub(crate) fn message(kind: MessageKind, parts: &[&[u8]]) -> Vec<u8> {
    let mut out = vec![kind.number()];
    parts.iter().for_each(|part| out.extend_from_slice(part));
    out
}

/// Encoded message with a JSON body. Bodies are plain structs of this crate, so that serialisation cannot fail.
pub(crate) fn json(kind: MessageKind, body: &impl Serialize) -> Vec<u8> {
    let mut out = vec![kind.number()];
    let written = serde_json::to_writer(&mut out, body);
    debug_assert!(written.is_ok(), "{written:?}");
    out
}
