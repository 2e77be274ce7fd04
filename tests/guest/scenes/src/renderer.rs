//! Draws a scene step by step.

use alloc::boxed::Box;

use crate::call::Call;
use crate::canvas::Canvas;
use crate::damage::{Damage, Rect};
use crate::drag::Drag;
use crate::echo::Echo;
use crate::motion::Motion;
use crate::scene::Scene;
use crate::scroll::Scroll;
use crate::still::Still;
use crate::typing::Typing;
use crate::video::Video;

/// Pictures that are a function of the step.
pub(crate) trait Animation {
    /// What differs between the picture of `step - 1` and that of `step`.
    fn damage(&self, step: u64) -> Damage;

    /// Draws what lies within the canvas's clip of the picture of `step`.
    fn paint(&self, canvas: &mut Canvas<'_>, step: u64);

    /// Turns the picture of `step - 1` into that of `step`; returns what changed.
    fn advance(&self, canvas: &mut Canvas<'_>, step: u64) -> Damage {
        let damage = self.damage(step).clipped(canvas.bounds());
        for rect in damage.iter() {
            self.paint(&mut canvas.clipped(*rect), step);
        }
        damage
    }
}

enum Painter {
    Animation(Box<dyn Animation>),
    Echo(Box<Echo>),
}

/// A scene on a screen of a certain size.
///
/// The methods that draw take the screen's pixels, row by row without gaps, as
/// 0xFFRRGGBB (in memory: blue, green, red, 255). They expect what was drawn
/// before to be there still, and panic when there are fewer than width times
/// height pixels.
pub struct Renderer {
    scene: Scene,
    width: u32,
    height: u32,
    painter: Painter,
    /// The step to draw next.
    next: u64,
    started: bool,
}

impl Renderer {
    /// A scene at its beginning. Sides are from 320 to 4096 pixels; others are
    /// brought into this range.
    pub fn new(scene: Scene, width: u32, height: u32) -> Self {
        Self::at_step(scene, width, height, 0)
    }

    /// A scene whose first call of [`Self::step`] draws the picture of step `step`.
    pub fn at_step(scene: Scene, width: u32, height: u32, step: u64) -> Self {
        let (width, height) = (width.clamp(320, 4096), height.clamp(320, 4096));
        let (w, h) = (width as i32, height as i32);
        let painter = match scene {
            Scene::Idle => Painter::Animation(Box::new(Still::new(w, h))),
            Scene::Typing => Painter::Animation(Box::new(Typing::new(w, h))),
            Scene::Scroll => Painter::Animation(Box::new(Scroll::new(w, h))),
            Scene::Drag => Painter::Animation(Box::new(Drag::new(w, h))),
            Scene::Video => Painter::Animation(Box::new(Video::new(w, h))),
            Scene::Call => Painter::Animation(Box::new(Call::new(w, h))),
            Scene::Motion => Painter::Animation(Box::new(Motion::new(w, h))),
            Scene::Echo => Painter::Echo(Box::new(Echo::new(w, h))),
        };
        Self { scene, width, height, painter, next: step, started: false }
    }

    /// The scene.
    pub fn scene(&self) -> Scene {
        self.scene
    }

    /// The step that was drawn last.
    pub fn shown_step(&self) -> u64 {
        self.next.saturating_sub(1)
    }

    /// Draws the next step and returns what it changed: the whole screen the first time.
    pub fn step(&mut self, pixels: &mut [u32]) -> Damage {
        let mut canvas = Canvas::new(pixels, self.width as i32, self.height as i32);
        let step = self.next;
        self.next += 1;
        if self.started {
            return match &self.painter {
                Painter::Animation(animation) => animation.advance(&mut canvas, step),
                Painter::Echo(_) => Damage::none(),
            };
        }
        self.started = true;
        match &self.painter {
            Painter::Animation(animation) => animation.paint(&mut canvas, step),
            Painter::Echo(echo) => echo.paint(&mut canvas),
        }
        Damage::of(&[Rect::new(0, 0, self.width as i32, self.height as i32)])
    }

    /// Answers a key or button, by its evdev code, that went down or up. In the
    /// echo scene the square changes colour when one goes down; other scenes do nothing.
    pub fn key(&mut self, pixels: &mut [u32], code: u16, down: bool) -> Damage {
        let mut canvas = Canvas::new(pixels, self.width as i32, self.height as i32);
        match &mut self.painter {
            Painter::Echo(echo) => echo.key(&mut canvas, code, down),
            Painter::Animation(_) => Damage::none(),
        }
    }

    /// In the echo scene, brings the lines that tell the last key, the text typed
    /// and the pointer's place up to date.
    pub fn describe(&mut self, pixels: &mut [u32], pointer: (u32, u32)) -> Damage {
        let mut canvas = Canvas::new(pixels, self.width as i32, self.height as i32);
        match &mut self.painter {
            Painter::Echo(echo) => echo.describe(&mut canvas, pointer),
            Painter::Animation(_) => Damage::none(),
        }
    }
}
