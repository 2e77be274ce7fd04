//! A scanout: the plug between a resource and a screen.

use oriel_display::{PixelSource, Screen};
use oriel_wire::{MonitorConfig, Rect};
use std::sync::Arc;

/// One scanout.
pub struct Scanout {
    screen: Arc<Screen>,
    /// What EDID and display info tell the guest to prefer; `None`: no monitor is plugged in.
    pub preferred: Option<MonitorConfig>,
    source: Option<Source>,
    /// Hotspot of the cursor's picture, from its top left corner, once the guest drew one.
    cursor_hot: Option<(u32, u32)>,
}

struct Source {
    resource: u32,
    rect: Rect,
}

impl Scanout {
    /// A dark scanout.
    pub fn new(screen: Arc<Screen>, preferred: Option<MonitorConfig>) -> Self {
        Self { screen, preferred, source: None, cursor_hot: None }
    }

    /// Shows `rect` of `resource`, which `source` reads.
    pub fn show(&mut self, resource: u32, rect: Rect, source: Arc<dyn PixelSource>) {
        self.source = Some(Source { resource, rect });
        self.screen.set_scanout(Some(source));
    }

    /// Shows nothing.
    pub fn disable(&mut self) {
        if self.source.take().is_some() {
            self.screen.set_scanout(None);
        }
    }

    /// Forgets everything the guest showed.
    pub fn reset(&mut self) {
        self.disable();
        // A guest that never drew a pointer did not hide it either.
        if self.cursor_hot.is_some() {
            self.set_cursor(None);
        }
    }

    /// Whether this resource is on it.
    pub fn is_showing(&self, resource: u32) -> bool {
        self.source.as_ref().is_some_and(|source| source.resource == resource)
    }

    /// Which resource is on it, and from where.
    pub fn position(&self) -> Option<(u32, (u32, u32))> {
        self.source.as_ref().map(|source| (source.resource, (source.rect.x, source.rect.y)))
    }

    /// The guest drew in `rect` of `resource`, which may be on the screen.
    pub fn flush(&self, resource: u32, rect: Rect) {
        let Some(source) = self.source.as_ref().filter(|source| source.resource == resource) else { return };
        let seen = rect.intersection(&source.rect);
        if seen.is_empty() {
            return;
        }
        // The intersection lies within `source.rect`, so neither difference is negative.
        self.screen.flush(Rect::new(seen.x - source.rect.x, seen.y - source.rect.y, seen.width, seen.height));
    }

    /// The guest's pointer has this picture from now on, or none.
    pub fn set_cursor(&mut self, cursor: Option<oriel_wire::CursorImage>) {
        self.cursor_hot = cursor.as_ref().map(|cursor| (cursor.hot_x, cursor.hot_y));
        self.screen.set_cursor(cursor);
    }

    /// The cursor's picture lies there, by its top left corner.
    pub fn move_cursor(&self, x: i32, y: i32) {
        let (hot_x, hot_y) = self.cursor_hot.unwrap_or_default();
        let place = |corner: i32, hot: u32| u32::try_from(i64::from(corner) + i64::from(hot)).unwrap_or(0);
        self.screen.move_cursor(place(x, hot_x), place(y, hot_y));
    }
}
