//! What each stage of the display pipeline costs alone, scene by scene at 1920x1080: the stages run one after
//! the other on every step of a scene, each with what the stage before it left, and each is timed by itself.
//! What connects the stages in a viewer (budgets, refinement) is left out; `bench-encode` measures the whole.
//! Times are processor time of frames in which the stage had work. Prints figures as JSON lines; the names of
//! scenes as arguments restrict it to those.

use oriel_display::copy_rect::CopyDetector;
use oriel_display::cpu_time;
use oriel_display::damage::Damage;
use oriel_display::framebuffer::Framebuffer;
use oriel_display::pipeline::classify::{VideoMode, classify};
use oriel_display::pipeline::frame::{Composed, FrameContext};
use oriel_display::pipeline::frame_budget::FrameBudget;
use oriel_display::pipeline::lossless_stage::LosslessStage;
use oriel_display::pipeline::scan::DamageScanner;
use oriel_display::pipeline::tile_history::TileHistory;
use oriel_display::pipeline::video_stage::VideoStage;
use oriel_display::tiles::Grid;
use oriel_scenes::Scene;
use oriel_tests::figure::{Figure, percentile};
use oriel_tests::scene_source::{SceneSource, for_wanted_scenes};
use oriel_wire::Size;
use std::error::Error;
use std::time::{Duration, Instant};

const SIZE: Size = Size::new(1920, 1080);
/// The first frames show the whole screen, and motion is not yet known.
const SETTLE_SECONDS: u32 = 1;
const MEASURE_SECONDS: u32 = 5;
const SCENES: [Scene; 5] = [Scene::Typing, Scene::Scroll, Scene::Drag, Scene::Video, Scene::Motion];
/// Names of the stages, in the order in which a frame passes them.
const STAGES: [&str; 5] = ["scan", "copy", "classify", "lossless", "video"];

fn main() -> Result<(), Box<dyn Error>> {
    for_wanted_scenes(&SCENES, measure)
}

fn measure(scene: Scene) -> Result<(), Box<dyn Error>> {
    let source = SceneSource::new(SIZE);
    let mut renderer = source.renderer(scene);
    let mut stages = Stages::new()?;
    let rate = scene.steps_per_second().unwrap_or(1);
    let mut now = Instant::now();
    for step in 0..(SETTLE_SECONDS + MEASURE_SECONDS) * rate {
        if step == SETTLE_SECONDS * rate {
            stages.spent = Default::default();
        }
        let mut damage = Damage::default();
        source.step(&mut renderer).into_iter().for_each(|rect| damage.add(rect));
        stages.frame(&source, &damage, now)?;
        now += Duration::from_secs(1) / rate;
    }
    for (stage, mut spent) in STAGES.into_iter().zip(stages.spent) {
        if spent.is_empty() {
            continue;
        }
        for (name, share) in [("p50", 0.5), ("p99", 0.99)] {
            Figure::new("stage_cpu_ms", percentile(&mut spent, share), "ms")
                .with("scene", scene.name())
                .with("stage", stage)
                .with("percentile", name)
                .print();
        }
    }
    Ok(())
}

/// The stages of one client, and the processor time in ms that each took, frame by frame.
struct Stages {
    framebuffer: Framebuffer,
    history: TileHistory,
    budget: FrameBudget,
    scanner: DamageScanner,
    copy_detector: CopyDetector,
    lossless: LosslessStage,
    video: VideoStage,
    spent: [Vec<f64>; STAGES.len()],
}

impl Stages {
    fn new() -> Result<Self, Box<dyn Error>> {
        Ok(Self {
            framebuffer: Framebuffer::new(SIZE),
            history: TileHistory::new(Grid::new(SIZE)),
            budget: FrameBudget::default(),
            scanner: DamageScanner::default(),
            copy_detector: CopyDetector::default(),
            lossless: LosslessStage::new()?,
            video: VideoStage::default(),
            spent: Default::default(),
        })
    }

    /// Passes one frame through all stages.
    fn frame(&mut self, source: &SceneSource, damage: &Damage, now: Instant) -> Result<(), Box<dyn Error>> {
        let [scan, copy, sort, lossless, video] = &mut self.spent;
        let mut changes = Vec::new();
        timed(scan, true, || {
            let previous = self.copy_detector.arm(SIZE);
            self.scanner.scan(source, damage, &mut self.framebuffer, previous, &mut changes)
        })?;
        let found =
            timed(copy, !changes.is_empty(), || self.copy_detector.find(&self.framebuffer, &mut changes));
        found.copies.iter().for_each(|one| self.history.copied(one.source(), one.to));

        let mut composed = Composed::default();
        let mut frame = FrameContext {
            framebuffer: &self.framebuffer,
            history: &mut self.history,
            budget: &mut self.budget,
            composed: &mut composed,
            pointer: (SIZE.width / 2, SIZE.height / 2),
            now,
        };
        let any = !(changes.is_empty() && found.exposed.is_empty());
        let classified =
            timed(sort, any, || classify(changes, found.exposed, VideoMode::Motion, 1, &mut frame));
        frame.budget.begin();
        timed(lossless, !classified.still.is_empty(), || {
            let true_colour = self.lossless.push_palette(classified.still, &mut frame);
            self.lossless.push_true_colour(&true_colour, &mut frame);
            self.lossless.finish(&mut frame)
        })?;
        timed(video, !classified.motion.is_empty(), || {
            self.video.encode(&classified.motion, false, &mut frame)
        });
        self.video.tidy(now);
        Ok(())
    }
}

/// Runs a stage, and appends its processor time in ms to `spent` if it `counts`.
fn timed<T>(spent: &mut Vec<f64>, counts: bool, stage: impl FnOnce() -> T) -> T {
    let begun = cpu_time::of_this_thread();
    let result = stage();
    if counts {
        spent.push(cpu_time::of_this_thread().saturating_sub(begun).as_secs_f64() * 1000.0);
    }
    result
}
