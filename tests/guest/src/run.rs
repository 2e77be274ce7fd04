//! The loop: events in, steps drawn when they are due, rectangles flushed, rest.

use core::convert::Infallible;

use crate::desktop::Desktop;
use crate::gpu::GpuError;
use crate::input::{Event, Input};
use crate::log;
use crate::options::Options;
use crate::rest::Rest;
use crate::sound::Speaker;

/// How soon to try again when the device still has the last move of the cursor.
const CURSOR_RETRY_US: u64 = 1_000;
/// The key that stops the steps, and lets them go on: evdev's KEY_F9.
const PAUSE_KEY: u16 = 67;
/// Longest rest.
const REST_US: u64 = 1_000_000;

/// Draws the scene until the machine is switched off, or the display device fails.
pub fn run(
    mut desktop: Desktop,
    mut input: Input,
    mut speaker: Option<Speaker>,
    rest: &Rest,
    options: &Options,
) -> Result<Infallible, GpuError> {
    log!(
        "oriel-bench-guest ready {}x{} scene={} inputs={} blob={} sleeps={} ms={}",
        options.width,
        options.height,
        options.scene.name(),
        input.device_count(),
        u8::from(desktop.is_blob()),
        u8::from(rest.sleeps()),
        rest.now() / 1000,
    );

    let mut pace = Pace::new(options, rest);
    loop {
        let mut busy = handle_events(&mut desktop, &mut input, &mut pace, rest)?;
        if desktop.follow_host(rest)? {
            input.set_size(desktop.size());
            desktop.describe(input.pointer(), rest)?;
            busy = true;
        }
        if let Some(Err(error)) = speaker.as_mut().map(Speaker::keep_playing) {
            log!("The tone ended: {error}.");
            speaker = None;
        }
        let mut deadline = rest.now() + REST_US;
        if !desktop.point(input.pointer())? {
            deadline = rest.now() + CURSOR_RETRY_US;
        }
        if pace.next_due().is_some_and(|due| rest.now() >= due) {
            desktop.step(rest)?;
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

/// Answers everything that the input devices have; false when they had nothing.
fn handle_events(
    desktop: &mut Desktop,
    input: &mut Input,
    pace: &mut Pace,
    rest: &Rest,
) -> Result<bool, GpuError> {
    let (mut busy, mut moved) = (false, false);
    while let Some(event) = input.next_event() {
        busy = true;
        match event {
            Event::Moved => moved = true,
            Event::Key { code, down } => {
                if code == PAUSE_KEY && down && pace.toggle(rest) {
                    let said = if pace.paused { "paused" } else { "resumed" };
                    log!("{said} step={} ms={}", desktop.shown_step(), rest.now() / 1000);
                }
                desktop.key(code, down, input.pointer(), rest)?;
            }
        }
    }
    if moved {
        desktop.describe(input.pointer(), rest)?;
    }
    Ok(busy)
}

/// When the next step is due.
struct Pace {
    /// Microseconds between steps; none for a scene that stands still.
    period: Option<u64>,
    next: u64,
    paused: bool,
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
        Self { period, next: now + period.unwrap_or(0), paused: false, left, started: now, taken: 0 }
    }

    fn next_due(&self) -> Option<u64> {
        self.period.filter(|_| !self.paused).map(|_| self.next)
    }

    /// Pauses, or goes on with a step at once; false where nothing moves.
    fn toggle(&mut self, rest: &Rest) -> bool {
        self.paused = !self.paused;
        self.next = self.next.max(rest.now());
        self.period.is_some()
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
