//! What encoding costs, scene by scene at 1920x1080: a viewer with a client on the same machine,
//! and the scene drawn at its own rate. Prints figures as JSON lines.

use oriel_display::viewer::{Mode, Viewer};
use oriel_display::{Client, Desk, Exchange, InputEvent, InputId, InputSink, Screen, Size};
use oriel_scenes::Scene;
use oriel_tests::figure::{Figure, percentile};
use oriel_tests::scene_source::SceneSource;
use std::error::Error;
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

const SIZE: Size = Size::new(1920, 1080);
/// The policy needs half a second to see what moves; what comes before is left out.
const SETTLE: Duration = Duration::from_secs(1);
const MEASURE: Duration = Duration::from_secs(6);
const SCENES: [Scene; 5] = [Scene::Typing, Scene::Scroll, Scene::Drag, Scene::Video, Scene::Motion];

struct NoInput;

impl InputSink for NoInput {
    fn input(&self, _event: InputEvent, _id: InputId) {}
}

fn main() -> Result<(), Box<dyn Error>> {
    for scene in SCENES {
        measure(scene)?;
    }
    Ok(())
}

fn measure(scene: Scene) -> Result<(), Box<dyn Error>> {
    let source = SceneSource::new(SIZE);
    let screen = Screen::new();
    let mut renderer = source.renderer(scene);
    source.step(&mut renderer);
    screen.set_scanout(Some(source.clone()));

    let (ours, theirs) = UnixStream::pair()?;
    let served = screen.clone();
    let server = thread::spawn(move || {
        Viewer::serve(theirs, Desk::of(served), Arc::new(NoInput), Exchange::new(), Mode::Interact)
    });
    let mut client = Client::connect(ours, true)?;
    let first = client.next_frame()?;
    let over = Arc::new(AtomicBool::new(false));
    let ended = over.clone();
    let receiver = thread::spawn(move || {
        let begun = Instant::now();
        let mut encode_ms = Vec::new();
        while let Ok(frame) = client.next_frame() {
            if begun.elapsed() > SETTLE && !ended.load(Ordering::Relaxed) {
                encode_ms.push(f64::from(frame.header.encode_us) / 1000.0);
            }
        }
        encode_ms
    });

    let period = Duration::from_secs(1) / scene.steps_per_second().unwrap_or(1);
    let begun = Instant::now();
    let mut due = begun;
    let mut settled = None;
    while begun.elapsed() < SETTLE + MEASURE {
        for rect in source.step(&mut renderer) {
            screen.flush(rect);
        }
        if settled.is_none() && begun.elapsed() > SETTLE {
            settled = Some(Tally::of(&screen));
        }
        due += period;
        thread::sleep(due.saturating_duration_since(Instant::now()));
    }
    over.store(true, Ordering::Relaxed);
    let spent = Tally::of(&screen).since(&settled.unwrap_or_default());
    screen.close("The measurement is over.");
    server.join().map_err(|_| "the viewer panicked")??;
    let mut encode_ms = receiver.join().map_err(|_| "the client panicked")?;

    let name = scene.name();
    let figure = |what: &str, value: f64, unit: &str| Figure::new(what, value, unit).with("scene", name);
    figure("encode_first_frame_ms", f64::from(first.header.encode_us) / 1000.0, "ms").print();
    figure("encode_ms", percentile(&mut encode_ms, 0.5), "ms").with("percentile", "p50").print();
    figure("encode_ms", percentile(&mut encode_ms, 0.99), "ms").with("percentile", "p99").print();
    figure("exact_tile_share", spent.exact_share(), "ratio").print();
    figure("encoded_kib_per_s", spent.bytes as f64 / 1024.0 / MEASURE.as_secs_f64(), "KiB/s").print();
    figure("encoded_frames_per_s", encode_ms.len() as f64 / MEASURE.as_secs_f64(), "1/s").print();
    Ok(())
}

#[derive(Debug, Default)]
struct Tally {
    exact: u64,
    video: u64,
    bytes: u64,
}

impl Tally {
    fn of(screen: &Screen) -> Self {
        let counters = screen.counters();
        Self {
            exact: counters.exact_tiles.get(),
            video: counters.video_tiles.get(),
            bytes: counters.frame_bytes.get(),
        }
    }

    fn since(&self, before: &Self) -> Self {
        Self {
            exact: self.exact - before.exact,
            video: self.video - before.video,
            bytes: self.bytes - before.bytes,
        }
    }

    fn exact_share(&self) -> f64 {
        let all = self.exact + self.video;
        if all == 0 { 1.0 } else { self.exact as f64 / all as f64 }
    }
}
