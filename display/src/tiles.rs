//! Grid of tiles of 64 by 64 pixels, the unit of damage, tile history, hashes and encoders.
//!
//! Pure geometry: maps between tile indices and pixel rectangles, and groups tiles into rectangles.

use oriel_wire::{Rect, Size, TILE};

/// Grid of tiles over a screen, numbered row by row from 0. Tiles at the right and bottom edge may be smaller
/// than 64 by 64 pixels.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Grid {
    screen: Size,
    columns: u32,
    rows: u32,
}

impl Grid {
    /// Creates the grid that covers `screen`.
    pub fn new(screen: Size) -> Self {
        Self { screen, columns: screen.width.div_ceil(TILE), rows: screen.height.div_ceil(TILE) }
    }

    /// Returns the screen's size in pixels.
    pub fn screen(&self) -> Size {
        self.screen
    }

    /// Returns the number of tile columns.
    pub fn columns(&self) -> u32 {
        self.columns
    }

    /// Returns the number of tile rows.
    pub fn rows(&self) -> u32 {
        self.rows
    }

    /// Returns the number of tiles.
    pub fn len(&self) -> usize {
        self.columns as usize * self.rows as usize
    }

    /// Reports whether the screen has no pixels, and the grid thus no tiles.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Returns the index of the tile in the given column and row.
    pub fn index(&self, column: u32, row: u32) -> usize {
        row as usize * self.columns as usize + column as usize
    }

    /// Returns the rectangle of a tile in pixels, clipped to the screen; empty for an index beyond the last
    /// tile.
    pub fn rect(&self, tile: usize) -> Rect {
        let columns = (self.columns as usize).max(1);
        let (column, row) = ((tile % columns) as u32, (tile / columns) as u32);
        Rect::new(column * TILE, row * TILE, TILE, TILE).intersection(&self.screen.bounds())
    }

    /// Returns the columns and the rows of the tiles that `rect` touches, each as (first, one past the last).
    pub fn span(&self, rect: &Rect) -> ((u32, u32), (u32, u32)) {
        let rect = rect.intersection(&self.screen.bounds());
        if rect.is_empty() {
            return ((0, 0), (0, 0));
        }
        ((rect.x / TILE, rect.right().div_ceil(TILE)), (rect.y / TILE, rect.bottom().div_ceil(TILE)))
    }

    /// Lists the indices of the tiles that `rect` touches, in ascending order.
    pub fn touched(&self, rect: &Rect) -> impl Iterator<Item = usize> + use<> {
        let grid = *self;
        let (columns, rows) = self.span(rect);
        (rows.0..rows.1).flat_map(move |row| grid.index(columns.0, row)..grid.index(columns.1, row))
    }

    /// Merges tiles (in ascending order) into rectangles that cover exactly these tiles: runs along a row,
    /// joined with equal runs of the row below.
    pub fn cover(&self, tiles: impl IntoIterator<Item = usize>) -> Vec<Rect> {
        let mut done: Vec<Rect> = Vec::new();
        let mut run: Option<Rect> = None;
        for tile in tiles {
            let rect = self.rect(tile);
            match &mut run {
                Some(run) if run.y == rect.y && run.right() == rect.x => run.width += rect.width,
                _ => {
                    join_below(&mut done, run.take());
                    run = Some(rect);
                }
            }
        }
        join_below(&mut done, run);
        done
    }

    /// Merges tiles (in ascending order) into bounding rectangles of whole tiles, such that a tile or more
    /// lies between any two of the rectangles.
    pub fn groups(&self, tiles: impl IntoIterator<Item = usize>) -> Vec<Rect> {
        let mut groups: Vec<Rect> = Vec::new();
        for mut rect in self.cover(tiles) {
            // The union may touch further groups, so the search starts again.
            while let Some(near) = groups.iter().position(|group| !within_reach(&rect, group).is_empty()) {
                rect = rect.union(&groups.swap_remove(near));
            }
            groups.push(rect);
        }
        groups
    }
}

/// Intersects `other` with `one` enlarged by a pixel on each side: not empty when the two touch.
fn within_reach(one: &Rect, other: &Rect) -> Rect {
    let (x, y) = (one.x.saturating_sub(1), one.y.saturating_sub(1));
    Rect::new(x, y, one.right() + 1 - x, one.bottom() + 1 - y).intersection(other)
}

/// Appends `run` to `done`, or extends the rectangle that ends directly above it with the same columns.
fn join_below(done: &mut Vec<Rect>, run: Option<Rect>) {
    let Some(run) = run else { return };
    let above = done
        .iter_mut()
        .rev()
        .find(|above| above.bottom() == run.y && above.x == run.x && above.width == run.width);
    match above {
        Some(above) => above.height += run.height,
        None => done.push(run),
    }
}

/// Changed pixels of one tile.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TileChange {
    /// Index of the tile in the [`Grid`].
    pub tile: usize,
    /// Smallest rectangle within the tile that covers every changed pixel.
    pub rect: Rect,
}

/// Square of the distance in pixels between a rectangle's centre and a point.
pub fn distance_squared(rect: Rect, (x, y): (u32, u32)) -> u64 {
    let horizontal = u64::from((rect.x + rect.width / 2).abs_diff(x));
    let vertical = u64::from((rect.y + rect.height / 2).abs_diff(y));
    horizontal * horizontal + vertical * vertical
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_tiles_end_with_the_screen() {
        let grid = Grid::new(Size::new(130, 70));
        assert_eq!((grid.columns(), grid.rows(), grid.len()), (3, 2, 6));
        assert_eq!(grid.rect(5), Rect::new(128, 64, 2, 6));
        assert_eq!(grid.span(&Rect::new(63, 0, 2, 65)), ((0, 2), (0, 2)));
        assert_eq!(grid.span(&Rect::new(500, 0, 2, 65)), ((0, 0), (0, 0)));
    }

    #[test]
    fn a_block_of_tiles_is_one_rectangle() {
        let grid = Grid::new(Size::new(256, 256));
        assert_eq!(grid.cover([1, 2, 5, 6]), [Rect::new(64, 0, 128, 128)]);
        assert_eq!(grid.cover([0, 2]), [Rect::new(0, 0, 64, 64), Rect::new(128, 0, 64, 64)]);
        assert_eq!(grid.cover([]), []);
    }

    #[test]
    fn what_touches_is_a_group_and_what_lies_apart_is_not() {
        let grid = Grid::new(Size::new(640, 640));
        assert_eq!(grid.groups([0, 11, 22]), [Rect::new(0, 0, 192, 192)], "by their corners");
        assert_eq!(grid.groups([0, 2]).len(), 2, "a tile between them");
        let ring = (0..10).chain([10, 19, 20, 29]).chain(30..40);
        assert_eq!(grid.groups(ring), [Rect::new(0, 0, 640, 256)]);
        let around = [0, 1, 2, 3, 4, 10, 14, 20, 22, 24, 30, 34, 40, 41, 42, 43, 44];
        assert_eq!(grid.groups(around), [Rect::new(0, 0, 320, 320)], "none lies within another");
    }
}
