//! Whatever a browser sends: what is understood is written and read the same again.

use oriel_wire::{ClientMessage, Decoded};

pub fn run(bytes: &[u8]) {
    if let Ok(Decoded::Known(message)) = ClientMessage::decode(bytes) {
        let again = ClientMessage::decode(&message.encode());
        assert!(matches!(again, Ok(Decoded::Known(same)) if same == message));
    }
}
