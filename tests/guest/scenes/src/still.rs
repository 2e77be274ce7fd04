//! The desktop page at rest.

use crate::canvas::Canvas;
use crate::damage::Damage;
use crate::desktop::Desktop;
use crate::document::Document;
use crate::renderer::Animation;

/// A desktop with a document and the windows beside it, all drawn for good.
pub fn page(width: i32, height: i32) -> Desktop {
    let mut desktop = Desktop::new(width, height);
    let document = Document::open(&mut desktop);
    desktop.add_side_windows();
    desktop.draw(|canvas, fonts, landscape| document.paint(canvas, fonts, landscape, 0));
    desktop
}

/// Nothing happens.
pub struct Still {
    desktop: Desktop,
}

impl Still {
    /// The page.
    pub fn new(width: i32, height: i32) -> Self {
        Self { desktop: page(width, height) }
    }
}

impl Animation for Still {
    fn damage(&self, _step: u64) -> Damage {
        Damage::none()
    }

    fn paint(&self, canvas: &mut Canvas<'_>, _step: u64) {
        self.desktop.paint(canvas);
    }
}
