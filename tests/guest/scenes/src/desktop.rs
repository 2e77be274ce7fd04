//! The desktop behind everything: wallpaper, panel, icons and windows at rest.

use alloc::vec;
use alloc::vec::Vec;

use embedded_graphics::prelude::{DrawTarget, Drawable, Point, Primitive, Size};
use embedded_graphics::primitives::{Circle, PrimitiveStyle, Rectangle, RoundedRectangle, Triangle};

use crate::canvas::{Canvas, colour, mix, rectangle, rgb};
use crate::damage::Rect;
use crate::font::Fonts;
use crate::landscape::{self, Landscape};
use crate::window;

/// Height of the panel at the top in pixels.
pub const PANEL: i32 = 30;
/// Distance between lines of running text in pixels.
pub const LINE: i32 = 19;
/// Distance of text from the edge of its page in pixels.
pub const MARGIN: i32 = 18;

const ICON: i32 = 48;
const ICON_STEP: i32 = 100;
const PANEL_COLOUR: u32 = rgb(36, 41, 51);
const PANEL_TEXT: u32 = rgb(226, 230, 236);
const GAP: i32 = 20;

/// The desktop as a picture, with what is needed to draw on it.
pub struct Desktop {
    /// The screen.
    pub bounds: Rect,
    /// The fonts in use.
    pub fonts: Fonts,
    /// The picture shown in windows.
    pub landscape: Landscape,
    pixels: Vec<u32>,
}

impl Desktop {
    /// Draws wallpaper, panel and icons.
    pub fn new(width: i32, height: i32) -> Self {
        let mut desktop = Self {
            bounds: Rect::new(0, 0, width, height),
            fonts: Fonts::new(),
            landscape: Landscape::new(),
            pixels: vec![0; (width * height) as usize],
        };
        desktop.draw(|canvas, fonts, _| {
            draw_wallpaper(canvas);
            draw_panel(canvas, fonts);
            draw_icons(canvas, fonts);
        });
        desktop
    }

    /// Adds something for good.
    pub fn draw(&mut self, draw: impl FnOnce(&mut Canvas<'_>, &Fonts, &Landscape)) {
        let mut canvas = Canvas::new(&mut self.pixels, self.bounds.width, self.bounds.height);
        draw(&mut canvas, &self.fonts, &self.landscape);
    }

    /// Adds a window for good; returns its page.
    pub fn add_window(&mut self, window: Rect, title: &str) -> Rect {
        self.draw(|canvas, fonts, _| window::draw(canvas, fonts, window, title));
        window::page(window)
    }

    /// Adds the main window; returns its page.
    pub fn add_main_window(&mut self, title: &str) -> Rect {
        self.add_window(self.main_window(), title)
    }

    /// Adds the windows at the right, where there is room for them: a picture and
    /// a list.
    pub fn add_side_windows(&mut self) {
        let left = self.main_window().right() + GAP;
        let width = self.bounds.width - GAP - left;
        if width < 200 {
            return;
        }
        let top = PANEL + GAP;
        let picture = Rect::new(left, top, width, width * 2 / 3 + window::TITLE_BAR);
        let page = self.add_window(picture, "Lake at noon");
        self.draw(|canvas, _, landscape| {
            let (x, y) = (600 - page.width / 2, landscape::HEIGHT - page.height);
            canvas.shade(page, |column, row| Some(landscape.at(x + column, y + row)));
        });
        let list_top = picture.bottom() + GAP;
        let list = Rect::new(left, list_top, width, self.bounds.height - GAP - list_top);
        if list.height < 120 {
            return;
        }
        let page = self.add_window(list, "Inbox");
        self.draw(|canvas, fonts, _| draw_list(canvas, fonts, page));
    }

    /// Shows the desktop within the canvas's clip.
    pub fn paint(&self, canvas: &mut Canvas<'_>) {
        canvas.copy(self.bounds, &self.pixels);
    }

    fn main_window(&self) -> Rect {
        let left = if self.bounds.width >= 800 { 2 * GAP + 90 } else { GAP };
        let whole = self.bounds.width - GAP - left;
        let width = if self.bounds.width >= 1000 { whole * 2 / 3 } else { whole };
        Rect::new(left, PANEL + GAP, width, self.bounds.height - PANEL - 2 * GAP)
    }
}

fn draw_wallpaper(canvas: &mut Canvas<'_>) {
    let bounds = canvas.bounds();
    let (from, to) = (rgb(24, 60, 92), rgb(126, 92, 140));
    let (width, height) = (bounds.width, bounds.height);
    canvas.shade(bounds, |x, y| Some(mix(from, to, ((x * 128 / width) + (y * 128 / height)) as u32)));
}

fn draw_panel(canvas: &mut Canvas<'_>, fonts: &Fonts) {
    let bounds = canvas.bounds();
    canvas.fill(Rect::new(0, 0, bounds.width, PANEL), PANEL_COLOUR);
    fonts.bold.draw(canvas, 14, 8, "Applications", PANEL_TEXT);
    fonts.body.draw(canvas, 150, 8, "Places", PANEL_TEXT);
    if bounds.width >= 640 {
        let clock = "Sun 22 Nov  10:42";
        let left = bounds.width - 14 - fonts.body.advance(clock.len());
        fonts.body.draw(canvas, left, 8, clock, PANEL_TEXT);
    }
}

fn draw_icons(canvas: &mut Canvas<'_>, fonts: &Fonts) {
    if canvas.bounds().width < 800 {
        return;
    }
    let tints = [rgb(84, 160, 220), rgb(240, 180, 70), rgb(120, 190, 110), rgb(214, 108, 110)];
    let labels = ["Home", "Files", "Music", "Trash"];
    for ((tint, label), top) in tints.into_iter().zip(labels).zip((PANEL + 24..).step_by(ICON_STEP as usize))
    {
        let left = 34;
        let corner = Point::new(left, top);
        let area = rectangle(Rect::new(left, top, ICON, ICON));
        let style = PrimitiveStyle::with_fill(colour(tint));
        let light = PrimitiveStyle::with_fill(colour(mix(tint, rgb(255, 255, 255), 170)));
        show(RoundedRectangle::with_equal_corners(area, Size::new(10, 10)).into_styled(style), canvas);
        match label {
            "Home" => {
                let roof = Triangle::new(Point::new(8, 24), Point::new(24, 8), Point::new(40, 24));
                let roof = Triangle::new(
                    roof.vertices[0] + corner,
                    roof.vertices[1] + corner,
                    roof.vertices[2] + corner,
                );
                show(roof.into_styled(light), canvas);
                let walls = Rectangle::new(corner + Point::new(13, 24), Size::new(22, 15));
                show(walls.into_styled(light), canvas);
            }
            "Music" => {
                show(Circle::new(corner + Point::new(10, 28), 12).into_styled(light), canvas);
                let stem = Rectangle::new(corner + Point::new(20, 9), Size::new(3, 25));
                show(stem.into_styled(light), canvas);
                let flag = Rectangle::new(corner + Point::new(20, 9), Size::new(16, 6));
                show(flag.into_styled(light), canvas);
            }
            _ => {
                let lid = Rectangle::new(corner + Point::new(9, 11), Size::new(16, 5));
                show(lid.into_styled(light), canvas);
                let body = rectangle(Rect::new(left + 9, top + 15, 30, 22));
                show(RoundedRectangle::with_equal_corners(body, Size::new(4, 4)).into_styled(light), canvas);
            }
        }
        let middle = left + ICON / 2 - fonts.small.advance(label.len()) / 2;
        fonts.small.draw(canvas, middle, top + ICON + 8, label, rgb(255, 255, 255));
    }
}

/// Draws a shape; a canvas cannot fail.
fn show<'a>(shape: impl Drawable<Color = <Canvas<'a> as DrawTarget>::Color>, canvas: &mut Canvas<'a>) {
    let Ok(_) = shape.draw(canvas);
}

fn draw_list(canvas: &mut Canvas<'_>, fonts: &Fonts, page: Rect) {
    let senders = ["A. Berger", "Accounts", "M. Costa", "Help desk", "T. Lindqvist", "Travel office"];
    let mut canvas = canvas.clipped(page);
    for (row, top) in (page.y..page.bottom()).step_by(24).enumerate() {
        let line = Rect::new(page.x, top, page.width, 24);
        let shade = if row == 1 {
            rgb(205, 224, 246)
        } else if row % 2 == 0 {
            window::PAPER
        } else {
            rgb(243, 245, 248)
        };
        canvas.fill(line, shade);
        fonts.small.draw(&mut canvas, page.x + 10, top + 6, senders[row * 5 % senders.len()], window::INK);
        let subject = crate::prose::title(row);
        fonts.small.draw(&mut canvas, page.x + 120, top + 6, subject, rgb(70, 76, 88));
    }
}
