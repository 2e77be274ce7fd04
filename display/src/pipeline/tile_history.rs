//! History of tiles: decides which tiles go as video and which lossless, and when tiles sent as video are
//! refined.
//!
//! A tile's heat rises with large changes and decays with time. Hot tiles go as video when there are enough
//! of them; all others are sent lossless at once. A tile sent as video, or postponed for lack of room, is
//! inexact until it was sent lossless.

use crate::tiles::{Grid, TileChange, distance_squared};
use oriel_wire::Rect;
use std::time::{Duration, Instant};

/// Time in which a tile loses 63 percent of its heat. Each change adds 1: at 30 changes a second a tile
/// reaches 12, at 8 a second 3.7.
const COOLING: Duration = Duration::from_millis(400);

/// Largest heat of one change that gathered over several flushes: a client that receives few frames sees few
/// of the changes, and needs video the most. Below [`HOT`], so that one change alone is never motion.
const MOST_AT_ONCE: u8 = 3;

/// Number of tiles changed at once, as in scrolling, from which each change adds [`SWEEP_HEAT`]. The second
/// of them in a row is motion, as sending the whole screen lossless several times is too much.
const SWEEP: usize = 96;

/// Heat of a change in a sweep, see [`SWEEP`].
const SWEEP_HEAT: f32 = 2.5;

/// Heat from which a tile is in motion … Measured as [`STILL`] was: 3 changes next to nothing, and with 6 a
/// film takes longer to become video.
const HOT: f32 = 4.0;

/// … and heat down to which an inexact tile stays in motion.
const STILL_HOT: f32 = 1.5;

/// Smallest number of tiles in motion that go as video; fewer are cheap lossless: a caret, a spinner, a
/// square that changes its colour. Recent video may become smaller than this.
const LEAST_MOTION: usize = 6;

/// Smallest number of changed pixels of a tile that count as motion; typing changes fewer.
const LEAST_AREA: u32 = 512;

/// Time without new video after which an inexact tile is refined … Measured over the bench scenes at 5 to 30
/// pictures a second: 150 ms takes 14 percent more bytes, 300 ms no fewer.
const STILL: Duration = Duration::from_millis(200);

/// … or twice the time between the tile's changes, up to this, for tiles that change slowly because the
/// client takes few frames: replacing refined pixels at once would cost such a client more.
const STILL_AT_MOST: Duration = Duration::from_millis(500);

/// Time since the last video within which fewer tiles than [`LEAST_MOTION`] go on as video.
const RECENT: Duration = Duration::from_millis(250);

#[derive(Debug, Clone, Copy, Default)]
/// History of one tile.
struct Tile {
    /// Measure of recent large changes, as of `changed`.
    heat: f32,
    /// Time of the last change.
    changed: Option<Instant>,
    /// Time between the tile's last two changes.
    interval: Duration,
    /// Part that is not exact at the client; `None` if the tile is exact.
    inexact: Option<Inexact>,
}

/// Part of a tile of which the client shows video or an earlier state.
#[derive(Debug, Clone, Copy)]
struct Inexact {
    /// Time at which the part is to be sent lossless, if no newer video comes.
    due: Instant,
    /// Rectangle of the part in pixels of the screen, within the tile.
    part: Rect,
}

/// History of all tiles of a client's picture.
#[derive(Debug, Clone, Default)]
pub struct TileHistory {
    grid: Grid,
    tiles: Vec<Tile>,
    /// Number of inexact tiles.
    inexact: usize,
    /// Time of the last frame with tiles in motion.
    last_motion: Option<Instant>,
}

impl TileHistory {
    /// Creates a history of tiles that are cold and exact.
    pub fn new(grid: Grid) -> Self {
        Self { grid, tiles: vec![Tile::default(); grid.len()], inexact: 0, last_motion: None }
    }

    /// Removes the tiles in motion from `changes` and returns their indices in ascending order. `flushes` is
    /// the number of flushes over which the changes gathered. `flat` reports whether a rectangle has one
    /// colour, and so costs next to nothing lossless.
    pub fn take_motion(
        &mut self,
        changes: &mut Vec<TileChange>,
        flushes: u32,
        now: Instant,
        flat: impl Fn(Rect) -> bool,
    ) -> Vec<usize> {
        let large: Vec<bool> =
            changes.iter().map(|change| self.is_large(change) && !flat(change.rect)).collect();
        let sweep = large.iter().filter(|large| **large).count() >= SWEEP;
        let heat = f32::from(u8::try_from(flushes).unwrap_or(u8::MAX).clamp(1, MOST_AT_ONCE));
        let heat = if sweep { heat.max(SWEEP_HEAT) } else { heat };
        let mut motion = Vec::new();
        for (change, large) in changes.iter().zip(large) {
            let Some(tile) = self.tiles.get_mut(change.tile) else { continue };
            tile.cool(now);
            if large {
                tile.heat += heat;
            }
            if tile.heat >= HOT || (tile.inexact.is_some() && tile.heat >= STILL_HOT) {
                motion.push(change.tile);
            }
        }
        let going_on = self.last_motion.is_some_and(|last| now.duration_since(last) < RECENT);
        if motion.is_empty() || (motion.len() < LEAST_MOTION && !going_on) {
            return Vec::new();
        }
        self.last_motion = Some(now);
        // Both lists are in the grid's order.
        changes.retain(|change| motion.binary_search(&change.tile).is_err());
        motion
    }

    /// Reports whether a change covers enough pixels of its tile to count as motion.
    fn is_large(&self, change: &TileChange) -> bool {
        let whole = self.grid.rect(change.tile);
        change.rect.width * change.rect.height >= LEAST_AREA.min(whole.width * whole.height / 2)
    }

    /// Records that a tile was sent as video, and so is inexact.
    pub fn sent_as_video(&mut self, tile: usize, now: Instant) {
        let part = self.grid.rect(tile);
        let due = self.tiles.get(tile).map(|tile| now + tile.still_time());
        self.set_inexact(tile, due.map(|due| Inexact { due, part }));
    }

    /// Records that `rect` was sent lossless; the tile is exact if that covered its inexact part.
    pub fn sent_exact(&mut self, tile: usize, rect: Rect) {
        if let Some(inexact) = self.tiles.get(tile).and_then(|tile| tile.inexact) {
            self.set_inexact(tile, inexact.without(&rect));
        }
    }

    /// Records that `rect` of a tile has changed and was not sent; it is due at once.
    pub fn postponed(&mut self, tile: usize, rect: Rect, now: Instant) {
        let Some(before) = self.tiles.get(tile).map(|tile| tile.inexact) else { return };
        let part = before.map_or(rect, |inexact| inexact.part.union(&rect));
        self.set_inexact(tile, Some(Inexact { due: now, part }));
    }

    /// Records that `from` was copied to `to`, with its inexact parts.
    pub fn copied(&mut self, from: Rect, to: Rect) {
        if self.inexact == 0 {
            return;
        }
        let carried = |part: Rect| {
            let part = part.intersection(&from);
            let (x, y) = (part.x.wrapping_sub(from.x), part.y.wrapping_sub(from.y));
            Rect { x: to.x.wrapping_add(x), y: to.y.wrapping_add(y), ..part }
        };
        let inexact: Vec<Inexact> =
            self.grid.touched(&from).filter_map(|tile| self.tiles.get(tile)?.inexact).collect();
        for tile in self.grid.touched(&to) {
            self.sent_exact(tile, to);
        }
        for Inexact { due, part } in inexact {
            let part = carried(part);
            for tile in self.grid.touched(&part) {
                let part = part.intersection(&self.grid.rect(tile));
                let here =
                    self.tiles.get(tile).and_then(|tile| tile.inexact).unwrap_or(Inexact { due, part });
                self.set_inexact(
                    tile,
                    Some(Inexact { due: here.due.min(due), part: here.part.union(&part) }),
                );
            }
        }
    }

    /// Adds the inexact parts of `other`, the history of another client that will receive the same frames.
    /// Both pictures have the same size.
    pub fn merge_history(&mut self, other: &Self) {
        for (number, tile) in other.tiles.iter().enumerate() {
            let Some(theirs) = tile.inexact else { continue };
            let ours = self.tiles.get(number).and_then(|tile| tile.inexact).unwrap_or(theirs);
            let inexact = Inexact { due: ours.due.min(theirs.due), part: ours.part.union(&theirs.part) };
            self.set_inexact(number, Some(inexact));
        }
    }

    /// Sets the inexact part of a tile and keeps the count of inexact tiles.
    fn set_inexact(&mut self, tile: usize, inexact: Option<Inexact>) {
        if let Some(tile) = self.tiles.get_mut(tile) {
            self.inexact += usize::from(inexact.is_some());
            self.inexact -= usize::from(tile.inexact.is_some());
            tile.inexact = inexact;
        }
    }

    /// Reports whether the client's picture is exact.
    pub fn is_exact(&self) -> bool {
        self.inexact == 0
    }

    /// Lists the inexact parts (tile, rectangle) that are due, nearest to `pointer` first.
    pub fn due(&self, pointer: (u32, u32), now: Instant) -> Vec<(usize, Rect)> {
        if self.inexact == 0 {
            return Vec::new();
        }
        let still = |(index, tile): (usize, &Tile)| {
            tile.inexact.filter(|inexact| inexact.due <= now).map(|inexact| (index, inexact.part))
        };
        let mut due: Vec<(usize, Rect)> = self.tiles.iter().enumerate().filter_map(still).collect();
        due.sort_by_key(|(_, part)| distance_squared(*part, pointer));
        due
    }

    /// Returns the time at which the next inexact tile is due; `None` if all are exact.
    pub fn next_due(&self) -> Option<Instant> {
        if self.inexact == 0 {
            return None;
        }
        self.tiles.iter().filter_map(|tile| tile.inexact.map(|inexact| inexact.due)).min()
    }
}

impl Inexact {
    /// Returns the part that stays inexact once `rect` was sent lossless: the bounding box, so perhaps more.
    fn without(self, rect: &Rect) -> Option<Self> {
        let part = self.part.without(rect).fold(Rect::default(), |sum, part| sum.union(&part));
        (!part.is_empty()).then_some(Self { part, ..self })
    }
}

impl Tile {
    /// Records a change at `now`: decays the heat by the time since the last change.
    fn cool(&mut self, now: Instant) {
        if let Some(before) = self.changed.replace(now) {
            self.interval = now.duration_since(before);
            self.heat *= (-self.interval.as_secs_f32() / COOLING.as_secs_f32()).exp();
        }
    }

    /// Returns the time without new video after which the tile is refined.
    fn still_time(&self) -> Duration {
        let twice = self.interval * 2;
        if twice <= STILL_AT_MOST { twice.max(STILL) } else { STILL }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use oriel_wire::Size;

    fn history() -> (TileHistory, Grid, Instant) {
        let grid = Grid::new(Size::new(640, 1280));
        (TileHistory::new(grid), grid, Instant::now())
    }

    /// Changes `tiles` completely at `hertz` for `times`; returns the first change at which motion was found.
    fn first_motion(tiles: &[usize], hertz: u32, times: u32, flat: bool) -> Option<u32> {
        first_motion_seen(tiles, hertz, times, flat, 1)
    }

    /// As [`first_motion`], with several flushes before each frame.
    fn first_motion_seen(tiles: &[usize], hertz: u32, times: u32, flat: bool, flushes: u32) -> Option<u32> {
        let (mut history, grid, start) = history();
        (0..times).find(|n| {
            let mut changes: Vec<TileChange> =
                tiles.iter().map(|tile| TileChange { tile: *tile, rect: grid.rect(*tile) }).collect();
            let now = start + Duration::from_secs(1) / hertz * *n;
            !history.take_motion(&mut changes, flushes, now, |_| flat).is_empty()
        })
    }

    #[test]
    fn a_video_is_motion_after_a_few_frames() {
        let tiles: Vec<usize> = (0..20).collect();
        let first = first_motion(&tiles, 30, 60, false).expect("30 changes a second are motion");
        assert!((3..=8).contains(&first), "after {first} frames");
        assert!(first_motion(&tiles, 60, 60, false).is_some());
    }

    #[test]
    fn scrolling_is_motion_at_its_second_frame_and_turning_pages_is_not() {
        let tiles: Vec<usize> = (0..150).collect();
        assert_eq!(first_motion(&tiles, 60, 60, false), Some(1));
        assert_eq!(first_motion(&tiles, 2, 60, false), None);
    }

    #[test]
    fn a_video_seen_seldom_is_motion_still() {
        let tiles: Vec<usize> = (0..20).collect();
        assert_eq!(first_motion_seen(&tiles, 5, 20, false, 1), None);
        assert_eq!(first_motion_seen(&tiles, 5, 20, false, 6), Some(1), "never the first change alone");
    }

    #[test]
    fn what_is_rare_small_or_flat_is_never_motion() {
        let many: Vec<usize> = (0..20).collect();
        assert_eq!(first_motion(&many, 2, 60, false), None, "a slide show");
        assert_eq!(first_motion(&many[..4], 30, 60, false), None, "a spinner");
        assert_eq!(first_motion(&many, 30, 60, true), None, "a flipping square");
    }

    #[test]
    fn typing_is_never_motion() {
        let (mut history, grid, start) = history();
        for n in 0..100 {
            let rect = |tile| Rect::new(grid.rect(tile).x, grid.rect(tile).y, 24, 20);
            let mut changes: Vec<TileChange> =
                (0..8).map(|tile| TileChange { tile, rect: rect(tile) }).collect();
            let now = start + Duration::from_millis(20) * n;
            assert!(history.take_motion(&mut changes, 3, now, |_| false).is_empty());
            assert_eq!(changes.len(), 8);
        }
    }

    #[test]
    fn inexact_tiles_are_due_once_still_nearest_first() {
        let (mut history, grid, start) = history();
        for tile in [0, 9, 55] {
            history.sent_as_video(tile, start);
        }
        assert!(!history.is_exact());
        assert_eq!(history.next_due(), Some(start + STILL));
        assert!(history.due((0, 0), start + STILL / 2).is_empty());
        let tiles: Vec<usize> =
            history.due((350, 350), start + STILL).iter().map(|(tile, _)| *tile).collect();
        assert_eq!(tiles, [55, 9, 0]);
        for tile in [0, 9, 55] {
            history.sent_exact(tile, Rect::new(0, 0, 1, 1));
        }
        assert!(!history.is_exact(), "a part of a tile does not make it exact");
        for tile in [0, 9, 55] {
            history.sent_exact(tile, grid.rect(tile));
        }
        assert!(history.is_exact());
        assert_eq!(history.next_due(), None);
    }

    #[test]
    fn copies_carry_what_is_not_exact_along() {
        let (mut history, _, start) = history();
        history.sent_as_video(0, start);
        history.copied(Rect::new(0, 0, 640, 600), Rect::new(100, 0, 540, 600));
        let parts = |history: &TileHistory| -> Vec<Rect> {
            history.due((0, 0), start + STILL).into_iter().map(|(_, part)| part).collect()
        };
        assert_eq!(
            parts(&history),
            [Rect::new(0, 0, 64, 64), Rect::new(100, 0, 28, 64), Rect::new(128, 0, 36, 64)]
        );
        history.copied(Rect::new(300, 300, 128, 64), Rect::new(0, 0, 128, 64));
        assert_eq!(parts(&history), [Rect::new(128, 0, 36, 64)], "covered by what is exact");
        for _ in 0..20 {
            history.copied(Rect::new(64, 0, 500, 600), Rect::new(64, 3, 500, 597));
        }
        assert_eq!(history.inexact, 2, "it does not grow on its way");
        history.sent_exact(12, Rect::new(128, 60, 30, 100));
        assert!(!history.is_exact(), "some columns of it are left");
    }

    #[test]
    fn slow_motion_is_not_made_exact_between_its_frames() {
        let (mut history, grid, start) = history();
        let interval = Duration::from_millis(220);
        for n in 0..10 {
            let now = start + interval * n;
            assert!(history.due((0, 0), now).is_empty(), "before frame {n}");
            let mut changes: Vec<TileChange> =
                (0..20).map(|tile| TileChange { tile, rect: grid.rect(tile) }).collect();
            let motion = history.take_motion(&mut changes, 6, now, |_| false);
            motion.iter().for_each(|tile| history.sent_as_video(*tile, now));
        }
        assert!(!history.is_exact());
        assert_eq!(history.due((0, 0), start + interval * 9 + STILL_AT_MOST).len(), 20);
    }
}
