//! Which tiles go as video, which exact, and when what was shown as video is made exact.
//!
//! A tile grows hot while large parts of it change at the rate of a video, and cools with time.
//! Hot tiles go as video when there are enough of them; everything else is exact at once. A tile
//! shown as video is soft until it has been sent exact, and so is one that a slow line has no room
//! for yet.

use crate::tiles::{Grid, TileChange, distance_squared};
use oriel_wire::Rect;
use std::time::{Duration, Instant};

/// Time in which a tile loses most (63 percent) of its heat. Each change adds 1: at 30 changes a
/// second a tile reaches 12, at 8 a second 3.7.
const COOLING: Duration = Duration::from_millis(400);

/// A change that gathered over several flushes counts as so many, up to here: a client that takes
/// few frames sees few of the changes, and is the last that should get motion exact. Below
/// [`HOT`], so that one change alone is never motion.
const MOST_AT_ONCE: u8 = 3;

/// When so many tiles change at once, as in scrolling, each change counts as [`SWEEP_HEAT`]: the
/// second of them in a row is motion, for the whole screen exact a few times over is a flood.
const SWEEP: usize = 96;

/// See [`SWEEP`].
const SWEEP_HEAT: f32 = 2.5;

/// A tile this hot is in motion … Measured as [`STILL`] was: 3 changes next to nothing, and with 6 a
/// film takes longer to become video.
const HOT: f32 = 4.0;

/// … and one that is soft stays so down to this.
const STILL_HOT: f32 = 1.5;

/// Fewer tiles in motion than this are cheap enough exact: a caret, a spinner, a square that
/// changes its colour. Motion that goes as video already may become this small and stay video.
const LEAST_MOTION: usize = 6;

/// A change of less than this many pixels of a tile is not motion: typing.
const LEAST_AREA: u32 = 512;

/// A soft tile is made exact when it was not sent as video for this long … Measured over the bench
/// scenes at 5 to 30 pictures a second: 150 ms takes 14 percent more bytes, 300 ms no fewer.
const STILL: Duration = Duration::from_millis(200);

/// … and one that changes slowly, because the client takes few frames, for twice the time between
/// its changes, up to this: exact pixels that are replaced at once only cost such a client more.
const STILL_AT_MOST: Duration = Duration::from_millis(500);

/// Video that was used this recently goes on with fewer tiles than [`LEAST_MOTION`].
const RECENT: Duration = Duration::from_millis(250);

#[derive(Debug, Clone, Copy, Default)]
struct Tile {
    heat: f32,
    changed: Option<Instant>,
    /// Time between its last two changes.
    interval: Duration,
    soft: Option<Soft>,
}

/// The client has it as video, or as it was before.
#[derive(Debug, Clone, Copy)]
struct Soft {
    /// When it is to be made exact, if no newer video comes.
    due: Instant,
    /// The part of the tile, at most all of it.
    part: Rect,
}

/// The history of every tile of a viewer's picture.
#[derive(Debug, Clone, Default)]
pub struct TileHistory {
    grid: Grid,
    tiles: Vec<Tile>,
    soft: usize,
    last_motion: Option<Instant>,
}

impl TileHistory {
    /// A history that begins: everything cold and exact.
    pub fn new(grid: Grid) -> Self {
        Self { grid, tiles: vec![Tile::default(); grid.len()], soft: 0, last_motion: None }
    }

    /// Moves the changes that are motion from `changes` to the result. `flat` says of a changed
    /// rectangle that it is of one colour, which costs next to nothing exact; the changes
    /// gathered over `flushes`.
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
            if tile.heat >= HOT || (tile.soft.is_some() && tile.heat >= STILL_HOT) {
                motion.push(change.tile);
            }
        }
        let going_on = self.last_motion.is_some_and(|last| now.duration_since(last) < RECENT);
        if motion.is_empty() || (motion.len() < LEAST_MOTION && !going_on) {
            return Vec::new();
        }
        self.last_motion = Some(now);
        // Both are in the grid's order.
        changes.retain(|change| motion.binary_search(&change.tile).is_err());
        motion
    }

    fn is_large(&self, change: &TileChange) -> bool {
        let whole = self.grid.rect(change.tile);
        change.rect.width * change.rect.height >= LEAST_AREA.min(whole.width * whole.height / 2)
    }

    /// The tile was sent as video: the client's picture of it is not exact.
    pub fn sent_as_video(&mut self, tile: usize, now: Instant) {
        let part = self.grid.rect(tile);
        let due = self.tiles.get(tile).map(|tile| now + tile.patience());
        self.set_soft(tile, due.map(|due| Soft { due, part }));
    }

    /// `rect` was sent exact; the tile is exact when that was all that was not.
    pub fn sent_exact(&mut self, tile: usize, rect: Rect) {
        if let Some(soft) = self.tiles.get(tile).and_then(|tile| tile.soft) {
            self.set_soft(tile, soft.without(&rect));
        }
    }

    /// `rect` of the tile has changed and was not sent: it is to be made exact as soon as there is room.
    pub fn postponed(&mut self, tile: usize, rect: Rect, now: Instant) {
        let Some(before) = self.tiles.get(tile).map(|tile| tile.soft) else { return };
        let part = before.map_or(rect, |soft| soft.part.union(&rect));
        self.set_soft(tile, Some(Soft { due: now, part }));
    }

    /// `from` was copied to `to`: what was not exact there is not exact here.
    pub fn copied(&mut self, from: Rect, to: Rect) {
        if self.soft == 0 {
            return;
        }
        let carried = |part: Rect| {
            let part = part.intersection(&from);
            let (x, y) = (part.x.wrapping_sub(from.x), part.y.wrapping_sub(from.y));
            Rect { x: to.x.wrapping_add(x), y: to.y.wrapping_add(y), ..part }
        };
        let soft: Vec<Soft> =
            self.grid.touched(&from).filter_map(|tile| self.tiles.get(tile)?.soft).collect();
        for tile in self.grid.touched(&to) {
            self.sent_exact(tile, to);
        }
        for Soft { due, part } in soft {
            let part = carried(part);
            for tile in self.grid.touched(&part) {
                let part = part.intersection(&self.grid.rect(tile));
                let here = self.tiles.get(tile).and_then(|tile| tile.soft).unwrap_or(Soft { due, part });
                self.set_soft(tile, Some(Soft { due: here.due.min(due), part: here.part.union(&part) }));
            }
        }
    }

    /// What is not exact for a client with the history `other` is taken not to be for this one's
    /// client either. Both pictures are of the same size.
    pub fn merge_history(&mut self, other: &Self) {
        for (number, tile) in other.tiles.iter().enumerate() {
            let Some(theirs) = tile.soft else { continue };
            let ours = self.tiles.get(number).and_then(|tile| tile.soft).unwrap_or(theirs);
            let soft = Soft { due: ours.due.min(theirs.due), part: ours.part.union(&theirs.part) };
            self.set_soft(number, Some(soft));
        }
    }

    fn set_soft(&mut self, tile: usize, soft: Option<Soft>) {
        if let Some(tile) = self.tiles.get_mut(tile) {
            self.soft += usize::from(soft.is_some());
            self.soft -= usize::from(tile.soft.is_some());
            tile.soft = soft;
        }
    }

    /// Whether the client's picture is exact.
    pub fn is_exact(&self) -> bool {
        self.soft == 0
    }

    /// The soft parts of tiles that have been still for long enough, nearest to `pointer` first.
    pub fn due(&self, pointer: (u32, u32), now: Instant) -> Vec<(usize, Rect)> {
        if self.soft == 0 {
            return Vec::new();
        }
        let still = |(index, tile): (usize, &Tile)| {
            tile.soft.filter(|soft| soft.due <= now).map(|soft| (index, soft.part))
        };
        let mut due: Vec<(usize, Rect)> = self.tiles.iter().enumerate().filter_map(still).collect();
        due.sort_by_key(|(_, part)| distance_squared(*part, pointer));
        due
    }

    /// When the next soft tile has been still for long enough; `None` when none is soft.
    pub fn next_due(&self) -> Option<Instant> {
        if self.soft == 0 {
            return None;
        }
        self.tiles.iter().filter_map(|tile| tile.soft.map(|soft| soft.due)).min()
    }
}

impl Soft {
    /// What is soft still once `rect` is exact: a rectangle, so maybe more than that.
    fn without(self, rect: &Rect) -> Option<Self> {
        let part = self.part.without(rect).fold(Rect::default(), |sum, part| sum.union(&part));
        (!part.is_empty()).then_some(Self { part, ..self })
    }
}

impl Tile {
    fn cool(&mut self, now: Instant) {
        if let Some(before) = self.changed.replace(now) {
            self.interval = now.duration_since(before);
            self.heat *= (-self.interval.as_secs_f32() / COOLING.as_secs_f32()).exp();
        }
    }

    /// How long it has to be still before it is made exact.
    fn patience(&self) -> Duration {
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

    /// Changes `tiles` wholly at `hertz` for `times`, and says at which change motion was first seen.
    fn first_motion(tiles: &[usize], hertz: u32, times: u32, flat: bool) -> Option<u32> {
        first_motion_seen(tiles, hertz, times, flat, 1)
    }

    /// The same, with so many flushes before each look.
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
    fn soft_tiles_are_due_once_still_nearest_first() {
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
        assert_eq!(history.soft, 2, "it does not grow on its way");
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
