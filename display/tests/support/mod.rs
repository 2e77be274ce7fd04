//! A guest that draws in memory, and a viewer connected to its screen.

// Each test file uses its own part of this; helpers of tests may fail as tests do.
#![allow(dead_code, clippy::unwrap_used, clippy::expect_used)]

use oriel_display::client::Received;
use oriel_display::input::{InputId, InputSink};
use oriel_display::viewer::{Ended, Mode};
use oriel_display::{Canvas, Client, Monitors, PixelSource, RedirectionHub, Screen, SourceLost, Viewer};
use oriel_wire::{Hello, InputEvent, Rect, Size};
use parking_lot::Mutex;
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

/// Long enough for what will come on the slowest machine.
const PATIENCE: Duration = Duration::from_secs(30);

/// Pixels as 0x00RRGGBB.
pub struct Guest {
    size: Size,
    /// Its memory went away for now.
    pub lost: AtomicBool,
    /// Somebody asked for pixels while it was.
    pub refused: AtomicBool,
    /// Rows read so far.
    pub reads: AtomicUsize,
    pixels: Mutex<Vec<u32>>,
    pub screen: Arc<Screen>,
}

impl PixelSource for Guest {
    fn size(&self) -> Size {
        self.size
    }

    fn read_row(&self, x: u32, y: u32, dst: &mut [u8]) -> Result<(), SourceLost> {
        if self.lost.load(Ordering::Relaxed) {
            self.refused.store(true, Ordering::Relaxed);
            return Err(SourceLost);
        }
        self.reads.fetch_add(1, Ordering::Relaxed);
        let start = (y * self.size.width + x) as usize;
        let pixels = self.pixels.lock();
        let row = pixels.get(start..start + dst.len() / 4).ok_or(SourceLost)?;
        for (out, pixel) in dst.chunks_exact_mut(4).zip(row) {
            out.copy_from_slice(&pixel.to_le_bytes());
        }
        Ok(())
    }
}

impl Guest {
    /// A guest that shows a grey picture on a new screen.
    pub fn new(size: Size) -> Arc<Self> {
        Self::on(Screen::new(), size)
    }

    /// The same on a screen that is there already.
    pub fn on(screen: Arc<Screen>, size: Size) -> Arc<Self> {
        let pixels = Mutex::new(vec![0x0080_8080; (size.width * size.height) as usize]);
        let guest = Arc::new(Self {
            size,
            lost: AtomicBool::new(false),
            refused: AtomicBool::new(false),
            reads: AtomicUsize::new(0),
            pixels,
            screen: Arc::clone(&screen),
        });
        screen.set_scanout(Some(Arc::clone(&guest) as Arc<dyn PixelSource>));
        guest
    }

    /// Draws `rect` by a function of place, and flushes the whole screen as real guests do.
    pub fn draw(&self, rect: Rect, colour: impl Fn(u32, u32) -> u32) {
        self.draw_quietly(rect, colour);
        self.screen.flush(self.size.bounds());
    }

    pub fn draw_quietly(&self, rect: Rect, colour: impl Fn(u32, u32) -> u32) {
        // Whoever reads the picture meanwhile shall not have to wait for all of this: locks are not fair.
        let place = |y: u32, x: u32| (y * self.size.width + x) as usize;
        let rows = (rect.y..rect.bottom()).map(|y| (rect.x..rect.right()).map(|x| colour(x, y)).collect());
        let rows: Vec<Vec<u32>> = rows.collect();
        let mut pixels = self.pixels.lock();
        for (y, row) in (rect.y..).zip(rows) {
            pixels[place(y, rect.x)..place(y, rect.right())].copy_from_slice(&row);
        }
    }

    /// Red, green, blue and 255, as a canvas has them.
    pub fn rgba(&self) -> Vec<u8> {
        let pixels = self.pixels.lock();
        pixels.iter().flat_map(|pixel| [(pixel >> 16) as u8, (pixel >> 8) as u8, *pixel as u8, 255]).collect()
    }

    /// Peak signal to noise ratio of a canvas, in dB.
    pub fn psnr(&self, rgba: &[u8]) -> f64 {
        let own = self.rgba();
        assert_eq!(own.len(), rgba.len());
        let error: u64 = own.iter().zip(rgba).map(|(a, b)| u64::from(a.abs_diff(*b)).pow(2)).sum();
        10.0 * (255.0f64.powi(2) / (error.max(1) as f64 / (own.len() as f64 * 0.75))).log10()
    }
}

/// Keeps what reaches the machine; `react` is the guest's program.
pub struct Machine {
    pub got: Mutex<Vec<(InputEvent, InputId)>>,
    react: Box<dyn Fn(InputEvent, InputId) + Send + Sync>,
}

impl InputSink for Machine {
    fn input(&self, event: InputEvent, id: InputId) {
        self.got.lock().push((event, id));
        (self.react)(event, id);
    }
}

impl Machine {
    pub fn deaf() -> Arc<Self> {
        Self::new(|_, _| {})
    }

    pub fn new(react: impl Fn(InputEvent, InputId) + Send + Sync + 'static) -> Arc<Self> {
        Arc::new(Self { got: Mutex::new(Vec::new()), react: Box::new(react) })
    }
}

/// The server's end of a connection, on a thread of its own.
pub type Serving = JoinHandle<Ended>;

/// Serves one end of a socket pair and gives the other.
pub fn serve(screen: &Arc<Screen>, machine: &Arc<Machine>, mode: Mode) -> (UnixStream, Serving) {
    serve_at(&Monitors::single(Arc::clone(screen)), machine, mode)
}

/// The same on a desktop with any number of screens.
pub fn serve_at(monitors: &Arc<Monitors>, machine: &Arc<Machine>, mode: Mode) -> (UnixStream, Serving) {
    serve_with(monitors, machine, &RedirectionHub::new(), mode)
}

/// The same with an redirection that is there already.
pub fn serve_with(
    monitors: &Arc<Monitors>,
    machine: &Arc<Machine>,
    redirection: &Arc<RedirectionHub>,
    mode: Mode,
) -> (UnixStream, Serving) {
    let (ours, theirs) = UnixStream::pair().unwrap();
    let (monitors, machine, redirection) =
        (Arc::clone(monitors), Arc::clone(machine), Arc::clone(redirection));
    let serving =
        std::thread::spawn(move || Viewer::serve(theirs, monitors, machine, redirection, mode).unwrap());
    (ours, serving)
}

/// A client that says `video_only` and offers H.264 if asked to.
pub fn connect(screen: &Arc<Screen>, h264: bool, video_only: bool) -> (Client, Serving) {
    let (stream, serving) = serve(screen, &Machine::deaf(), Mode::Interact);
    let hello = Hello { versions: vec![1], h264, video_only, ..Hello::default() };
    let client = Client::connect_with(stream, &hello).unwrap();
    client.set_timeout(Some(PATIENCE)).unwrap();
    (client, serving)
}

/// One of several clients of a desktop, with H.264.
pub fn connect_at(monitors: &Arc<Monitors>) -> Client {
    let (stream, _serving) = serve_at(monitors, &Machine::deaf(), Mode::Interact);
    let client = Client::connect(stream, true).unwrap();
    client.set_timeout(Some(PATIENCE)).unwrap();
    client
}

/// A client that comes back with the picture of an earlier connection.
pub fn come_back(guest: &Guest, canvas: Canvas, video_only: bool) -> Client {
    let (stream, _serving) = serve(&guest.screen, &Machine::deaf(), Mode::Interact);
    let hello = Hello { versions: vec![1], h264: true, video_only, resume: true, ..Hello::default() };
    let client = Client::resume(stream, &hello, canvas).unwrap();
    client.set_timeout(Some(PATIENCE)).unwrap();
    client
}

/// Takes frames until the client says it has an exact picture and it is what the guest drew.
pub fn settle(client: &mut Client, guest: &Guest) -> Vec<Received> {
    let mut frames = Vec::new();
    while !client.is_exact() || client.canvas().rgba() != guest.rgba() {
        frames.push(client.next_frame().expect("the picture becomes exact"));
    }
    frames
}

/// Something between a photograph and a gradient that moves with `phase`.
pub fn moving(phase: u32) -> impl Fn(u32, u32) -> u32 {
    move |x, y| {
        let wave = |a: u32, b: u32| {
            (((a + phase * 3) as f32 / 40.0).sin() * 50.0 + (b as f32 / 60.0).cos() * 50.0 + 120.0) as u32
        };
        wave(x, y) << 16 | wave(y, x) << 8 | wave(x + y, y)
    }
}

/// Black strokes on white that look like lines of text, `scrolled` pixels up.
pub fn text(scrolled: u32) -> impl Fn(u32, u32) -> u32 {
    move |x, y| {
        let (line, within) = ((y + scrolled) / 20, (y + scrolled) % 20);
        let ink = (x / 9 * 7919 + line * 104_729) % 97;
        let stroke = within > 3 && within < 16 && ink > 15 && (x * 31 + within * 17 + ink * 13) % 11 < 4;
        match (stroke, (x + within) % 3) {
            (false, _) => 0x00ff_ffff,
            (true, 0) => 0x0020_2020,
            (true, 1) => 0x0060_5a54,
            (true, _) => 0x00a0_a6ac,
        }
    }
}
