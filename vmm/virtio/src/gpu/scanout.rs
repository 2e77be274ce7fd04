//! Scanouts: each displays a rectangle of a resource on a screen.

use oriel_display::{PixelSource, Screen};
use oriel_wire::{MonitorConfig, Rect};
use std::sync::Arc;

/// Scanout of the device, bound to a screen of the desktop.
pub struct Scanout {
    screen: Arc<Screen>,
    /// Monitor in EDID and display info; `None` while no monitor is connected.
    pub preferred: Option<MonitorConfig>,
    source: Option<Source>,
    /// Hotspot of the cursor image from its top left corner, once the guest set an image.
    cursor_hot: Option<(u32, u32)>,
}

/// Displayed rectangle of a resource.
struct Source {
    resource: u32,
    rect: Rect,
}

impl Scanout {
    /// Creates a disabled scanout.
    pub fn new(screen: Arc<Screen>, preferred: Option<MonitorConfig>) -> Self {
        Self { screen, preferred, source: None, cursor_hot: None }
    }

    /// Displays `rect` of `resource`; `source` reads its pixels.
    pub fn show(&mut self, resource: u32, rect: Rect, source: Arc<dyn PixelSource>) {
        self.source = Some(Source { resource, rect });
        self.screen.set_scanout(Some(source));
    }

    /// Disables the scanout, which turns its screen off.
    pub fn disable(&mut self) {
        if self.source.take().is_some() {
            self.screen.set_scanout(None);
        }
    }

    /// Disables the scanout and removes the cursor.
    pub fn reset(&mut self) {
        self.disable();
        // A guest that never set a cursor image did not hide the cursor either.
        if self.cursor_hot.is_some() {
            self.set_cursor(None);
        }
    }

    /// Whether the scanout displays `resource`.
    pub fn is_showing(&self, resource: u32) -> bool {
        self.source.as_ref().is_some_and(|source| source.resource == resource)
    }

    /// Returns the displayed resource, and the offset of the displayed rectangle within the resource.
    pub fn position(&self) -> Option<(u32, (u32, u32))> {
        self.source.as_ref().map(|source| (source.resource, (source.rect.x, source.rect.y)))
    }

    /// Reports the displayed part of `rect` in `resource` to the screen as damage.
    pub fn flush(&self, resource: u32, rect: Rect) {
        let Some(source) = self.source.as_ref().filter(|source| source.resource == resource) else { return };
        let seen = rect.intersection(&source.rect);
        if seen.is_empty() {
            return;
        }
        // The intersection lies within `source.rect`, so neither difference is negative.
        self.screen.flush(Rect::new(seen.x - source.rect.x, seen.y - source.rect.y, seen.width, seen.height));
    }

    /// Sets the cursor image; `None` hides the cursor.
    pub fn set_cursor(&mut self, cursor: Option<oriel_wire::CursorImage>) {
        self.cursor_hot = cursor.as_ref().map(|cursor| (cursor.hot_x, cursor.hot_y));
        self.screen.set_cursor(cursor);
    }

    /// Moves the cursor image's top left corner to (`x`, `y`) in pixels.
    pub fn move_cursor(&self, x: i32, y: i32) {
        let (hot_x, hot_y) = self.cursor_hot.unwrap_or_default();
        let place = |corner: i32, hot: u32| u32::try_from(i64::from(corner) + i64::from(hot)).unwrap_or(0);
        self.screen.move_cursor(place(x, hot_x), place(y, hot_y));
    }
}
