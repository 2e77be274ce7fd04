//! A scanout: the plug between a resource and a screen.

use oriel_display::{MonitorConfig, PixelSource, Rect, Screen};
use std::sync::Arc;

/// One scanout.
pub struct Scanout {
    screen: Arc<Screen>,
    /// What EDID and display info tell the guest to prefer; `None`: no monitor is plugged in.
    pub preferred: Option<MonitorConfig>,
    shown: Option<Shown>,
    /// Hotspot of the cursor's picture, from its top left corner, once the guest drew one.
    cursor_hot: Option<(u32, u32)>,
}

struct Shown {
    resource: u32,
    rect: Rect,
}

impl Scanout {
    /// A dark scanout.
    pub fn new(screen: Arc<Screen>, preferred: Option<MonitorConfig>) -> Self {
        Self { screen, preferred, shown: None, cursor_hot: None }
    }

    /// Shows `rect` of `resource`, which `source` reads.
    pub fn show(&mut self, resource: u32, rect: Rect, source: Arc<dyn PixelSource>) {
        self.shown = Some(Shown { resource, rect });
        self.screen.set_scanout(Some(source));
    }

    /// Shows nothing.
    pub fn darken(&mut self) {
        if self.shown.take().is_some() {
            self.screen.set_scanout(None);
        }
    }

    /// Forgets everything the guest showed.
    pub fn reset(&mut self) {
        self.darken();
        // A guest that never drew a pointer did not hide it either.
        if self.cursor_hot.is_some() {
            self.set_cursor(None);
        }
    }

    /// Whether this resource is on it.
    pub fn shows(&self, resource: u32) -> bool {
        self.shown.as_ref().is_some_and(|shown| shown.resource == resource)
    }

    /// Which resource is on it, and from where.
    pub fn part(&self) -> Option<(u32, (u32, u32))> {
        self.shown.as_ref().map(|shown| (shown.resource, (shown.rect.x, shown.rect.y)))
    }

    /// The guest drew in `rect` of `resource`, which may be on the screen.
    pub fn flush(&self, resource: u32, rect: Rect) {
        let Some(shown) = self.shown.as_ref().filter(|shown| shown.resource == resource) else { return };
        let seen = rect.intersection(&shown.rect);
        if seen.is_empty() {
            return;
        }
        // The intersection lies within `shown.rect`, so neither difference is negative.
        self.screen.flush(Rect::new(seen.x - shown.rect.x, seen.y - shown.rect.y, seen.width, seen.height));
    }

    /// The guest's pointer has this picture from now on, or none.
    pub fn set_cursor(&mut self, cursor: Option<oriel_display::CursorImage>) {
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
