//! Messages of a browser: every message that decodes must encode and decode to the same message.

use oriel_wire::{ClientMessage, Decoded};

/// Runs the target with one input.
pub fn run(bytes: &[u8]) {
    if let Ok(Decoded::Known(message)) = ClientMessage::decode(bytes) {
        let again = ClientMessage::decode(&message.encode());
        assert!(matches!(again, Ok(Decoded::Known(same)) if same == message));
    }
}
