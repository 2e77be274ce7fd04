//! Wires the stages of the pipeline for one client.

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

/// Larger screens are shown up to here: a viewer's memory is bounded, whatever a guest claims.
const MAX_SIDE: u32 = 8192;

/// As many true colour pixels in one frame, 16 tiles, are not worth sending exact at once where there
/// is video: they take 80 KB and more. Measured (bench-encode): with 64 tiles the first second of a film in
/// a window takes fifteen times as many bytes, and a film of 6 pictures a second never becomes video.
const TRUE_COLOUR_BURST: u32 = 16 * TILE * TILE;

/// One viewer's picture and everything that encodes it.
pub struct Composer {
    framebuffer: Framebuffer,
    history: TileHistory,
    scanner: DamageScanner,
    copy_detector: CopyDetector,
    lossless: LosslessStage,
    budget: FrameBudget,
    video: VideoStage,
    h264: bool,
    video_only: bool,
    /// The next frame is a whole new picture.
    begin: bool,
    /// The next frame brings all of the picture, though the client has one.
    all: bool,
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
    pub fn fork(&self) -> Result<Self, CompressError> {
        Ok(Self {
            framebuffer: self.framebuffer.clone(),
            history: self.history.clone(),
            unread: self.unread.clone(),
            begin: self.begin,
            ..Self::new(self.h264, self.video_only)?
        })
    }

    /// From now on the client of `other`, which was just composed from this one's picture, takes this
    /// one's frames as well.
    pub fn merge_history(&mut self, other: &Self) {
        self.history.merge_history(&other.history);
        self.video.clear();
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
        self.video.clear();
        self.begin = true;
    }

    /// Sends everything as video from now on, or not; without video in the client nothing changes.
    pub fn set_video_only(&mut self, video_only: bool) {
        let video_only = video_only && self.h264;
        if video_only != self.video_only {
            self.video_only = video_only;
            self.video.clear();
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
        let refine = if self.video_only { None } else { self.history.next_due() };
        refine.into_iter().chain(self.video.next_due()).min()
    }

    /// Drops encoders that were not used for a while.
    pub fn tidy(&mut self, now: Instant) {
        self.video.tidy(now);
    }

    /// Whether a frame is wanted though nothing was damaged.
    pub fn wants_frame(&self, now: Instant) -> bool {
        let refine = !self.video_only && self.history.next_due().is_some_and(|due| due <= now);
        let polish = self.video_only && self.video.is_coarse();
        !self.framebuffer.size().bounds().is_empty() && (self.begin || self.all || refine || polish)
    }

    /// Reads what was damaged and encodes what changed; `None` when nothing did and nothing is due.
    /// `flushes` says how often the guest drew since; `pointer` is where the user looks.
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
        // A client that has all of the picture is told so.
        (first || !composed.updates.is_empty()).then_some(composed)
    }

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

    /// The stages after the copies: classify, lossless, video, refinement, packets.
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
            tracing::error!(%error, "the lossless part of a frame is lost; the picture begins anew");
            self.begin = true;
        }
    }
}
