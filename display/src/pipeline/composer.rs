//! Composer: connects the stages of the pipeline for one client, or for an encode group.

use super::classify::{Classified, VideoMode, classify};
use super::frame::{Composed, FrameContext, Region};
use super::frame_budget::{Allowance, FrameBudget};
use super::lossless_stage::LosslessStage;
use super::scan::DamageScanner;
use super::tile_history::TileHistory;
use super::video_stage::VideoStage;
use crate::copy_rect::{CopyDetector, CopyResult};
use crate::damage::Damage;
use crate::framebuffer::Framebuffer;
use crate::lossless::encode::CompressError;
use crate::source::PixelSource;
use crate::tile_hashes::tile_agrees;
use crate::tiles::{Grid, TileChange};
use oriel_wire::{Size, TILE, TileHashes, Update};
use std::time::Instant;

/// Largest side in pixels of a picture; larger screens are cropped, so that a guest cannot demand unbounded
/// memory.
const MAX_SIDE: u32 = 8192;

/// Pixels of true colour in one frame (16 tiles) from which they go as video, if the client has it: lossless
/// they take 80 KB and more. Measured (bench-encode): with 64 tiles the first second of a film in a window
/// takes fifteen times as many bytes, and a film of 6 pictures a second never becomes video.
const TRUE_COLOUR_BURST: u32 = 16 * TILE * TILE;

/// Composer of one client's frames: the client's picture, its history, and the encoders.
pub struct Composer {
    framebuffer: Framebuffer,
    /// Tiles that are not exact in the client's picture, and tiles in motion.
    history: TileHistory,
    scanner: DamageScanner,
    copy_detector: CopyDetector,
    lossless: LosslessStage,
    budget: FrameBudget,
    video: VideoStage,
    /// True if the client decodes H.264.
    h264: bool,
    /// True if every change is sent as video.
    video_only: bool,
    /// True if the next frame is a whole new picture.
    begin: bool,
    /// True if the next frame sends all tiles, though the client has a picture.
    all: bool,
    /// Tile hashes of the picture that the client has before the first frame.
    known: Option<TileHashes>,
    /// Damage that could not be read because the source was lost.
    unread: Damage,
}

impl Composer {
    /// Creates a composer for a client without a picture. `h264` permits video; `video_only` sends every
    /// change as video, and has no effect without `h264`.
    ///
    /// # Errors
    /// When zstd's context cannot be allocated.
    pub fn new(h264: bool, video_only: bool) -> Result<Self, CompressError> {
        Ok(Self {
            framebuffer: Framebuffer::default(),
            history: TileHistory::default(),
            scanner: DamageScanner::default(),
            copy_detector: CopyDetector::default(),
            lossless: LosslessStage::new()?,
            budget: FrameBudget::default(),
            video: VideoStage::default(),
            h264,
            video_only: video_only && h264,
            begin: false,
            all: false,
            known: None,
            unread: Damage::default(),
        })
    }

    /// Takes over the tile hashes of a picture that the client has: the first frame contains only tiles that
    /// differ.
    pub fn resume(&mut self, known: TileHashes) {
        self.known = Some(known);
    }

    /// Returns the pixels of the last frame, which the client shows except for parts that are not exact.
    pub fn framebuffer(&self) -> &Framebuffer {
        &self.framebuffer
    }

    /// Reports whether an encode group may use the composer: its client decodes H.264, has a picture, and
    /// requests nothing special.
    pub fn is_shareable(&self) -> bool {
        let has_picture = !self.framebuffer.size().bounds().is_empty();
        self.h264 && !self.video_only && has_picture && !(self.begin || self.all)
    }

    /// Creates a composer for one of several clients that received this one's frames.
    ///
    /// # Errors
    /// When zstd's context cannot be allocated.
    pub fn fork(&self) -> Result<Self, CompressError> {
        Ok(Self {
            framebuffer: self.framebuffer.clone(),
            history: self.history.clone(),
            unread: self.unread.clone(),
            begin: self.begin,
            ..Self::new(self.h264, self.video_only)?
        })
    }

    /// Adds the client of `other`, which was just composed from this composer's picture, to the receivers of
    /// this composer's frames.
    pub fn merge_history(&mut self, other: &Self) {
        self.history.merge_history(&other.history);
        self.video.clear();
    }

    /// Makes the next frame a whole new picture.
    pub fn force_full_refresh(&mut self) {
        self.begin = true;
        self.known = None;
    }

    /// Stops using video and makes the next frame a whole new picture.
    pub fn give_up_video(&mut self) {
        self.h264 = false;
        self.video_only = false;
        self.video.clear();
        self.begin = true;
    }

    /// Sets whether every change is sent as video; has no effect for a client without H.264.
    pub fn set_video_only(&mut self, video_only: bool) {
        let video_only = video_only && self.h264;
        if video_only != self.video_only {
            self.video_only = video_only;
            self.video.clear();
            self.all |= video_only;
        }
    }

    /// Sets the byte limits of the frames that follow; unlimited by default. Changes that do not fit follow
    /// in later frames.
    pub fn allow(&mut self, allowed: Allowance) {
        self.budget.allow(allowed);
    }

    /// Returns the time at which [`Self::compose`] or [`Self::tidy`] has work without new damage; `None` if
    /// never.
    pub fn next_due(&self) -> Option<Instant> {
        let refine = if self.video_only { None } else { self.history.next_due() };
        refine.into_iter().chain(self.video.next_due()).min()
    }

    /// Drops video streams that were unused for two seconds.
    pub fn tidy(&mut self, now: Instant) {
        self.video.tidy(now);
    }

    /// Reports whether a frame is due without damage: a whole picture, a refinement, or finer video.
    pub fn wants_frame(&self, now: Instant) -> bool {
        let refine = !self.video_only && self.history.next_due().is_some_and(|due| due <= now);
        let polish = self.video_only && self.video.is_coarse();
        !self.framebuffer.size().bounds().is_empty() && (self.begin || self.all || refine || polish)
    }

    /// Composes a frame: reads damaged tiles from `source` and encodes those that changed. Returns `None` if
    /// nothing changed and nothing is due. `flushes` is the number of flushes in `damage`; `pointer` is the
    /// position in pixels near which changes come first.
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
            self.history = TileHistory::new(Grid::new(size));
            self.video.clear();
        }
        self.all |= self.video_only && self.video.is_coarse();
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
            changes = tiles.map(|tile| TileChange { tile, rect: grid.rect(tile) }).collect();
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
            self.history.copied(one.source(), one.to);
            composed.updates.push(Update::Copy { src_x: one.src_x, src_y: one.src_y, to: one.to });
        }
        self.encode(changes, found.exposed, flushes, pointer, now, &mut composed);
        composed.exact = self.history.is_exact() && self.unread.is_empty();
        // A client that has all of the picture still needs a first frame, which says so.
        (first || !composed.updates.is_empty()).then_some(composed)
    }

    /// Scans the damage and returns the changed tiles; `copies` keeps the old pixels for copy detection.
    fn read(&mut self, source: &dyn PixelSource, damage: &Damage, copies: bool) -> Vec<TileChange> {
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

    /// Runs the stages after copy detection: classification, lossless, video and refinement.
    fn encode(
        &mut self,
        changes: Vec<TileChange>,
        exposed: Vec<TileChange>,
        flushes: u32,
        pointer: (u32, u32),
        now: Instant,
        composed: &mut Composed,
    ) {
        let mode = match (self.video_only, self.h264) {
            (true, _) => VideoMode::Always,
            (false, true) => VideoMode::Motion,
            (false, false) => VideoMode::Off,
        };
        let always = mode == VideoMode::Always;
        let mut frame = FrameContext {
            framebuffer: &self.framebuffer,
            history: &mut self.history,
            budget: &mut self.budget,
            composed,
            pointer,
            now,
        };
        let Classified { mut motion, still } = classify(changes, exposed, mode, flushes, &mut frame);
        frame.budget.begin();
        let true_colour = self.lossless.push_palette(still, &mut frame);
        let area: u32 = true_colour.iter().map(Region::area).sum();
        if self.h264 && area >= TRUE_COLOUR_BURST {
            let (shown, rest) = true_colour.split_at(self.video.regions_that_fit(&true_colour, frame.budget));
            motion.extend(shown.iter().flat_map(|region| region.tiles.iter().copied()));
            rest.iter().for_each(|region| frame.postpone(region));
        } else {
            self.lossless.push_true_colour(&true_colour, &mut frame);
        }
        if !motion.is_empty() {
            motion.sort_unstable();
            motion.dedup();
            let rejected = self.video.encode(&motion, always, &mut frame);
            self.lossless.push_rejected(rejected, always, &mut frame);
        }
        if !always {
            self.lossless.refine(&mut frame);
        }
        if let Err(error) = self.lossless.finish(&mut frame) {
            tracing::error!(%error, "compressing a frame failed; the next frame is a whole new picture");
            self.begin = true;
        }
    }
}
