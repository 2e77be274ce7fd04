//! Video streams of one viewer: parts of the screen in motion far apart have separate encoders, so that the
//! area between them costs nothing.
//!
//! Assignment: a tile belongs to the smallest stream that covers it. If none does, a stream grows or a new
//! one begins, whichever costs less, so that continuing motion keeps its stream.

use super::RateControl;
use super::VideoError;
use super::region::{area, cost, with_margin};
use super::stream::{VideoStream, fits_codec};
use crate::framebuffer::Framebuffer;
use crate::tiles::Grid;
use crate::tiles::distance_squared;
use oriel_wire::{Rect, Size, TILE, VideoUpdate};
use std::time::{Duration, Instant};

/// Number of streams, as each client has this many decoders.
const STREAMS: usize = 4;

/// Time after its last picture at which a stream is dropped …
const KEPT: Duration = Duration::from_secs(2);

/// … or at which it may be replaced, when another is needed and all four exist.
const IDLE: Duration = Duration::from_millis(500);

/// Rectangle of each stream, present or intended; `None` where there is no stream.
type StreamLayout = [Option<Rect>; STREAMS];

/// Result of encoding tiles as video.
#[derive(Debug, Default)]
pub struct Coded {
    /// Updates to send, one for each stream that encoded tiles.
    pub updates: Vec<VideoUpdate>,
    /// Tiles (ascending) that were not encoded, because of an error or the budget.
    pub left: Vec<usize>,
}

/// Limits for the video of one frame.
pub struct VideoBudget<'a> {
    /// Intended bytes of all streams together.
    pub bytes: usize,
    /// Largest key frame in bytes; a larger one is discarded.
    pub most: usize,
    /// Largest number of tiles that take as many bytes as in a key frame; those nearest to the pointer come
    /// first.
    pub fresh: usize,
    /// Position (x, y) of the pointer in pixels.
    pub pointer: (u32, u32),
    /// Rate control of the viewer, which selects quantizers.
    pub rate_control: &'a mut RateControl,
}

/// Set of up to four video streams of one viewer.
#[derive(Default)]
pub struct VideoStreams {
    streams: [Option<VideoStream>; STREAMS],
}

impl VideoStreams {
    /// Drops all streams.
    pub fn clear(&mut self) {
        self.streams = Default::default();
    }

    /// Drops the streams that have encoded nothing for two seconds.
    pub fn tidy(&mut self, now: Instant) {
        for slot in &mut self.streams {
            if slot.as_ref().is_some_and(|stream| now.duration_since(stream.last_used()) >= KEPT) {
                *slot = None;
            }
        }
    }

    /// Returns the time at which [`Self::tidy`] will drop a stream; `None` without streams.
    pub fn next_due(&self) -> Option<Instant> {
        self.streams.iter().flatten().map(|stream| stream.last_used() + KEPT).min()
    }

    /// Encodes `tiles` (ascending) of `framebuffer`; streams shrink, grow and begin as the motion requires.
    pub fn encode(
        &mut self,
        framebuffer: &Framebuffer,
        tiles: &[usize],
        budget: VideoBudget<'_>,
        now: Instant,
    ) -> Coded {
        let grid = Grid::new(framebuffer.size());
        self.shrink(&grid, now);
        self.make_room(&grid, grid.groups(self.uncovered(&grid, tiles)), now);
        self.code(framebuffer, &grid, tiles, budget, now)
    }

    /// As [`Self::encode`], but by streams that together cover the whole screen and do not shrink.
    pub fn encode_of_all(
        &mut self,
        framebuffer: &Framebuffer,
        tiles: &[usize],
        budget: VideoBudget<'_>,
        now: Instant,
    ) -> Coded {
        let grid = Grid::new(framebuffer.size());
        self.make_room(&grid, grid.groups(self.uncovered(&grid, &Vec::from_iter(0..grid.len()))), now);
        self.code(framebuffer, &grid, tiles, budget, now)
    }

    /// Encodes `tiles` by the streams that cover them, within the budget.
    fn code(
        &mut self,
        framebuffer: &Framebuffer,
        grid: &Grid,
        tiles: &[usize],
        budget: VideoBudget<'_>,
        now: Instant,
    ) -> Coded {
        let mut coded = Coded::default();
        let mut shares: [Vec<usize>; STREAMS] = Default::default();
        let layout = self.layout();
        for tile in tiles {
            let share = smallest_cover(&layout, grid.rect(*tile)).and_then(|slot| shares.get_mut(slot));
            share.unwrap_or(&mut coded.left).push(*tile);
        }
        if tiles.len() > budget.fresh {
            self.leave_out(grid, &mut shares, &budget, now, &mut coded.left);
        }
        let all: usize = shares.iter().map(Vec::len).sum();
        for (slot, share) in self.streams.iter_mut().zip(shares) {
            let Some(stream) = slot.as_mut().filter(|_| !share.is_empty()) else { continue };
            // The bytes are divided in proportion to the tiles.
            let bytes = (budget.bytes / all.max(1)).saturating_mul(share.len());
            match stream.encode(framebuffer, share.clone(), bytes, budget.rate_control, now) {
                // The size is known only now; rate control has recorded it for the next attempt.
                Ok(update) if update.key && update.data.len() > budget.most => {
                    *slot = None;
                    coded.left.extend(share);
                }
                Ok(update) => {
                    // A key frame holds all tiles in motion: only later pictures show where motion continues.
                    if !update.key {
                        stream.region().note(grid, &share);
                    }
                    coded.updates.push(update);
                }
                Err(error) => {
                    failed(&error);
                    *slot = None;
                    coded.left.extend(share);
                }
            }
        }
        coded.left.sort_unstable();
        coded
    }

    /// Moves fresh tiles beyond the budget from `shares` to `left`, those farthest from the pointer first.
    fn leave_out(
        &self,
        grid: &Grid,
        shares: &mut [Vec<usize>; STREAMS],
        budget: &VideoBudget<'_>,
        now: Instant,
        left: &mut Vec<usize>,
    ) {
        let mut fresh: Vec<usize> = Vec::new();
        for (stream, share) in self.streams.iter().zip(shares.iter()) {
            let Some(stream) = stream else { continue };
            fresh.extend(share.iter().filter(|tile| stream.is_fresh(**tile, now)));
        }
        if fresh.len() <= budget.fresh {
            return;
        }
        fresh.sort_by_key(|tile| distance_squared(grid.rect(*tile), budget.pointer));
        let mut out = fresh.split_off(budget.fresh);
        out.sort_unstable();
        for share in shares {
            share.retain(|tile| out.binary_search(tile).is_err());
        }
        left.extend(out);
    }

    /// Lists the tiles that no stream covers.
    fn uncovered(&self, grid: &Grid, tiles: &[usize]) -> Vec<usize> {
        let layout = self.layout();
        tiles.iter().copied().filter(|tile| smallest_cover(&layout, grid.rect(*tile)).is_none()).collect()
    }

    /// Returns the rectangles of the present streams.
    fn layout(&self) -> StreamLayout {
        let mut layout = StreamLayout::default();
        for (rect, stream) in layout.iter_mut().zip(&self.streams) {
            *rect = stream.as_ref().map(VideoStream::rect);
        }
        layout
    }

    /// Replaces streams that are too large for their motion by smaller ones.
    fn shrink(&mut self, grid: &Grid, now: Instant) {
        let mut layout = self.layout();
        for number in 0..STREAMS {
            let free = layout.iter().filter(|rect| rect.is_none()).count();
            let Some(stream) = self.streams.get_mut(number).and_then(Option::as_mut) else { continue };
            let Some(parts) = stream.region().better(grid, free + 1, now) else { continue };
            if let Some(rect) = layout.get_mut(number) {
                *rect = None;
            }
            layout.iter_mut().filter(|rect| rect.is_none()).zip(parts).for_each(|(rect, part)| {
                *rect = Some(part);
            });
        }
        self.follow(&layout, grid.screen(), now);
    }

    /// Grows or begins streams so that they cover `groups`, as far as the number of streams permits.
    fn make_room(&mut self, grid: &Grid, groups: Vec<Rect>, now: Instant) {
        if groups.is_empty() {
            return;
        }
        let mut layout = self.layout();
        let mut parts: Vec<Rect> = groups.into_iter().flat_map(codable).collect();
        parts.sort_by_key(|part| std::cmp::Reverse(area(*part)));
        let idle = |stream: &VideoStream| now.duration_since(stream.last_used()) >= IDLE;
        for part in parts {
            if smallest_cover(&layout, part).is_none() && layout.iter().all(Option::is_some) {
                let mut slots = layout.iter_mut().zip(&self.streams);
                let unused = slots.find(|(rect, stream)| {
                    stream.as_ref().is_some_and(|stream| idle(stream) && **rect == Some(stream.rect()))
                });
                if let Some((rect, _)) = unused {
                    *rect = None;
                }
            }
            place(&mut layout, part);
        }
        self.follow(&layout, grid.screen(), now);
    }

    /// Creates and drops streams to match `layout`. A changed stream begins with a key frame, and with a
    /// margin if it grows.
    fn follow(&mut self, layout: &StreamLayout, screen: Size, now: Instant) {
        for (number, (slot, rect)) in (0..).zip(self.streams.iter_mut().zip(layout)) {
            let before = slot.as_ref().map(VideoStream::rect);
            if before == *rect {
                continue;
            }
            let stream = rect.map(|rect| {
                let grown = before.filter(|before| rect.union(before) == rect);
                let roomy = grown.map(|before| with_margin(before, rect, screen));
                VideoStream::new(number, roomy.filter(|roomy| fits_codec(*roomy)).unwrap_or(rect), now)
            });
            *slot = stream.and_then(|stream| stream.inspect_err(failed).ok());
        }
    }
}

/// Changes `layout` so that a stream covers `part`, unless all are used and none can grow so far.
fn place(layout: &mut StreamLayout, part: Rect) {
    if smallest_cover(layout, part).is_some() {
        return;
    }
    let price = |rect: Option<Rect>| match rect {
        None => Some(cost(part)),
        Some(rect) if fits_codec(rect.union(&part)) => Some(area(rect.union(&part)) - area(rect)),
        Some(_) => None,
    };
    let priced = layout.iter().enumerate().filter_map(|(slot, rect)| Some((price(*rect)?, slot)));
    let Some(slot) = priced.min().map(|(_, slot)| slot) else { return };
    let Some(before) = layout.get_mut(slot).map(Option::take) else { return };
    let mut rect = part;
    if let Some(before) = before {
        rect = before.union(&part);
        // The stream needs a key frame anyway, so joining others costs no further one.
        for other in layout.iter_mut() {
            if let Some(near) = *other
                && cost(rect.union(&near)) <= cost(rect) + cost(near)
                && fits_codec(rect.union(&near))
            {
                rect = rect.union(&near);
                *other = None;
            }
        }
    }
    if let Some(place) = layout.get_mut(slot) {
        *place = Some(rect);
    }
}

/// Returns the number of the smallest stream in `layout` that covers `rect`.
fn smallest_cover(layout: &StreamLayout, rect: Rect) -> Option<usize> {
    let covers = |stream: &Rect| stream.intersection(&rect) == rect;
    let covering =
        layout.iter().enumerate().filter_map(|(slot, stream)| Some((slot, stream.filter(covers)?)));
    covering.min_by_key(|(_, stream)| area(*stream)).map(|(slot, _)| slot)
}

/// Divides a region of whole tiles in halves until the codec supports each part.
fn codable(rect: Rect) -> Vec<Rect> {
    if fits_codec(rect) || (rect.width <= TILE && rect.height <= TILE) {
        return vec![rect];
    }
    let half = |side: u32| (side / 2).next_multiple_of(TILE);
    let first = if rect.width >= rect.height {
        Rect { width: half(rect.width), ..rect }
    } else {
        Rect { height: half(rect.height), ..rect }
    };
    std::iter::once(first).chain(rect.without(&first)).flat_map(codable).collect()
}

/// Logs an error of the codec; the tiles are sent lossless instead.
fn failed(error: &VideoError) {
    tracing::error!(%error, "video failed; sending exact pixels instead");
}

#[cfg(test)]
mod tests;
