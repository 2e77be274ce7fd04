//! Makes the updates that bring one viewer's picture up to date.

use crate::budget::{Allowance, Budget, urgency};
use crate::copy_rect::{CopyDetector, CopyResult};
use crate::damage::{Change, Scanner};
use crate::framebuffer::Framebuffer;
use crate::inbox::Damage;
use crate::lossless::{LosslessEncoder, TileContent};
use crate::policy::Policy;
use crate::quality::Quality;
use crate::source::PixelSource;
use crate::tile_hashes::tile_agrees;
use crate::tiles::Grid;
use crate::video::VideoStreams;
use crate::video::streams::Room;
use oriel_wire::{Rect, Size, TILE, TileHashes, Update};
use std::time::Instant;

/// Larger screens are shown up to here: a viewer's memory is bounded, whatever a guest claims.
const MAX_SIDE: u32 = 8192;

/// As many true colour pixels in one frame, 16 tiles, are not worth sending exact at once where there
/// is video: they take 80 KB and more. Measured (bench-encode): with 64 tiles the first second of a film in
/// a window takes fifteen times as many bytes, and a film of 6 pictures a second never becomes video.
const PHOTO_BURST: u32 = 16 * TILE * TILE;

/// Soft tiles are made exact in slices of this many bytes before compression, so that a new change
/// never waits long; with slices of a quarter, a screen that stops moving is exact later than half a
/// second after it.
const SLICE: usize = 1024 * 1024;

/// The same beside changes that are sent in the same frame.
const SMALL_SLICE: usize = 64 * 1024;

/// Neighbouring changes are joined up to this area: about a tile.
const JOINED_AREA: u32 = TILE * TILE;

/// What brings a client's picture up to date.
#[derive(Debug, Default)]
pub struct Composed {
    /// The screen.
    pub size: Size,
    /// The client starts from nothing.
    pub whole: bool,
    /// The client's picture is exact afterwards.
    pub exact: bool,
    /// In order.
    pub updates: Vec<Update>,
    /// Tiles (or parts) in exact updates.
    pub exact_tiles: usize,
    /// Tiles in video updates.
    pub video_tiles: usize,
    /// Whether anything of this was read from the source now; otherwise it only refines.
    pub changed: bool,
}

/// One viewer's picture and everything that encodes it.
pub struct Composer {
    framebuffer: Framebuffer,
    policy: Policy,
    scanner: Scanner,
    copy_detector: CopyDetector,
    lossless: LosslessEncoder,
    budget: Budget,
    quality: Quality,
    streams: VideoStreams,
    h264: bool,
    video_only: bool,
    /// The next frame is a whole new picture.
    begin: bool,
    /// The next frame brings all of the picture, though the client has one.
    all: bool,
    /// All goes as video, and not as fine as it could be where nothing changes.
    coarse: bool,
    /// What the client has before the first frame.
    known: Option<TileHashes>,
    /// Damage that could not be read because the source went away.
    unread: Damage,
}

impl Composer {
    /// A composer for a client that has nothing yet.
    ///
    /// # Errors
    /// When memory is short.
    pub fn new(h264: bool, video_only: bool) -> Result<Self, crate::lossless::encode::CompressError> {
        Ok(Self {
            framebuffer: Framebuffer::default(),
            policy: Policy::default(),
            scanner: Scanner::default(),
            copy_detector: CopyDetector::default(),
            lossless: LosslessEncoder::new()?,
            budget: Budget::default(),
            quality: Quality::default(),
            streams: VideoStreams::default(),
            h264,
            video_only: video_only && h264,
            begin: false,
            all: false,
            coarse: false,
            known: None,
            unread: Damage::default(),
        })
    }

    /// The client has a picture already: the first frame brings only the tiles that differ.
    pub fn resume(&mut self, known: TileHashes) {
        self.known = Some(known);
    }

    /// The client's picture, but for what is not exact in it.
    pub fn framebuffer(&self) -> &Framebuffer {
        &self.framebuffer
    }

    /// Whether other viewers may take its frames: nothing is wanted of it that is not of all.
    pub fn is_shareable(&self) -> bool {
        let has_picture = !self.framebuffer.size().bounds().is_empty();
        self.h264 && !self.video_only && has_picture && !(self.begin || self.all)
    }

    /// A composer for one client of several that took this one's frames.
    ///
    /// # Errors
    /// When memory is short.
    pub fn fork(&self) -> Result<Self, crate::lossless::encode::CompressError> {
        Ok(Self {
            framebuffer: self.framebuffer.clone(),
            policy: self.policy.clone(),
            unread: self.unread.clone(),
            begin: self.begin,
            ..Self::new(self.h264, self.video_only)?
        })
    }

    /// From now on the client of `other`, which was just composed from this one's picture, takes this
    /// one's frames as well.
    pub fn merge_history(&mut self, other: &Self) {
        self.policy.merge_history(&other.policy);
        self.streams.clear();
    }

    /// Sends a whole new picture next.
    pub fn begin_anew(&mut self) {
        self.begin = true;
        self.known = None;
    }

    /// Does without video from now on, and sends a whole new picture next.
    pub fn give_up_video(&mut self) {
        self.h264 = false;
        self.video_only = false;
        self.streams.clear();
        self.begin = true;
    }

    /// Sends everything as video from now on, or not; without video in the client nothing changes.
    pub fn set_video_only(&mut self, video_only: bool) {
        let video_only = video_only && self.h264;
        if video_only != self.video_only {
            self.video_only = video_only;
            self.streams.clear();
            self.all |= video_only;
        }
    }

    /// Frames are to have so much from now on; without a word, as much as it takes. What does not
    /// fit follows in the next frames.
    pub fn allow(&mut self, allowed: Allowance) {
        self.budget.allow(allowed);
    }

    /// When [`Self::compose`] has something to do without new damage.
    pub fn next_due(&self) -> Option<Instant> {
        let refine = if self.video_only { None } else { self.policy.next_due() };
        refine.into_iter().chain(self.streams.next_due()).min()
    }

    /// Drops encoders that were not used for a while.
    pub fn tidy(&mut self, now: Instant) {
        self.streams.tidy(now);
    }

    /// Whether a frame is wanted though nothing was damaged.
    pub fn wants_frame(&self, now: Instant) -> bool {
        let refine = !self.video_only && self.policy.next_due().is_some_and(|due| due <= now);
        let polish = self.video_only && self.coarse;
        !self.framebuffer.size().bounds().is_empty() && (self.begin || self.all || refine || polish)
    }

    /// Reads what was damaged and encodes what changed; `None` when nothing did and nothing is due.
    /// `flushes` says how often the guest drew since; `pointer` is where the person looks.
    pub fn compose(
        &mut self,
        source: &dyn PixelSource,
        damage: &Damage,
        flushes: u32,
        pointer: (u32, u32),
        now: Instant,
    ) -> Option<Composed> {
        let size = source.size();
        let size = Size::new(size.width.min(MAX_SIDE), size.height.min(MAX_SIDE));
        if size.bounds().is_empty() {
            return None;
        }
        if self.begin || size != self.framebuffer.size() {
            self.begin = true;
            self.framebuffer = Framebuffer::new(size);
            self.policy = Policy::new(Grid::new(size));
            self.streams.clear();
        }
        self.all |= self.video_only && self.coarse;
        let copies = !(self.begin || self.all || self.video_only);
        let mut changes = self.read(source, damage, copies);
        let known = self.known.take().filter(|known| known.size() == size);
        let whole = self.begin && known.is_none();
        let mut composed = Composed { size, whole, changed: !changes.is_empty(), ..Composed::default() };
        if self.begin || self.all {
            let grid = Grid::new(size);
            let missing = |tile: &usize| {
                known.as_ref().is_none_or(|known| !tile_agrees(known, &self.framebuffer, *tile))
            };
            let tiles = (0..grid.len()).filter(missing);
            changes = tiles.map(|tile| Change { tile, rect: grid.rect(tile) }).collect();
            composed.changed = true;
        }
        let first = self.begin;
        let found = if copies {
            self.copy_detector.find(&self.framebuffer, &mut changes)
        } else {
            CopyResult::default()
        };
        self.begin = false;
        self.all = false;
        for one in &found.copies {
            self.policy.copied(one.source(), one.to);
            composed.updates.push(Update::Copy { src_x: one.src_x, src_y: one.src_y, to: one.to });
        }
        self.encode(changes, found.exposed, flushes, pointer, now, &mut composed);
        composed.exact = self.policy.is_exact() && self.unread.is_empty();
        // A client that has all of the picture is told so.
        (first || !composed.updates.is_empty()).then_some(composed)
    }

    fn read(&mut self, source: &dyn PixelSource, damage: &Damage, copies: bool) -> Vec<Change> {
        let mut look = std::mem::take(&mut self.unread);
        damage.rects().iter().for_each(|rect| look.add(*rect));
        if self.begin {
            look.add(self.framebuffer.size().bounds());
        }
        let mut changes = Vec::new();
        let before = if copies { self.copy_detector.arm(self.framebuffer.size()) } else { None };
        if self.scanner.scan(source, &look, &mut self.framebuffer, before, &mut changes).is_err() {
            self.unread = look;
        }
        changes
    }

    fn encode(
        &mut self,
        mut changes: Vec<Change>,
        exposed: Vec<Change>,
        flushes: u32,
        pointer: (u32, u32),
        now: Instant,
        composed: &mut Composed,
    ) {
        let framebuffer = &self.framebuffer;
        let mut motion = if self.video_only {
            changes.iter().map(|change| change.tile).collect()
        } else if self.h264 {
            self.policy.take_motion(&mut changes, flushes, now, |rect| is_flat(framebuffer, rect))
        } else {
            Vec::new()
        };
        if self.video_only {
            changes.clear();
        }
        // What came into view by scrolling is new once, not in motion.
        changes.extend(exposed);
        changes.sort_unstable_by_key(|change| change.tile);
        let mut changes = join(changes);
        let area = |one: &Joined| u64::from(one.rect.width) * u64::from(one.rect.height);
        if self.budget.is_tight_for(changes.iter().map(area).sum()) {
            changes.sort_by_key(|one| urgency(one.rect, pointer));
        }
        self.budget.begin();
        let photos = self.push_flat(changes, now, composed);
        let photo_area: u32 = photos.iter().map(|one| one.rect.width * one.rect.height).sum();
        if self.h264 && photo_area >= PHOTO_BURST {
            let (shown, rest) = photos.split_at(self.photos_that_fit(&photos));
            motion.extend(shown.iter().flat_map(|one| one.tiles.iter().copied()));
            rest.iter().for_each(|joined| self.postpone(joined, now));
        } else {
            self.push_photos(photos, now, composed);
        }
        if !motion.is_empty() {
            motion.sort_unstable();
            motion.dedup();
            self.push_video(&motion, pointer, now, composed);
        }
        if !self.video_only {
            let slice = if composed.changed { SMALL_SLICE } else { SLICE };
            let due = self.policy.due(pointer, now);
            let limit = self.lossless.raw_len() + slice;
            for (tile, rect) in due {
                if self.lossless.raw_len() >= limit || !self.budget.has_room_beside() {
                    break;
                }
                self.push_exact(&Joined { rect, tiles: vec![tile] }, composed);
            }
        }
        match self.lossless.finish() {
            Ok(update) => {
                self.budget.compressed(update.as_ref().map_or(0, Update::len));
                composed.updates.extend(update);
            }
            Err(error) => {
                tracing::error!(%error, "the exact part of a frame is lost; the picture begins anew");
                self.begin = true;
            }
        }
    }

    /// Adds what has few colours to the batch as far as there is room, and gives back what has many.
    fn push_flat(&mut self, changes: Vec<Joined>, now: Instant, composed: &mut Composed) -> Vec<Joined> {
        let mut photos = Vec::new();
        for joined in changes {
            let room = self.budget.has_room();
            if !room && self.lossless.is_flat(&self.framebuffer, joined.rect) {
                self.postpone(&joined, now);
            } else if !room || !self.push_if_flat(joined.rect) {
                photos.push(joined);
            } else {
                self.note_exact(&joined, composed);
            }
        }
        photos
    }

    /// How many of them video can show at once.
    fn photos_that_fit(&self, photos: &[Joined]) -> usize {
        let most = self.quality.most_tiles(self.budget.for_video());
        let mut tiles = 0_usize;
        let fits = |one: &&Joined| {
            tiles += one.tiles.len();
            tiles <= most
        };
        photos.iter().take_while(fits).count()
    }

    fn push_photos(&mut self, photos: Vec<Joined>, now: Instant, composed: &mut Composed) {
        for joined in photos {
            if self.budget.has_room() {
                self.push_photo(joined.rect);
                self.note_exact(&joined, composed);
            } else {
                self.postpone(&joined, now);
            }
        }
    }

    fn push_if_flat(&mut self, rect: Rect) -> bool {
        let before = self.lossless.raw_len();
        let flat = self.lossless.push(&self.framebuffer, rect) != TileContent::TrueColour;
        self.budget.flat(self.lossless.raw_len() - before);
        flat
    }

    fn push_photo(&mut self, rect: Rect) {
        let before = self.lossless.raw_len();
        self.lossless.push_true_colour(&self.framebuffer, rect);
        self.budget.true_colour(self.lossless.raw_len() - before);
    }

    fn postpone(&mut self, joined: &Joined, now: Instant) {
        let grid = Grid::new(self.framebuffer.size());
        for tile in &joined.tiles {
            self.policy.postponed(*tile, joined.rect.intersection(&grid.rect(*tile)), now);
        }
    }

    fn push_exact(&mut self, joined: &Joined, composed: &mut Composed) {
        if !self.push_if_flat(joined.rect) {
            self.push_photo(joined.rect);
        }
        self.note_exact(joined, composed);
    }

    fn note_exact(&mut self, joined: &Joined, composed: &mut Composed) {
        composed.exact_tiles += joined.tiles.len();
        joined.tiles.iter().for_each(|tile| self.policy.sent_exact(*tile, joined.rect));
    }

    /// Adds tiles in motion as video, or exact where that cannot be.
    fn push_video(&mut self, tiles: &[usize], pointer: (u32, u32), now: Instant, composed: &mut Composed) {
        let finest = self.quality.is_finest();
        let bytes = self.budget.for_video();
        // Where all goes as video nothing else does.
        let (most, fresh) = if self.video_only {
            (usize::MAX, usize::MAX)
        } else {
            (bytes.saturating_mul(2), self.quality.most_tiles(bytes))
        };
        let room = Room { bytes, most, fresh, pointer, quality: &mut self.quality };
        let coded = if self.video_only {
            self.streams.encode_of_all(&self.framebuffer, tiles, room, now)
        } else {
            self.streams.encode(&self.framebuffer, tiles, room, now)
        };
        self.budget.video(coded.updates.iter().map(|update| update.data.len()).sum());
        self.coarse = !(finest && self.quality.is_finest());
        let video = tiles.iter().filter(|tile| coded.left.binary_search(tile).is_err());
        for tile in video {
            composed.video_tiles += 1;
            self.policy.sent_as_video(*tile, now);
        }
        composed.updates.extend(coded.updates.into_iter().map(Update::Video));
        let grid = Grid::new(self.framebuffer.size());
        for tile in coded.left {
            let joined = Joined { rect: grid.rect(tile), tiles: vec![tile] };
            if self.video_only || self.budget.has_room() {
                self.push_exact(&joined, composed);
            } else {
                self.postpone(&joined, now);
            }
        }
    }
}

/// A rectangle to send exact, and the tiles it lies in.
struct Joined {
    rect: Rect,
    tiles: Vec<usize>,
}

/// Joins changes of neighbouring tiles in a row that have the same height, as a line of text has:
/// one small rectangle is cheaper than two.
fn join(changes: Vec<Change>) -> Vec<Joined> {
    let mut joined: Vec<Joined> = Vec::with_capacity(changes.len());
    for Change { tile, rect } in changes {
        if let Some(last) = joined.last_mut()
            && last.rect.right() == rect.x
            && (last.rect.y, last.rect.height) == (rect.y, rect.height)
            && last.rect.width + rect.width <= 4 * TILE
            && (last.rect.width + rect.width) * rect.height <= JOINED_AREA
        {
            last.rect.width += rect.width;
            last.tiles.push(tile);
            continue;
        }
        joined.push(Joined { rect, tiles: vec![tile] });
    }
    joined
}

fn is_flat(framebuffer: &Framebuffer, rect: Rect) -> bool {
    let first = framebuffer.row(rect.x, rect.y, 1);
    framebuffer.rows(rect).all(|row| row.chunks_exact(4).all(|pixel| pixel == first))
}
