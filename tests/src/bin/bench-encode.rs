//! What encoding costs, scene by scene at 1920x1080: every step of a scene is compared, encoded and
//! shown on a client's canvas, by a clock that stands still meanwhile, so that nothing but the code
//! decides what is sent, however busy the machine is. Times are processor time. Prints figures as
//! JSON lines; the names of scenes as arguments restrict it to those.

use oriel_display::damage::Damage;
use oriel_display::pipeline::Composer;
use oriel_display::{Canvas, cpu_time};
use oriel_scenes::Scene;
use oriel_tests::figure::{Figure, percentile};
use oriel_tests::scene_source::{SceneSource, for_wanted_scenes};
use oriel_wire::{Frame, FrameHeader, Size, Update};
use std::error::Error;
use std::sync::Arc;
use std::time::{Duration, Instant};

const SIZE: Size = Size::new(1920, 1080);
/// The policy needs half a second to see what moves; that is told apart.
const SETTLE_SECONDS: u32 = 1;
const MEASURE_SECONDS: u32 = 6;
/// What stopped moving is exact after this.
const STILL: Duration = Duration::from_secs(1);
const SCENES: [Scene; 6] =
    [Scene::Typing, Scene::Scroll, Scene::Drag, Scene::Video, Scene::Call, Scene::Motion];

fn main() -> Result<(), Box<dyn Error>> {
    for_wanted_scenes(&SCENES, measure)
}

fn measure(scene: Scene) -> Result<(), Box<dyn Error>> {
    let source = SceneSource::new(SIZE);
    let mut renderer = source.renderer(scene);
    let mut session = Session::new(source.clone())?;
    let rate = scene.steps_per_second().unwrap_or(1);
    let period = Duration::from_secs(1) / rate;
    let mut now = Instant::now();
    let mut first_ms = 0.0;
    let mut first_bytes = 0;
    let mut settling_bytes = 0;
    for step in 0..(SETTLE_SECONDS + MEASURE_SECONDS) * rate {
        if step == SETTLE_SECONDS * rate {
            first_ms = session.tally.encode_ms.first().copied().unwrap_or_default();
            settling_bytes = session.tally.bytes - first_bytes;
            session.tally = Tally::default();
        }
        let mut damage = Damage::default();
        source.step(&mut renderer).into_iter().for_each(|rect| damage.add(rect));
        session.frame(&damage, 1, now)?;
        // The first picture rests until it is exact.
        let next = now + if step == 0 { STILL } else { period };
        session.refine(now, next)?;
        now = next;
        if step == 0 {
            first_bytes = session.tally.bytes;
        }
    }
    let mut tally = std::mem::take(&mut session.tally);
    session.refine(now, now + STILL)?;
    if session.canvas.rgba() != source.rgba() {
        return Err(format!("{}: what stopped moving is not exact", scene.name()).into());
    }

    let name = scene.name();
    let figure = |what: &str, value: f64, unit: &str| Figure::new(what, value, unit).with("scene", name);
    let frames = (tally.encode_ms.len() as f64).max(1.0);
    let steps = f64::from(MEASURE_SECONDS * rate);
    let seconds = f64::from(MEASURE_SECONDS);
    figure("encode_first_frame_cpu_ms", first_ms, "ms").print();
    figure("encoded_first_picture_kib", first_bytes as f64 / 1024.0, "KiB").print();
    figure("encoded_settling_kib", settling_bytes as f64 / 1024.0, "KiB").print();
    figure("encode_cpu_ms", percentile(&mut tally.encode_ms, 0.5), "ms").with("percentile", "p50").print();
    figure("encode_cpu_ms", percentile(&mut tally.encode_ms, 0.99), "ms").with("percentile", "p99").print();
    figure("encode_core_percent", tally.encode_ms.iter().sum::<f64>() / seconds / 10.0, "%").print();
    figure("frames_per_step", frames / steps, "ratio").print();
    figure("exact_tile_share", tally.exact_share(), "ratio").print();
    figure("exact_frame_share", tally.exact_frames as f64 / frames, "ratio").print();
    figure("copies_per_frame", tally.copies as f64 / frames, "copies").print();
    figure("encoded_kib_per_s", tally.bytes as f64 / 1024.0 / seconds, "KiB/s").print();
    figure("psnr_db_worst", tally.worst_psnr.unwrap_or(f64::INFINITY).min(99.0), "dB").print();
    Ok(())
}

/// A desktop and a client that has it on its canvas.
struct Session {
    source: Arc<SceneSource>,
    composer: Composer,
    canvas: Canvas,
    tally: Tally,
}

#[derive(Debug, Default)]
struct Tally {
    encode_ms: Vec<f64>,
    exact: usize,
    video: usize,
    copies: usize,
    exact_frames: usize,
    bytes: usize,
    /// Of the canvas after a frame.
    worst_psnr: Option<f64>,
}

impl Session {
    fn new(source: Arc<SceneSource>) -> Result<Self, Box<dyn Error>> {
        let composer = Composer::new(true, false)?;
        Ok(Self { source, composer, canvas: Canvas::new(), tally: Tally::default() })
    }

    fn frame(&mut self, damage: &Damage, flushes: u32, now: Instant) -> Result<(), Box<dyn Error>> {
        let begun = cpu_time::of_this_thread();
        let middle = (SIZE.width / 2, SIZE.height / 2);
        let composed = self.composer.compose(&*self.source, damage, flushes, middle, now);
        self.composer.tidy(now);
        let spent = cpu_time::of_this_thread().saturating_sub(begun);
        let Some(composed) = composed else { return Ok(()) };
        let tally = &mut self.tally;
        tally.encode_ms.push(spent.as_secs_f64() * 1000.0);
        tally.exact += composed.exact_tiles;
        tally.video += composed.video_tiles;
        tally.copies += composed.updates.iter().filter(|one| matches!(one, Update::Copy { .. })).count();
        tally.exact_frames += usize::from(composed.exact);
        let header = FrameHeader {
            size: composed.size,
            whole: composed.whole,
            exact: composed.exact,
            ..FrameHeader::default()
        };
        let frame = Frame { header, updates: composed.updates };
        tally.bytes += frame.encode().len();
        self.canvas.apply(&frame)?;
        if !composed.exact && tally.encode_ms.len().is_multiple_of(16) {
            let psnr = psnr(self.canvas.rgba(), &self.source.rgba());
            tally.worst_psnr = Some(tally.worst_psnr.map_or(psnr, |worst| worst.min(psnr)));
        }
        Ok(())
    }

    /// Sends what is due by itself from `now` on until `end`.
    fn refine(&mut self, now: Instant, end: Instant) -> Result<(), Box<dyn Error>> {
        let mut at = now;
        while let Some(due) = self.composer.next_due().filter(|due| *due < end) {
            at = at.max(due);
            if self.composer.wants_frame(at) {
                self.frame(&Damage::default(), 0, at)?;
            }
            self.composer.tidy(at);
        }
        Ok(())
    }
}

impl Tally {
    fn exact_share(&self) -> f64 {
        let all = self.exact + self.video;
        if all == 0 { 1.0 } else { self.exact as f64 / all as f64 }
    }
}

/// Peak signal to noise ratio of two pictures, in dB.
fn psnr(one: &[u8], other: &[u8]) -> f64 {
    let error: u64 = one.iter().zip(other).map(|(one, other)| u64::from(one.abs_diff(*other)).pow(2)).sum();
    // Three of four bytes are colours.
    10.0 * (255.0f64.powi(2) / (error.max(1) as f64 / (one.len() as f64 * 0.75))).log10()
}
