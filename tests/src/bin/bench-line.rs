//! What a desktop is like over a poor line: 1 Mbit/s, 100 ms there and back, a stall of 200 ms once
//! in 5 s. Somebody types while other things happen on the screen; a letter counts when it is on
//! the client's canvas. Then the line becomes 20 times faster. Prints figures as JSON lines; the names
//! of cases as arguments restrict it to those.

use oriel_display::client::ClientError;
use oriel_display::viewer::Mode;
use oriel_display::{Client, InputSink, Monitors, RedirectionHub, Viewer};
use oriel_scenes::Scene;
use oriel_tests::figure::{Figure, percentile};
use oriel_tests::line::{Line, Shape};
use oriel_tests::typist::{Beside, Typist};
use oriel_wire::framing::write_message;
use oriel_wire::{ClientMessage, Hello, InputEvent, Size};
use std::collections::VecDeque;
use std::error::Error;
use std::os::unix::net::UnixStream;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

const SIZE: Size = Size::new(1920, 1080);
const TYPING: Duration = Duration::from_secs(15);
const FASTER: Duration = Duration::from_secs(8);
const FAST: u64 = 20_000_000;
/// Between two keys; beside the periods of everything else.
const KEYS: Duration = Duration::from_millis(233);
/// Delivery is looked at in steps like this.
const STEP: Duration = Duration::from_millis(100);

const CASES: [(&str, Beside); 6] = [
    ("typing", Beside::Nothing),
    ("pages", Beside::Pages(Duration::from_secs(3))),
    ("scroll", Beside::Scene(Scene::Scroll)),
    ("drag", Beside::Scene(Scene::Drag)),
    ("video", Beside::Scene(Scene::Video)),
    ("motion", Beside::Scene(Scene::Motion)),
];

fn main() -> Result<(), Box<dyn Error>> {
    let wanted: Vec<String> = std::env::args().skip(1).collect();
    for (name, beside) in CASES {
        if wanted.is_empty() || wanted.iter().any(|one| one == name) {
            measure(name, beside)?;
        }
    }
    Ok(())
}

/// Keys sent and not seen yet: number, when.
type Awaited = Mutex<VecDeque<(u32, Instant)>>;

fn measure(name: &str, beside: Beside) -> Result<(), Box<dyn Error>> {
    let typist = Typist::new(SIZE, beside);
    let line = Line::new(Shape::POOR);
    let (stream, ours) = UnixStream::pair()?;
    let (theirs, server) = UnixStream::pair()?;
    line.lay(ours, theirs)?;
    let monitors = Monitors::single(Arc::clone(typist.screen()));
    let input = Arc::clone(&typist) as Arc<dyn InputSink>;
    let serving = std::thread::spawn(move || {
        Viewer::serve(server, monitors, input, RedirectionHub::new(), Mode::Interact)
    });

    let keyboard = stream.try_clone()?;
    let begun = Instant::now();
    let hello = Hello { versions: vec![1], h264: true, ..Hello::default() };
    let mut client = Client::connect_with(stream, &hello)?;
    client.set_timeout(Some(Duration::from_secs(30)))?;
    while !client.is_exact() {
        client.next_frame()?;
    }
    let first_exact = begun.elapsed();
    let first_queued = line.take_queued();

    let playing = typist.play(beside);
    let (awaited, over) = (Arc::new(Awaited::default()), Arc::new(AtomicBool::new(false)));
    let typing = type_keys(keyboard.try_clone()?, Arc::clone(&awaited), Arc::clone(&over));
    let mut echoes = watch(&mut client, &typist, &awaited, Instant::now() + TYPING)?;
    let queued = line.take_queued();

    line.set_rate(FAST, FAST);
    let faster = Instant::now();
    let passed = Passed::watch(Arc::clone(&line));
    watch(&mut client, &typist, &awaited, faster + FASTER)?;
    let passed = passed.end();
    over.store(true, Ordering::Relaxed);
    typist.end();
    typing.join().map_err(|_| "the keyboard failed")??;
    playing.join().map_err(|_| "the scene failed")?;
    // Typing one more letter: whatever is wrong still is put right, and told, with it.
    while !client.is_exact() || client.canvas().rgba() != typist.rgba() {
        client.next_frame()?;
    }
    keyboard.shutdown(std::net::Shutdown::Both)?;
    drop(client);
    serving.join().map_err(|_| "the viewer failed")??;

    let figure = |what: &str, value: f64, unit: &str| Figure::new(what, value, unit).with("scene", name);
    let echo = |value, percentile| figure("line_echo_ms", value, "ms").with("percentile", percentile).print();
    echo(percentile(&mut echoes, 0.5), "p50");
    echo(percentile(&mut echoes, 0.99), "p99");
    figure("line_queued_ms", queued.micros as f64 / 1000.0, "ms").print();
    figure("line_queued_at_start_ms", first_queued.micros as f64 / 1000.0, "ms").print();
    figure("line_first_exact_ms", first_exact.as_secs_f64() * 1000.0, "ms").print();
    if !matches!(beside, Beside::Nothing) {
        figure("line_recovery_ms", recovery(&passed).as_secs_f64() * 1000.0, "ms").print();
    }
    Ok(())
}

/// Types until it is over.
fn type_keys(
    mut to: UnixStream,
    awaited: Arc<Awaited>,
    over: Arc<AtomicBool>,
) -> std::thread::JoinHandle<std::io::Result<()>> {
    std::thread::spawn(move || {
        let mut seq = 0;
        let mut next = Instant::now();
        while !over.load(Ordering::Relaxed) {
            next += KEYS;
            std::thread::sleep(next.saturating_duration_since(Instant::now()));
            seq += 1;
            awaited.lock().unwrap_or_else(PoisonError::into_inner).push_back((seq, Instant::now()));
            let event = InputEvent::Key { code: 30, down: true };
            write_message(&mut to, &ClientMessage::Input { seq, event }.encode())?;
        }
        Ok(())
    })
}

/// Shows what comes until then, and gives what the echo of each key took in milliseconds.
fn watch(
    client: &mut Client,
    typist: &Typist,
    awaited: &Awaited,
    until: Instant,
) -> Result<Vec<f64>, ClientError> {
    let mut echoes = Vec::new();
    while Instant::now() < until {
        client.next_frame()?;
        let now = Instant::now();
        let mut awaited = awaited.lock().unwrap_or_else(PoisonError::into_inner);
        let seen = |seq| {
            let ((x, y), colour) = typist.letter(seq);
            client.canvas().pixel(x, y).is_some_and(|pixel| {
                // As video it is about that.
                pixel.iter().zip(colour).all(|(one, other)| one.abs_diff(other) < 80)
            })
        };
        while let Some((_, typed)) = awaited.front().copied().filter(|(seq, _)| seen(*seq)) {
            echoes.push(now.duration_since(typed).as_secs_f64() * 1000.0);
            awaited.pop_front();
        }
    }
    Ok(echoes)
}

/// Counts what a line carries, step by step.
struct Passed {
    over: Arc<AtomicBool>,
    counting: std::thread::JoinHandle<Vec<u64>>,
}

impl Passed {
    fn watch(line: Arc<Line>) -> Self {
        let over = Arc::new(AtomicBool::new(false));
        let until = Arc::clone(&over);
        let counting = std::thread::spawn(move || {
            let mut passed = vec![line.passed()];
            let mut next = Instant::now();
            while !until.load(Ordering::Relaxed) {
                next += STEP;
                std::thread::sleep(next.saturating_duration_since(Instant::now()));
                passed.push(line.passed());
            }
            passed
        });
        Self { over, counting }
    }

    fn end(self) -> Vec<u64> {
        self.over.store(true, Ordering::Relaxed);
        self.counting.join().unwrap_or_default()
    }
}

/// When the line first carried, over half a second, four fifths of what it carried in the end.
fn recovery(passed: &[u64]) -> Duration {
    let carried = |from: usize, to: usize| match (passed.get(from), passed.get(to)) {
        (Some(from), Some(to)) => (to - from) as f64,
        _ => 0.0,
    };
    let last = passed.len().saturating_sub(1);
    let (span, end) = (5, 30);
    let lasting = carried(last.saturating_sub(end), last) / end as f64;
    let first = (0..last).find(|step| carried(*step, step + span) >= 0.8 * lasting * span as f64);
    STEP * u32::try_from(first.unwrap_or(last)).unwrap_or(u32::MAX)
}
