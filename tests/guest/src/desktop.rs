//! The screens that the guest draws: each its scene, and the cursor on one of them.

use alloc::vec::Vec;

use oriel_scenes::{Rect, Renderer, Scene};

use crate::cursor;
use crate::gpu::{Gpu, GpuError, Screen};
use crate::log;
use crate::rest::Rest;

/// The first of the buttons' codes among those of keys.
const BUTTONS: u16 = 0x100;
/// Sides that scenes can be drawn with.
const SIDES: core::ops::RangeInclusive<i32> = 320..=4096;

struct Picture {
    screen: Screen,
    renderer: Renderer,
}

/// Every screen that is on.
pub struct Desktop {
    gpu: Gpu,
    scene: Scene,
    most: usize,
    pictures: Vec<Picture>,
    /// The scanout that shows the cursor, and where.
    cursor: Option<(u32, (u32, u32))>,
}

impl Desktop {
    /// One screen with the scene at its beginning. There will be `most` screens at most.
    pub fn new(
        mut gpu: Gpu,
        scene: Scene,
        size: (u32, u32),
        most: usize,
        rest: &Rest,
    ) -> Result<Self, GpuError> {
        gpu.set_cursor(&cursor::arrow(), rest)?;
        let mut desktop = Self { gpu, scene, most, pictures: Vec::new(), cursor: None };
        desktop.switch_on(0, Rect::new(0, 0, size.0 as i32, size.1 as i32), rest)?;
        Ok(desktop)
    }

    /// Whether screens are blobs that the host reads in place.
    pub fn is_blob(&self) -> bool {
        self.gpu.is_blob()
    }

    /// What the whole desktop measures.
    pub fn size(&self) -> (u32, u32) {
        self.pictures.iter().map(|picture| picture.screen.rect()).fold((1, 1), |(width, height), rect| {
            (width.max(rect.right().max(0) as u32), height.max(rect.bottom().max(0) as u32))
        })
    }

    /// Does as the host wants, if it wants something new: true when screens have changed.
    pub fn follow_host(&mut self, rest: &Rest) -> Result<bool, GpuError> {
        let Some(wanted) = self.gpu.wanted_screens(rest)? else { return Ok(false) };
        let mut changed = false;
        for (scanout, wanted) in wanted.into_iter().take(self.most).enumerate() {
            let scanout = scanout as u32;
            let at = self.pictures.iter().position(|picture| picture.screen.scanout() == scanout);
            let old = at.map(|at| self.pictures[at].screen.rect());
            let same_size = |old: Rect, new: Rect| (old.width, old.height) == (new.width, new.height);
            match (at, wanted) {
                _ if old == wanted => continue,
                (Some(at), Some(new)) if old.is_some_and(|old| same_size(old, new)) => {
                    self.pictures[at].screen.move_to(new.x, new.y);
                }
                (at, Some(new)) if SIDES.contains(&new.width) && SIDES.contains(&new.height) => {
                    let old = at.map(|at| self.pictures.swap_remove(at).screen);
                    self.switch_on(scanout, new, rest)?;
                    if let Some(old) = old {
                        self.gpu.forget(old, rest)?;
                    }
                }
                (Some(at), None) => {
                    let old = self.pictures.swap_remove(at).screen;
                    self.gpu.darken(scanout, rest)?;
                    self.gpu.forget(old, rest)?;
                }
                _ => continue,
            }
            changed = true;
            match wanted {
                Some(rect) => {
                    log!("screen {scanout} {}x{} at {},{}", rect.width, rect.height, rect.x, rect.y)
                }
                None => log!("screen {scanout} off"),
            }
        }
        Ok(changed)
    }

    fn switch_on(&mut self, scanout: u32, rect: Rect, rest: &Rest) -> Result<(), GpuError> {
        let mut screen = self.gpu.show(scanout, rect, rest)?;
        let mut renderer = Renderer::new(self.scene, screen.width(), screen.height());
        let damage = renderer.step(screen.pixels());
        self.gpu.flush(&screen, &damage, rest)?;
        self.pictures.push(Picture { screen, renderer });
        Ok(())
    }

    /// The step that the first screen shows.
    pub fn shown_step(&self) -> u64 {
        self.pictures.first().map_or(0, |picture| picture.renderer.shown_step())
    }

    /// Draws the next step on every screen.
    pub fn step(&mut self, rest: &Rest) -> Result<(), GpuError> {
        for Picture { screen, renderer } in &mut self.pictures {
            let damage = renderer.step(screen.pixels());
            self.gpu.flush(screen, &damage, rest)?;
        }
        Ok(())
    }

    /// Answers a key or button on the screen that the pointer is on. A key's answer in the echo
    /// scene is flushed before anything else happens.
    pub fn key(&mut self, code: u16, down: bool, pointer: (u32, u32), rest: &Rest) -> Result<(), GpuError> {
        let Some((picture, at)) = under(&mut self.pictures, pointer) else { return Ok(()) };
        let Picture { screen, renderer } = picture;
        let flash = renderer.key(screen.pixels(), code, down);
        self.gpu.flush(screen, &flash, rest)?;
        let text = renderer.describe(screen.pixels(), at);
        self.gpu.flush(screen, &text, rest)?;
        if renderer.scene() == Scene::Echo {
            log!("key {code} down={}", u8::from(down));
            if code >= BUTTONS {
                log!("at {},{} of screen {}", at.0, at.1, screen.scanout());
            }
        }
        Ok(())
    }

    /// Brings what tells the pointer's place up to date.
    pub fn describe(&mut self, pointer: (u32, u32), rest: &Rest) -> Result<(), GpuError> {
        let Some((Picture { screen, renderer }, at)) = under(&mut self.pictures, pointer) else {
            return Ok(());
        };
        let text = renderer.describe(screen.pixels(), at);
        self.gpu.flush(screen, &text, rest)
    }

    /// Has the cursor follow the pointer; false when that takes another call, a little later.
    pub fn point(&mut self, pointer: (u32, u32)) -> Result<bool, GpuError> {
        let target = under(&mut self.pictures, pointer).map(|(picture, at)| (picture.screen.scanout(), at));
        if target == self.cursor {
            return Ok(true);
        }
        let (done, now) = match (self.cursor, target) {
            (Some((old, _)), Some((new, at))) if old == new => (self.gpu.move_cursor(new, at)?, target),
            (Some((old, _)), _) => (self.gpu.show_cursor(old, None)?, None),
            (None, Some((new, at))) => (self.gpu.show_cursor(new, Some(at))?, target),
            (None, None) => (true, None),
        };
        if done {
            self.cursor = now;
        }
        Ok(self.cursor == target)
    }
}

/// The picture at this place of the desktop, and the place on it.
fn under(pictures: &mut [Picture], pointer: (u32, u32)) -> Option<(&mut Picture, (u32, u32))> {
    pictures.iter_mut().find_map(|picture| picture.screen.place(pointer).map(|at| (picture, at)))
}
