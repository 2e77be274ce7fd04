//! Whatever a machine process that a guest has taken over could send to a client: frames are painted too.

use oriel_display::Canvas;
use oriel_wire::{Decoded, ServerMessage};

pub fn run(bytes: &[u8]) {
    if let Ok(Decoded::Known(ServerMessage::Frame(frame))) = ServerMessage::decode(bytes) {
        // A picture of tens of megabytes is allowed and slow to make.
        if frame.header.size.width.max(frame.header.size.height) <= 1024 {
            let _ = Canvas::default().apply(&frame);
        }
    }
}
