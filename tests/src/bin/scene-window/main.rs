//! The bench guest's scenes as an X program, for remote desktops that show those: `scene-window SCENE`.
//! Fills the screen that DISPLAY names, draws at the guest's pace, answers keys as the guest does and
//! says the same on standard output.

mod window;

use oriel_scenes::Scene;
use oriel_tests::scene_source::SceneSource;
use oriel_wire::Size;
use std::error::Error;
use std::process::ExitCode;
use std::time::{Duration, Instant};
use window::{Event, Window};

const SIZE: Size = Size::new(1920, 1080);
/// In the echo scene every other key is drawn as this one: evdev's KEY_A.
const SOME_KEY: u16 = 30;

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(reason) => {
            eprintln!("scene-window: {reason}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<(), Box<dyn Error>> {
    let name = std::env::args().nth(1).ok_or("usage: scene-window SCENE")?;
    let scene = Scene::parse(&name).ok_or("there is no such scene")?;
    let source = SceneSource::new(SIZE);
    let mut renderer = source.renderer(scene);
    source.step(&mut renderer);
    let mut window = Window::open(&source)?;
    println!("oriel-bench-guest ready {}x{} scene={name}", SIZE.width, SIZE.height);

    let begun = Instant::now();
    let period = scene.steps_per_second().map(|rate| Duration::from_secs(1) / rate);
    let mut next = Instant::now();
    let mut paused = false;
    loop {
        let due = period.filter(|_| !paused).map(|_| next);
        match window.event(due)? {
            Some(Event::Pause) if period.is_some() => {
                paused = !paused;
                next = next.max(Instant::now());
                let said = if paused { "paused" } else { "resumed" };
                println!("{said} step={} ms={}", renderer.shown_step(), begun.elapsed().as_millis());
            }
            Some(Event::Key { down }) => {
                let flash = source.draw(|pixels| renderer.key(pixels, SOME_KEY, down));
                window.show(&source, &flash)?;
                let text = source.draw(|pixels| renderer.describe(pixels, (0, 0)));
                window.show(&source, &text)?;
            }
            Some(Event::Uncovered) => window.show(&source, &[SIZE.bounds()])?,
            Some(Event::Pause) => {}
            None => {
                let damage = source.step(&mut renderer);
                window.show(&source, &damage)?;
                next = (next + period.unwrap_or_default()).max(Instant::now());
            }
        }
    }
}
