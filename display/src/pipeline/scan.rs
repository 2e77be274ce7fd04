//! Scan stage: reads damaged tiles from the pixel source into the framebuffer, and finds the changed
//! rectangle of each tile.

use crate::compare::{Bounds, ends_of_difference};
use crate::copy_rect::PreviousFrame;
use crate::damage::Damage;
use crate::framebuffer::Framebuffer;
use crate::source::{PixelSource, SourceLost};
use crate::tiles::{Grid, TileChange};
use oriel_wire::{Rect, TILE};

/// Buffers of [`DamageScanner::scan`], kept from frame to frame.
#[derive(Debug, Default)]
pub struct DamageScanner {
    /// Bytes of the row that was read last.
    row: Vec<u8>,
    /// Flag for each tile: touched by damage.
    marked: Vec<bool>,
    /// Bounding box of the changes for each tile of a run.
    bounds: Vec<Bounds>,
}

impl DamageScanner {
    /// Reads every tile that `damage` touches into `framebuffer` and appends the changed ones to `changes`,
    /// in the order of the grid. `source` must be at least as large as `framebuffer`. With `previous`,
    /// overwritten pixels are kept there.
    ///
    /// # Errors
    /// When the source's memory was lost; changes found until then are in `changes`.
    pub fn scan(
        &mut self,
        source: &dyn PixelSource,
        damage: &Damage,
        framebuffer: &mut Framebuffer,
        mut previous: Option<&mut PreviousFrame>,
        changes: &mut Vec<TileChange>,
    ) -> Result<(), SourceLost> {
        let grid = Grid::new(framebuffer.size());
        self.mark(&grid, damage);
        for row in 0..grid.rows() {
            let mut column = 0;
            while column < grid.columns() {
                let tiles = self.marked.get(grid.index(column, row)..grid.index(grid.columns(), row));
                let tiles = tiles.unwrap_or_default();
                let run = tiles.iter().take_while(|marked| **marked).count() as u32;
                if run > 0 {
                    let previous = previous.as_deref_mut();
                    self.scan_run(source, &grid, (column, row, run), framebuffer, previous, changes)?;
                }
                column += run.max(1);
            }
        }
        Ok(())
    }

    /// Marks the tiles that the damage touches.
    fn mark(&mut self, grid: &Grid, damage: &Damage) {
        self.marked.clear();
        self.marked.resize(grid.len(), false);
        for rect in damage.rects() {
            let (columns, rows) = grid.span(rect);
            for row in rows.0..rows.1 {
                let tiles = grid.index(columns.0, row)..grid.index(columns.1, row);
                if let Some(tiles) = self.marked.get_mut(tiles) {
                    tiles.fill(true);
                }
            }
        }
    }

    /// Compares neighbouring tiles of one row: (first column, row, number of tiles).
    fn scan_run(
        &mut self,
        source: &dyn PixelSource,
        grid: &Grid,
        (column, row, run): (u32, u32, u32),
        framebuffer: &mut Framebuffer,
        mut previous: Option<&mut PreviousFrame>,
        changes: &mut Vec<TileChange>,
    ) -> Result<(), SourceLost> {
        let first = grid.rect(grid.index(column, row));
        let area = first.union(&grid.rect(grid.index(column + run - 1, row)));
        self.row.resize(area.width as usize * 4, 0);
        self.bounds.clear();
        self.bounds.resize(run as usize, Bounds::NONE);
        let mut outcome = Ok(());
        for y in 0..area.height {
            outcome = source.read_row(area.x, area.y + y, &mut self.row);
            if outcome.is_err() {
                break;
            }
            let known = framebuffer.row_mut(area.x, area.y + y, area.width);
            if *known != *self.row {
                let keep = |column: usize, old: &[u8]| {
                    if let Some(previous) = &mut previous {
                        previous.keep(area.x + column as u32, area.y + y, old);
                    }
                };
                compare_row(&self.row, known, y, &mut self.bounds, keep);
            }
        }
        for (column, bounds) in (column..).zip(&self.bounds) {
            if bounds.right > bounds.left {
                let rect = Rect::new(
                    column * TILE + bounds.left,
                    area.y + bounds.top,
                    bounds.right - bounds.left,
                    bounds.bottom - bounds.top,
                );
                changes.push(TileChange { tile: grid.index(column, row), rect });
            }
        }
        outcome
    }
}

/// Copies differing pixels of `new` into `known`, and extends the bounds of their tiles. `keep` receives the
/// first column and the old pixels of a tile's row beforehand.
fn compare_row(
    new: &[u8],
    known: &mut [u8],
    y: u32,
    bounds: &mut [Bounds],
    mut keep: impl FnMut(usize, &[u8]),
) {
    /// Bytes of a tile's row.
    const SPAN: usize = TILE as usize * 4;
    let spans = new.chunks(SPAN).zip(known.chunks_mut(SPAN));
    for ((column, (new, known)), bounds) in (0..).step_by(TILE as usize).zip(spans).zip(bounds) {
        if new == known {
            continue;
        }
        if let Some((left, right)) = ends_beyond(new, known, bounds) {
            bounds.add(left, right, y);
            keep(column, known);
            known.copy_from_slice(new);
        }
    }
}

/// As [`ends_of_difference`] for unequal rows, but extends `bounds`: only the parts outside of them are
/// compared pixel by pixel, since rows in motion differ everywhere.
fn ends_beyond(one: &[u8], other: &[u8], bounds: &Bounds) -> Option<(u32, u32)> {
    if bounds.left >= bounds.right {
        return ends_of_difference(one, other);
    }
    let part = |from: u32, to: u32| {
        let bytes = from as usize * 4..(to as usize * 4).min(one.len());
        one.get(bytes.clone()).zip(other.get(bytes)).filter(|(one, other)| one != other)
    };
    let left = part(0, bounds.left).and_then(|(one, other)| ends_of_difference(one, other));
    let right = part(bounds.right, TILE).and_then(|(one, other)| ends_of_difference(one, other));
    let (left, right) =
        (left.map_or(bounds.left, |ends| ends.0), right.map_or(bounds.right, |ends| bounds.right + ends.1));
    Some((left, right))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::compare::changed_part;
    use oriel_wire::Size;
    use parking_lot::Mutex;
    use std::sync::atomic::{AtomicUsize, Ordering};

    struct Guest {
        framebuffer: Mutex<Framebuffer>,
        rows_left: AtomicUsize,
    }

    impl Guest {
        fn new(size: Size) -> Self {
            Self { framebuffer: Mutex::new(Framebuffer::new(size)), rows_left: AtomicUsize::new(usize::MAX) }
        }

        fn fill(&self, rect: Rect, value: u8) {
            let mut framebuffer = self.framebuffer.lock();
            for y in rect.y..rect.bottom() {
                framebuffer.row_mut(rect.x, y, rect.width).fill(value);
            }
        }
    }

    impl PixelSource for Guest {
        fn size(&self) -> Size {
            self.framebuffer.lock().size()
        }

        fn read_row(&self, x: u32, y: u32, dst: &mut [u8]) -> Result<(), SourceLost> {
            if self.rows_left.fetch_sub(1, Ordering::Relaxed) == 0 {
                return Err(SourceLost);
            }
            dst.copy_from_slice(self.framebuffer.lock().row(x, y, dst.len() as u32 / 4));
            Ok(())
        }
    }

    fn damage(rect: Rect) -> Damage {
        let mut damage = Damage::default();
        damage.add(rect);
        damage
    }

    const SIZE: Size = Size::new(200, 150);

    #[test]
    fn a_caret_is_found_to_the_pixel() {
        let (guest, mut framebuffer, mut scanner) =
            (Guest::new(SIZE), Framebuffer::new(SIZE), DamageScanner::default());
        let mut changes = Vec::new();
        guest.fill(Rect::new(70, 66, 2, 16), 0xff);
        scanner.scan(&guest, &damage(SIZE.bounds()), &mut framebuffer, None, &mut changes).unwrap();
        assert_eq!(changes, [TileChange { tile: 5, rect: Rect::new(70, 66, 2, 16) }]);

        changes.clear();
        scanner.scan(&guest, &damage(SIZE.bounds()), &mut framebuffer, None, &mut changes).unwrap();
        assert_eq!(changes, [], "nothing changed since");
    }

    #[test]
    fn what_crosses_tiles_and_edges_is_found_in_each() {
        let (guest, mut framebuffer, mut scanner) =
            (Guest::new(SIZE), Framebuffer::new(SIZE), DamageScanner::default());
        let mut changes = Vec::new();
        guest.fill(Rect::new(120, 120, 80, 30), 7);
        scanner.scan(&guest, &damage(SIZE.bounds()), &mut framebuffer, None, &mut changes).unwrap();
        let rects: Vec<Rect> = changes.iter().map(|change| change.rect).collect();
        assert_eq!(
            rects,
            [
                Rect::new(120, 120, 8, 8),
                Rect::new(128, 120, 64, 8),
                Rect::new(192, 120, 8, 8),
                Rect::new(120, 128, 8, 22),
                Rect::new(128, 128, 64, 22),
                Rect::new(192, 128, 8, 22),
            ]
        );
        assert_eq!(framebuffer.pixels(), guest.framebuffer.lock().pixels());
    }

    #[test]
    fn every_change_is_found_to_the_pixel_whatever_its_shape() {
        let (guest, mut framebuffer, mut scanner) =
            (Guest::new(SIZE), Framebuffer::new(SIZE), DamageScanner::default());
        let mut random = 1u32;
        let mut next = |below: u32| {
            random = random.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (random >> 8) % below
        };
        for _ in 0..200 {
            let before = framebuffer.clone();
            for _ in 0..6 {
                let (x, y) = (next(SIZE.width), next(SIZE.height));
                let dot = Rect::new(x, y, 1 + next(9), 1 + next(9)).intersection(&SIZE.bounds());
                guest.fill(dot, next(256) as u8);
            }
            let mut changes = Vec::new();
            scanner.scan(&guest, &damage(SIZE.bounds()), &mut framebuffer, None, &mut changes).unwrap();
            let grid = Grid::new(SIZE);
            let changed = |tile| {
                changed_part(&before, &framebuffer, grid.rect(tile)).map(|rect| TileChange { tile, rect })
            };
            assert_eq!(changes, Vec::from_iter((0..grid.len()).filter_map(changed)));
            assert_eq!(framebuffer.pixels(), guest.framebuffer.lock().pixels());
        }
    }

    #[test]
    fn only_damaged_tiles_are_read() {
        let (guest, mut framebuffer, mut scanner) =
            (Guest::new(SIZE), Framebuffer::new(SIZE), DamageScanner::default());
        let mut changes = Vec::new();
        guest.fill(SIZE.bounds(), 9);
        guest.rows_left.store(64, Ordering::Relaxed);
        scanner.scan(&guest, &damage(Rect::new(64, 64, 1, 1)), &mut framebuffer, None, &mut changes).unwrap();
        assert_eq!(changes, [TileChange { tile: 5, rect: Rect::new(64, 64, 64, 64) }]);
    }

    #[test]
    fn a_source_lost_halfway_leaves_what_was_taken_reported() {
        let (guest, mut framebuffer, mut scanner) =
            (Guest::new(SIZE), Framebuffer::new(SIZE), DamageScanner::default());
        let mut changes = Vec::new();
        guest.fill(SIZE.bounds(), 9);
        guest.rows_left.store(10, Ordering::Relaxed);
        let lost = scanner.scan(&guest, &damage(SIZE.bounds()), &mut framebuffer, None, &mut changes);
        assert_eq!(lost, Err(SourceLost));
        assert_eq!(changes.len(), 4);
        assert!(changes.iter().all(|change| change.rect.height == 10));
    }
}
