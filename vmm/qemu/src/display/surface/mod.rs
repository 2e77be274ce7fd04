//! Effects of QEMU's display messages: numbers are validated, pixels are copied to a buffer, and the screen
//! is notified of the changed rectangle or cursor.

use crate::display::cursor::cursor;
use crate::display::layout::{SurfaceError, SurfaceLayout};
use crate::display::pixel_format::PixelFormat;
use crate::display::shared_map::SharedMap;
use crate::display::surface_buffer::SurfaceBuffer;
use oriel_display::{PixelSource, Screen};
use oriel_wire::{CursorImage, Rect, Size};
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Whether the requested monitor layout has the screen. QEMU draws a placeholder message where the guest
/// draws nothing; on a screen that is off, the placeholder is not shown.
pub(crate) type IsEnabled = Arc<AtomicBool>;

/// Picture and cursor of one screen, as QEMU's messages change them.
pub(crate) struct DisplaySurface {
    screen: Arc<Screen>,
    enabled: IsEnabled,
    buffer: Option<Arc<SurfaceBuffer>>,
    map: Option<SharedMap>,
    pointer: Option<CursorImage>,
    pointer_shown: bool,
}

impl DisplaySurface {
    /// Creates the surface of `screen`, without a picture.
    pub fn new(screen: Arc<Screen>, enabled: IsEnabled) -> Self {
        Self { screen, enabled, buffer: None, map: None, pointer: None, pointer_shown: true }
    }

    /// Sets a whole picture, possibly of a new size (`Listener.Scanout`).
    ///
    /// # Errors
    /// A [`SurfaceError`] when layout and `data` are inconsistent.
    pub fn scanout(&mut self, layout: SurfaceLayout, data: &[u8]) -> Result<(), SurfaceError> {
        if (data.len() as u64) < layout.bytes()? {
            return Err(SurfaceError::TooShort);
        }
        self.map = None;
        self.show(Size::new(layout.width, layout.height), |buffer| {
            write(buffer, buffer.size().bounds(), &layout, data)
        })
    }

    /// Replaces the rectangle at `x`, `y` by the pixels in `data` with `layout` (`Listener.Update`).
    ///
    /// # Errors
    /// A [`SurfaceError`] when there is no picture, or position, layout and `data` are inconsistent.
    pub fn update(&mut self, x: i32, y: i32, layout: SurfaceLayout, data: &[u8]) -> Result<(), SurfaceError> {
        let buffer = self.buffer.as_ref().ok_or(SurfaceError::NoSurface)?;
        if (data.len() as u64) < layout.bytes()? {
            return Err(SurfaceError::TooShort);
        }
        let place = |n: i32| u32::try_from(n).map_err(|_| SurfaceError::Rectangle);
        let rect = Rect::new(place(x)?, place(y)?, layout.width, layout.height);
        write(buffer, rect, &layout, data)?;
        self.screen.flush(rect.intersection(&buffer.size().bounds()));
        Ok(())
    }

    /// Sets a whole picture in shared memory (`Listener.Unix.Map.ScanoutMap`).
    ///
    /// # Errors
    /// A [`SurfaceError`] when `memory` cannot be read or is too short for `layout` at byte `offset`.
    pub fn scanout_map(
        &mut self,
        memory: OwnedFd,
        offset: u32,
        layout: SurfaceLayout,
    ) -> Result<(), SurfaceError> {
        self.map = None;
        let map = SharedMap::new(memory, offset, layout)?;
        self.show(Size::new(layout.width, layout.height), |buffer| {
            copy(buffer, buffer.size().bounds(), &map)
        })?;
        self.map = Some(map);
        Ok(())
    }

    /// Copies a changed rectangle of the picture in shared memory (`Listener.Unix.Map.UpdateMap`).
    ///
    /// # Errors
    /// A [`SurfaceError`] when there is no shared picture, a number is negative, or the memory cannot be
    /// read.
    pub fn update_map(&mut self, x: i32, y: i32, width: i32, height: i32) -> Result<(), SurfaceError> {
        let (Some(buffer), Some(map)) = (&self.buffer, &self.map) else {
            return Err(SurfaceError::NoSurface);
        };
        let number = |n: i32| u32::try_from(n).map_err(|_| SurfaceError::Rectangle);
        let rect = Rect::new(number(x)?, number(y)?, number(width)?, number(height)?)
            .intersection(&buffer.size().bounds());
        copy(buffer, rect, map)?;
        self.screen.flush(rect);
        Ok(())
    }

    /// Removes the picture from the screen (`Listener.Disable`).
    pub fn disable(&mut self) {
        self.map = None;
        if self.buffer.take().is_some() {
            self.screen.set_scanout(None);
        }
    }

    /// Moves, hides or shows the cursor (`Listener.MouseSet`).
    pub fn mouse_set(&mut self, x: i32, y: i32, on: i32) {
        let shown = on != 0;
        if shown != self.pointer_shown {
            self.pointer_shown = shown;
            // QEMU sends "off" from the start for a guest that has not set a cursor: nothing is to be hidden.
            if let Some(pointer) = &self.pointer {
                self.screen.set_cursor(shown.then(|| pointer.clone()));
            }
        }
        if shown {
            // QEMU sends the image's top left corner; the screen takes the position of the hotspot.
            let (hot_x, hot_y) = self.pointer.as_ref().map_or((0, 0), |image| (image.hot_x, image.hot_y));
            let place = |corner: i32, hot: u32| {
                u32::try_from(i64::from(corner).saturating_add(i64::from(hot))).unwrap_or(0)
            };
            self.screen.move_cursor(place(x, hot_x), place(y, hot_y));
        }
    }

    /// Sets a new cursor image (`Listener.CursorDefine`).
    ///
    /// # Errors
    /// [`SurfaceError::Cursor`] when size, hotspot and pixels are inconsistent.
    pub fn cursor_define(
        &mut self,
        (width, height): (i32, i32),
        (hot_x, hot_y): (i32, i32),
        argb: &[u8],
    ) -> Result<(), SurfaceError> {
        let image = cursor(width, height, hot_x, hot_y, argb).ok_or(SurfaceError::Cursor)?;
        self.pointer = Some(image.clone());
        self.pointer_shown = true;
        self.screen.set_cursor(Some(image));
        Ok(())
    }

    /// Fills a framebuffer of `size` and shows it on the screen; the current framebuffer is reused if it has
    /// `size`.
    fn show(
        &mut self,
        size: Size,
        fill: impl FnOnce(&SurfaceBuffer) -> Result<(), SurfaceError>,
    ) -> Result<(), SurfaceError> {
        let old = self.buffer.take().filter(|old| old.size() == size);
        let shown = old.is_some() && self.screen.size().is_some();
        let buffer = old.unwrap_or_else(|| Arc::new(SurfaceBuffer::new(size)));
        fill(&buffer)?;
        self.buffer = Some(Arc::clone(&buffer));
        if shown {
            self.screen.flush(size.bounds());
        } else if self.enabled.load(Ordering::Acquire) {
            self.screen.set_scanout(Some(buffer));
        }
        Ok(())
    }
}

/// Converts `data`, which begins with the rectangle's first pixel, into `rect` of the buffer.
fn write(
    buffer: &SurfaceBuffer,
    rect: Rect,
    layout: &SurfaceLayout,
    data: &[u8],
) -> Result<(), SurfaceError> {
    let format = layout.pixel_format()?;
    buffer.write_rows(rect, |y, row| {
        let start = layout.stride as usize * y as usize;
        let length = row.len() / 4 * format.bytes();
        let source = data.get(start..start + length).ok_or(SurfaceError::TooShort)?;
        format.convert_row(source, row);
        Ok(())
    })
}

/// Copies `rect` of the shared picture into the buffer.
fn copy(buffer: &SurfaceBuffer, rect: Rect, map: &SharedMap) -> Result<(), SurfaceError> {
    let format = map.layout.pixel_format()?;
    let left = u64::from(rect.x) * format.bytes() as u64;
    if format == PixelFormat::Bgrx {
        return buffer.write_rows(rect, |y, row| map.read_row(rect.y + y, left, row));
    }
    let mut line = vec![0; rect.width as usize * format.bytes()];
    buffer.write_rows(rect, |y, row| {
        map.read_row(rect.y + y, left, &mut line)?;
        format.convert_row(&line, row);
        Ok(())
    })
}

#[cfg(test)]
mod tests;
