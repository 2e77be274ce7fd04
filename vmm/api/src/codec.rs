//! Encoding of control messages as lines of JSON, and decoding with a count of unknown fields.
//!
//! Within one version of the control messages, either end may send fields that the other end does
//! not support. The decoder ignores such fields and counts them for the machine's and the client's
//! counters. This module neither reads nor writes sockets.

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

/// Longest line in bytes that a client accepts after the handshake. The machine's own limit for
/// requests is lower: 64 KiB.
pub const MAX_LINE: usize = 256 * 1024;

/// Longest line of the handshake, in either direction, in bytes.
pub const MAX_HANDSHAKE_LINE: usize = 4096;

/// Decoded message with the number of its unknown fields.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decoded<T> {
    /// Message without the unknown fields.
    pub message: T,
    /// Number of fields, at any depth of the JSON, that the type `T` does not have. Fields with the
    /// value null are not counted.
    pub unknown_fields: u64,
}

/// Encodes `message` as one line of JSON that ends with a line feed.
///
/// # Errors
/// When a map in the message has keys other than strings; no type of this crate has such a map.
pub fn encode(message: &impl Serialize) -> serde_json::Result<Vec<u8>> {
    let mut line = serde_json::to_vec(message)?;
    line.push(b'\n');
    Ok(line)
}

/// Decodes one line of JSON, with or without its line feed, as a `T`.
///
/// # Errors
/// When the line is not JSON, or not the JSON of a `T`.
pub fn decode<T: Serialize + DeserializeOwned>(line: &[u8]) -> serde_json::Result<Decoded<T>> {
    from_value(&serde_json::from_slice(line)?)
}

/// Decodes a JSON value as a `T`.
///
/// # Errors
/// When the value is not the JSON of a `T`.
pub fn from_value<T: Serialize + DeserializeOwned>(value: &Value) -> serde_json::Result<Decoded<T>> {
    let message = T::deserialize(value)?;
    // Encoding the message again leaves out the fields that its type does not have.
    let unknown_fields = count_unknown(value, &serde_json::to_value(&message)?);
    Ok(Decoded { message, unknown_fields })
}

/// Counts the fields of `sent` that `known` does not have, at any depth. Fields with the value null
/// are not counted: an absent option may be sent as null.
fn count_unknown(sent: &Value, known: &Value) -> u64 {
    match (sent, known) {
        (Value::Object(sent), Value::Object(known)) => sent
            .iter()
            .map(|(name, value)| match known.get(name) {
                Some(known) => count_unknown(value, known),
                None => u64::from(!value.is_null()),
            })
            .sum(),
        (Value::Array(sent), Value::Array(known)) => {
            sent.iter().zip(known).map(|(sent, known)| count_unknown(sent, known)).sum()
        }
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Event, Request};

    #[test]
    fn unknown_fields_are_ignored_and_counted_at_any_depth() {
        let line = br#"{"id":3,"do":"resize","screens":[[800,600]],"hurry":true,"nothing":null}"#;
        let decoded: Decoded<Request> = decode(line).unwrap();
        assert_eq!((decoded.message.id, decoded.unknown_fields), (3, 1));
        let line = br#"{"event":"state","state":"paused","reason":"disk_full","more":{"a":1,"b":2}}"#;
        assert_eq!(decode::<Event>(line).unwrap().unknown_fields, 1);
        let line = br#"{"event":"screen","width":1,"height":2}"#;
        assert_eq!(decode::<Event>(line).unwrap().unknown_fields, 0);
    }

    #[test]
    fn what_is_no_message_is_an_error() {
        for line in [&b""[..], b"\xFF", b"[]", b"{\"id\":3}", b"{\"id\":-1,\"do\":\"stop\"}"] {
            assert!(decode::<Request>(line).is_err());
        }
    }
}
