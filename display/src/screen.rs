//! The meeting place of one graphics device (which draws) and any number of viewers (who watch).

use crate::geometry::Rect;
use crate::input::InputId;
use crate::source::{CursorImage, PixelSource};
use std::sync::Arc;

/// One screen of one desktop. The device side calls the methods below from any thread; none
/// of them blocks for longer than a short lock. What viewers call lives beside them.
#[derive(Default)]
pub struct Screen {}

impl Screen {
    /// A dark screen.
    pub fn new() -> Arc<Self> {
        Arc::new(Self::default())
    }

    /// Shows `source` (all of it is damaged), or nothing.
    pub fn set_scanout(&self, source: Option<Arc<dyn PixelSource>>) {
        let _ = source;
    }

    /// The device finished drawing within `rect`. A hint of where to look, never trusted for what changed.
    pub fn flush(&self, rect: Rect) {
        let _ = rect;
    }

    /// The guest's pointer picture; `None` hides it.
    pub fn set_cursor(&self, cursor: Option<CursorImage>) {
        let _ = cursor;
    }

    /// The guest placed its pointer's hotspot there (pixels).
    pub fn move_cursor(&self, x: u32, y: u32) {
        let _ = (x, y);
    }

    /// Keyboard lights: bit 0 num lock, bit 1 caps lock, bit 2 scroll lock (as `LED_*`).
    pub fn set_leds(&self, leds: u8) {
        let _ = leds;
    }

    /// The guest can see this input now; the next flush is taken to answer it.
    pub fn input_reached_guest(&self, id: InputId) {
        let _ = id;
    }

    /// How many watch. Devices pace the guest only while someone does.
    pub fn viewers(&self) -> usize {
        0
    }

    /// The machine is gone: viewers are told `reason` (one plain sentence) and end.
    pub fn close(&self, reason: &str) {
        let _ = reason;
    }
}
