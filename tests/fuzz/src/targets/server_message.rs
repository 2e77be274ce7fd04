//! Messages of a compromised machine process to a client: messages are decoded and frames are painted.

use oriel_display::Canvas;
use oriel_wire::{Decoded, ServerMessage};

/// Runs the target with one input.
pub fn run(bytes: &[u8]) {
    if let Ok(Decoded::Known(ServerMessage::Frame(frame))) = ServerMessage::decode(bytes) {
        // A picture of tens of megabytes is valid, but slow to paint.
        if frame.header.size.width.max(frame.header.size.height) <= 1024 {
            let _ = Canvas::default().apply(&frame);
        }
    }
}
