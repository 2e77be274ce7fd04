//! What the display's messages do: checks on every number, then pixels and a word to the screen.

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

/// Whether anybody wants a screen. QEMU draws a message where the guest draws nothing, and it
/// looks like a picture: on a screen that is off it shall not be shown.
pub(crate) type IsEnabled = Arc<AtomicBool>;

/// The picture of one screen.
pub(crate) struct DisplaySurface {
    screen: Arc<Screen>,
    enabled: IsEnabled,
    buffer: Option<Arc<SurfaceBuffer>>,
    map: Option<SharedMap>,
    pointer: Option<CursorImage>,
    pointer_shown: bool,
}

impl DisplaySurface {
    /// A picture for `screen`, dark for now.
    pub fn new(screen: Arc<Screen>, enabled: IsEnabled) -> Self {
        Self { screen, enabled, buffer: None, map: None, pointer: None, pointer_shown: true }
    }

    /// Listener.Scanout: a whole picture, perhaps of a new size.
    pub fn scanout(&mut self, layout: SurfaceLayout, data: &[u8]) -> Result<(), SurfaceError> {
        if (data.len() as u64) < layout.bytes()? {
            return Err(SurfaceError::TooShort);
        }
        self.map = None;
        self.show(Size::new(layout.width, layout.height), |buffer| {
            write(buffer, buffer.size().bounds(), &layout, data)
        })
    }

    /// Listener.Update: `data` is the rectangle's pixels, `layout` their layout.
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

    /// Listener.Unix.Map.ScanoutMap: a whole picture in shared memory.
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

    /// Listener.Unix.Map.UpdateMap: part of the shared memory changed.
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

    /// Listener.Disable: nothing to show.
    pub fn disable(&mut self) {
        self.map = None;
        if self.buffer.take().is_some() {
            self.screen.set_scanout(None);
        }
    }

    /// Listener.MouseSet: the guest moved, hid or showed its pointer.
    pub fn mouse_set(&mut self, x: i32, y: i32, on: i32) {
        let shown = on != 0;
        if shown != self.pointer_shown {
            self.pointer_shown = shown;
            // A guest that never drew a pointer hides none: QEMU says "off" for it from the start.
            if let Some(pointer) = &self.pointer {
                self.screen.set_cursor(shown.then(|| pointer.clone()));
            }
        }
        if shown {
            // QEMU tells where the picture's top left corner is, the screen wants to know where it points.
            let (hot_x, hot_y) = self.pointer.as_ref().map_or((0, 0), |image| (image.hot_x, image.hot_y));
            let place = |corner: i32, hot: u32| {
                u32::try_from(i64::from(corner).saturating_add(i64::from(hot))).unwrap_or(0)
            };
            self.screen.move_cursor(place(x, hot_x), place(y, hot_y));
        }
    }

    /// Listener.CursorDefine: a new pointer picture.
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

    /// Fills a framebuffer of `size` and shows it: the present one, if it has that size.
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

/// Writes `data`, whose first pixel is the rectangle's first.
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

/// Copies `rect` of the shared picture.
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
