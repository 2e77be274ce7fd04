//! Lines of JSON on the control socket: encoding, and decoding that counts unknown fields.
//!
//! Within one version of the control messages either end may send fields that the other does not
//! know. Such fields are ignored, and counted so that they are seen.

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

/// Longest line in bytes that either end accepts after the handshake. Neither end trusts the other.
pub const MAX_LINE: usize = 256 * 1024;

/// Longest first line and longest answer to it, in bytes.
pub const MAX_HANDSHAKE_LINE: usize = 4096;

/// A decoded message and the number of its fields that this version does not know.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decoded<T> {
    /// The message.
    pub message: T,
    /// Fields of the line, at any depth, that the message's type does not have.
    pub unknown_fields: u64,
}

/// Encodes `message` as one line of JSON that ends with a line feed.
///
/// # Errors
/// When a map of the message has keys that are no strings; none of this crate's does.
pub fn encode(message: &impl Serialize) -> serde_json::Result<Vec<u8>> {
    let mut line = serde_json::to_vec(message)?;
    line.push(b'\n');
    Ok(line)
}

/// Decodes a line of JSON, with or without its line feed.
///
/// # Errors
/// When the line is no JSON, or not the JSON of a `T`.
pub fn decode<T: Serialize + DeserializeOwned>(line: &[u8]) -> serde_json::Result<Decoded<T>> {
    from_value(&serde_json::from_slice(line)?)
}

/// Decodes a JSON value.
///
/// # Errors
/// When the value is not that of a `T`.
pub fn from_value<T: Serialize + DeserializeOwned>(value: &Value) -> serde_json::Result<Decoded<T>> {
    let message = T::deserialize(value)?;
    // What the message says of itself is what was known of the line.
    let unknown_fields = count_unknown(value, &serde_json::to_value(&message)?);
    Ok(Decoded { message, unknown_fields })
}

/// Fields of `sent` that `known` does not have. A field that is null says nothing.
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
