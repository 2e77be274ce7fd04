//! Damage: a bounded list of rectangles in which a screen may have changed. Gathered in inboxes and compared
//! by the scan stage.

use oriel_wire::Rect;

/// Largest number of rectangles; beyond it, all are merged into their bounding box.
const MAX_RECTS: usize = 16;

/// Regions of a screen to be compared: at most 16 rectangles, possibly overlapping.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Damage(Vec<Rect>);

impl Damage {
    /// Adds a rectangle to the damage; an empty rectangle adds nothing.
    pub fn add(&mut self, rect: Rect) {
        if rect.is_empty() || self.0.iter().any(|one| one.union(&rect) == *one) {
            return;
        }
        self.0.retain(|one| one.union(&rect) != rect);
        self.0.push(rect);
        if self.0.len() > MAX_RECTS {
            let whole = self.0.iter().fold(Rect::default(), |sum, one| sum.union(one));
            self.0 = vec![whole];
        }
    }

    /// Reports whether there is no damage.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Returns the damaged rectangles in pixels, in no particular order.
    pub fn rects(&self) -> &[Rect] {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn damage_stays_bounded_and_covers_all() {
        let mut damage = Damage::default();
        for n in 0..100 {
            damage.add(Rect::new(n * 10, n * 7, 5, 5));
        }
        assert!(damage.rects().len() <= MAX_RECTS);
        for n in 0..100 {
            let rect = Rect::new(n * 10, n * 7, 5, 5);
            assert!(damage.rects().iter().any(|one| one.intersection(&rect) == rect), "{rect:?} was lost");
        }
    }
}
