//! The loop: events in, steps drawn when they are due, rectangles flushed, rest.

use core::convert::Infallible;

use oriel_scenes::{Renderer, Scene};

use crate::cursor;
use crate::gpu::{Gpu, GpuError};
use crate::input::{Event, Input};
use crate::log;
use crate::options::Options;
use crate::rest::Rest;

/// How soon to try again when the device still has the last move of the cursor.
const CURSOR_RETRY_US: u64 = 1_000;
/// Longest rest.
const REST_US: u64 = 1_000_000;

/// Draws the scene until the machine is switched off, or the display device fails.
pub fn run(mut gpu: Gpu, mut input: Input, rest: &Rest, options: &Options) -> Result<Infallible, GpuError> {
    let mut renderer = Renderer::new(options.scene, options.width, options.height);
    let damage = renderer.step(gpu.screen());
    gpu.flush(&damage, rest)?;
    gpu.set_cursor(&cursor::arrow(), input.pointer(), rest)?;
    log!(
        "oriel-bench-guest ready {}x{} scene={} inputs={} blob={} sleeps={} ms={}",
        options.width,
        options.height,
        options.scene.name(),
        input.device_count(),
        u8::from(gpu.is_blob()),
        u8::from(rest.sleeps()),
        rest.now() / 1000,
    );

    let mut pace = Pace::new(options, rest);
    let mut cursor_at = input.pointer();
    loop {
        let mut busy = handle_events(&mut gpu, &mut input, &mut renderer, rest)?;
        let mut deadline = rest.now() + REST_US;
        if input.pointer() != cursor_at {
            if gpu.move_cursor(input.pointer())? {
                cursor_at = input.pointer();
            } else {
                deadline = rest.now() + CURSOR_RETRY_US;
            }
        }
        if pace.next_due().is_some_and(|due| rest.now() >= due) {
            let damage = renderer.step(gpu.screen());
            gpu.flush(&damage, rest)?;
            pace.done(rest);
            busy = true;
        }
        // Waiting for the display takes other devices' interrupts too, so look at
        // them once more before resting.
        if !busy {
            rest.until(pace.next_due().map_or(deadline, |due| due.min(deadline)));
        }
    }
}

/// Answers everything that the input devices have; false when they had nothing. A
/// key's answer in the echo scene is flushed before anything else happens.
fn handle_events(
    gpu: &mut Gpu,
    input: &mut Input,
    renderer: &mut Renderer,
    rest: &Rest,
) -> Result<bool, GpuError> {
    let (mut busy, mut moved) = (false, false);
    while let Some(event) = input.next_event() {
        busy = true;
        match event {
            Event::Moved => moved = true,
            Event::Key { code, down } => {
                let flash = renderer.key(gpu.screen(), code, down);
                gpu.flush(&flash, rest)?;
                let text = renderer.describe(gpu.screen(), input.pointer());
                gpu.flush(&text, rest)?;
                if renderer.scene() == Scene::Echo {
                    log!("key {code} down={}", u8::from(down));
                }
            }
        }
    }
    if moved {
        let text = renderer.describe(gpu.screen(), input.pointer());
        gpu.flush(&text, rest)?;
    }
    Ok(busy)
}

/// When the next step is due.
struct Pace {
    /// Microseconds between steps; none for a scene that stands still.
    period: Option<u64>,
    next: u64,
    left: Option<u64>,
    started: u64,
    taken: u64,
}

impl Pace {
    fn new(options: &Options, rest: &Rest) -> Self {
        let period = options.scene.steps_per_second().map(|rate| 1_000_000 / u64::from(rate));
        let now = rest.now();
        let left = options.steps;
        let period = period.filter(|_| left != Some(0));
        Self { period, next: now + period.unwrap_or(0), left, started: now, taken: 0 }
    }

    fn next_due(&self) -> Option<u64> {
        self.period.map(|_| self.next)
    }

    /// Counts a step. One that came late delays those behind it: none is left out.
    fn done(&mut self, rest: &Rest) {
        let Some(period) = self.period else { return };
        self.taken += 1;
        self.next = (self.next + period).max(rest.now());
        if self.left == Some(self.taken) {
            self.period = None;
            log!("oriel-bench-guest done steps={} ms={}", self.taken, (rest.now() - self.started) / 1000);
        }
    }
}
