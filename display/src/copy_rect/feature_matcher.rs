//! Feature matcher: guesses by which offsets content moved. Distinctive places of the previous frame are
//! looked up in the present one, and each match votes for its offset.
//!
//! A feature is chosen by its content and not its position (16 pixels of a row whose hash ends in zeros), so
//! that both frames choose the same ones. A guess may be wrong; [`super::block_matcher`] compares the pixels.

use crate::framebuffer::Framebuffer;
use oriel_wire::Rect;

/// Offset of a motion in pixels: right and down.
pub type Offset = (i32, i32);

/// Number of pixels of a row by which a feature is chosen.
const SPAN: usize = 16;

/// Width in pixels of a feature's descriptor, which also covers several rows: some letters of text in their
/// full height.
const FEATURE_WIDTH: u32 = 32;
/// Number of rows in a descriptor.
const FEATURE_ROWS: u32 = 4;
/// Distance between those rows in pixels.
const FEATURE_STEP: u32 = 5;

/// Number of slots in the table of the previous frame's features.
const SLOTS: usize = 1 << 14;

/// Average number of pixels of a busy area for one feature …
const SPACING: u32 = 16;

/// … and the approximate largest number of features in an area.
const MAX_FEATURES: u32 = 8192;

/// Smallest number of votes for an offset; fewer are chance.
const MIN_VOTES: usize = 3;

/// Largest number of offsets returned.
const MAX_GUESSES: usize = 3;

/// Position of a descriptor that occurs more than once and so cannot vote.
const AMBIGUOUS: u32 = u32::MAX;

/// Matcher of features; its buffers are kept from frame to frame.
#[derive(Debug, Default)]
pub struct FeatureMatcher {
    /// Hash table of descriptors and positions (`y << 16 | x`); descriptor 0 marks an empty slot.
    slots: Vec<(u64, u32)>,
    /// Offset of each match.
    votes: Vec<Offset>,
    /// Pixels of the present row.
    pixels: Vec<u32>,
    /// Two buffers for hashes of runs in the present row.
    hashes: [Vec<u32>; 2],
}

impl FeatureMatcher {
    /// Estimates the offsets by which most of `area` moved between two frames, the likeliest first; at most
    /// three.
    pub fn estimate(&mut self, previous: &Framebuffer, current: &Framebuffer, area: Rect) -> Vec<Offset> {
        let pixels = area.width * area.height;
        let rarity = (pixels / MAX_FEATURES).max(SPACING).next_power_of_two();
        self.slots.clear();
        self.slots.resize(SLOTS, (0, 0));
        self.votes.clear();
        let last = area.bottom().saturating_sub((FEATURE_ROWS - 1) * FEATURE_STEP);
        let mut free = SLOTS * 3 / 4;
        for y in area.y..last {
            self.features(previous, area, y, rarity, |features, x, hash| {
                free = free.saturating_sub(features.remember(hash, y << 16 | x, free > 0));
            });
        }
        // Of a large area half the rows are enough to vote.
        let step = if rarity > SPACING { 2 } else { 1 };
        for y in (area.y..last).step_by(step) {
            self.features(current, area, y, rarity, |features, x, hash| {
                if let Some((was_x, was_y)) = features.find(hash)
                    && (was_x, was_y) != (x, y)
                {
                    features.votes.push((x as i32 - was_x as i32, y as i32 - was_y as i32));
                }
            });
        }
        self.best_offsets()
    }

    /// Returns the offsets with the most votes.
    fn best_offsets(&mut self) -> Vec<Offset> {
        self.votes.sort_unstable();
        let mut counted: Vec<(usize, Offset)> = self
            .votes
            .chunk_by(|one, other| one == other)
            .filter(|same| same.len() >= MIN_VOTES)
            .filter_map(|same| Some((same.len(), *same.first()?)))
            .collect();
        counted.sort_unstable_by(|one, other| other.cmp(one));
        counted.into_iter().take(MAX_GUESSES).map(|(_, offset)| offset).collect()
    }

    /// Calls `found` with the column and descriptor of each feature that begins in row `y`.
    fn features(
        &mut self,
        framebuffer: &Framebuffer,
        area: Rect,
        y: u32,
        rarity: u32,
        mut found: impl FnMut(&mut Self, u32, u64),
    ) {
        let pixels = framebuffer.row(area.x, y, area.width).as_chunks::<4>().0;
        self.pixels.clear();
        self.pixels.extend(pixels.iter().map(|pixel| u32::from_le_bytes(*pixel)));
        let [one, other] = &mut self.hashes;
        // Each hash joins twice as many pixels as the one before: 2, 4, 8, 16.
        join(&self.pixels, one, 1, 11);
        join(one, other, 2, 7);
        join(other, one, 4, 15);
        join(one, other, 8, 5);
        let chosen = |(hash, (pixel, next)): (&u32, (&u32, &u32))| {
            // A feature begins where the colour changes: flat areas have none.
            ((hash ^ hash >> 16) & (rarity - 1) == 0) & (pixel != next)
        };
        let hashes = std::mem::take(other);
        let pixels = std::mem::take(&mut self.pixels);
        let nexts = pixels.get(1..).unwrap_or_default();
        let blocks = hashes.chunks(SPAN).zip(pixels.chunks(SPAN).zip(nexts.chunks(SPAN)));
        for (start, (hashes, (pixels, nexts))) in (area.x..).step_by(SPAN).zip(blocks) {
            let row = || hashes.iter().zip(pixels.iter().zip(nexts));
            if !row().fold(false, |any, place| any | chosen(place)) {
                continue;
            }
            for (x, _) in (start..).zip(row()).filter(|(_, place)| chosen(*place)) {
                found(self, x, descriptor(framebuffer, x, y));
            }
        }
        self.pixels = pixels;
        let [_, other] = &mut self.hashes;
        *other = hashes;
    }

    /// Adds a descriptor to the table; returns the number of slots used, 0 or 1.
    fn remember(&mut self, hash: u64, place: u32, room: bool) -> usize {
        let mut slot = hash as usize % SLOTS;
        loop {
            let Some(entry) = self.slots.get_mut(slot) else { return 0 };
            if entry.0 == hash {
                entry.1 = AMBIGUOUS;
                return 0;
            }
            if entry.0 == 0 {
                if room {
                    *entry = (hash, place);
                }
                return usize::from(room);
            }
            slot = (slot + 1) % SLOTS;
        }
    }

    /// Returns the position (x, y) of a descriptor in the previous frame; `None` if absent or ambiguous.
    fn find(&self, hash: u64) -> Option<(u32, u32)> {
        let mut slot = hash as usize % SLOTS;
        loop {
            let (look, place) = *self.slots.get(slot)?;
            if look == 0 || look == hash {
                return (look == hash && place != AMBIGUOUS).then_some((place & 0xFFFF, place >> 16));
            }
            slot = (slot + 1) % SLOTS;
        }
    }
}

/// Computes hashes of runs from hashes of the runs half as long that lie `apart`.
fn join(halves: &[u32], out: &mut Vec<u32>, apart: usize, turn: u32) {
    let others = halves.get(apart..).unwrap_or_default();
    out.clear();
    out.extend(halves.iter().zip(others).map(|(one, other)| one.wrapping_add(other.rotate_left(turn))));
}

/// Computes the descriptor of the pixels at and below a position; never 0.
fn descriptor(framebuffer: &Framebuffer, x: u32, y: u32) -> u64 {
    let row = |number: u32| framebuffer.row(x, y + number * FEATURE_STEP, FEATURE_WIDTH).as_chunks::<8>().0;
    let rows = row(0).iter().zip(row(1)).zip(row(2)).zip(row(3));
    // The rows' hashes do not wait for each other: their multiplications overlap.
    let mut hashes = [0u64; FEATURE_ROWS as usize];
    for (((first, second), third), fourth) in rows {
        for (hash, pair) in hashes.iter_mut().zip([first, second, third, fourth]) {
            *hash = mixed(*hash, u64::from_le_bytes(*pair));
        }
    }
    let hash = hashes.into_iter().fold(0, mixed);
    (hash ^ hash >> 32) | 1 << 63
}

/// Mixes 8 more bytes into a hash.
fn mixed(hash: u64, more: u64) -> u64 {
    (hash.rotate_left(5) ^ more).wrapping_mul(0x9E37_79B9_7F4A_7C15)
}
