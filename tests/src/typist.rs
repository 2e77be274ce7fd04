//! A desktop that shows a scene and types what its viewer types, without a guest.

use crate::scene_source::SceneSource;
use oriel_display::{InputId, InputSink, PixelSource, Screen, SourceLost};
use oriel_scenes::Scene;
use oriel_wire::{InputEvent, Rect, Size};
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// Letters are blocks of this size in a line near the top of a screen of 640x480 or more.
const LETTER: Size = Size::new(9, 16);
const LETTERS: u32 = 64;

/// What else happens on the screen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Beside {
    /// Nothing.
    Nothing,
    /// The scene goes on at its own pace.
    Scene(Scene),
    /// A document is leafed through, a page at a time: that many steps of the scrolling scene.
    Pages(Duration),
}

/// A machine with a keyboard and a screen.
pub struct Typist {
    scene: Arc<SceneSource>,
    screen: Arc<Screen>,
    /// The colour of each letter that was typed, by its place.
    letters: Mutex<BTreeMap<u32, u32>>,
    ending: AtomicBool,
}

impl Typist {
    /// Shows the scene's first picture on a new screen.
    pub fn new(size: Size, beside: Beside) -> Arc<Self> {
        let screen = Screen::new();
        let scene = SceneSource::new(size);
        let (letters, ending) = (Mutex::default(), AtomicBool::new(false));
        let typist = Arc::new(Self { scene, screen: Arc::clone(&screen), letters, ending });
        let mut renderer = typist.scene.renderer(match beside {
            Beside::Nothing => Scene::Idle,
            Beside::Scene(scene) => scene,
            Beside::Pages(_) => Scene::Scroll,
        });
        typist.scene.step(&mut renderer);
        screen.set_scanout(Some(Arc::clone(&typist) as Arc<dyn PixelSource>));
        typist
    }

    /// Its screen.
    pub fn screen(&self) -> &Arc<Screen> {
        &self.screen
    }

    /// Goes on with what is beside the typing until [`Self::end`].
    pub fn play(self: &Arc<Self>, beside: Beside) -> JoinHandle<()> {
        let typist = Arc::clone(self);
        std::thread::spawn(move || {
            let (scene, steps, period) = match beside {
                Beside::Nothing => return,
                Beside::Scene(scene) => {
                    (scene, 1, Duration::from_secs(1) / scene.steps_per_second().unwrap_or(1))
                }
                Beside::Pages(period) => (Scene::Scroll, 150, period),
            };
            let mut renderer = typist.scene.renderer(scene);
            let mut next = Instant::now();
            while !typist.ending.load(Ordering::Relaxed) {
                for _ in 0..steps {
                    typist.scene.step(&mut renderer);
                }
                typist.screen.flush(typist.size().bounds());
                next += period;
                std::thread::sleep(next.saturating_duration_since(Instant::now()));
            }
        })
    }

    /// Shows noise that is another for each `phase`.
    pub fn scramble(&self, phase: u32) {
        self.scene.paint(|x, y| {
            let grain = (x.wrapping_mul(7919) ^ y.wrapping_mul(104_729)).wrapping_add(phase);
            grain.wrapping_mul(2_654_435_761) >> 8
        });
        self.screen.flush(self.size().bounds());
    }

    /// Nothing moves any more.
    pub fn end(&self) {
        self.ending.store(true, Ordering::Relaxed);
    }

    /// Where the letter of the input numbered `seq` appears, and its colour as red, green and blue.
    pub fn letter(&self, seq: u32) -> ((u32, u32), [u8; 3]) {
        let Rect { x, y, .. } = self.place(seq % LETTERS);
        let [blue, green, red, _] = colour(seq).to_le_bytes();
        ((x + LETTER.width / 2, y + LETTER.height / 2), [red, green, blue])
    }

    /// Red, green, blue and 255, as a client's canvas has them.
    pub fn rgba(&self) -> Vec<u8> {
        let size = self.size();
        let mut row = vec![0; size.width as usize * 4];
        let mut rgba = Vec::with_capacity(row.len() * size.height as usize);
        for y in 0..size.height {
            if self.read_row(0, y, &mut row).is_ok() {
                let pixels = row.as_chunks::<4>().0.iter();
                rgba.extend(pixels.flat_map(|[blue, green, red, _]| [*red, *green, *blue, 255]));
            }
        }
        rgba
    }

    fn place(&self, place: u32) -> Rect {
        let left = self.size().width / 2 - LETTERS * LETTER.width / 2;
        Rect::new(left + place * LETTER.width, 200, LETTER.width - 1, LETTER.height)
    }

    fn letters(&self) -> MutexGuard<'_, BTreeMap<u32, u32>> {
        self.letters.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Of the letter numbered `seq`: no two that follow one another are alike, and nothing else is so gaudy.
fn colour(seq: u32) -> u32 {
    const GAUDY: [u32; 4] = [0xffff_0000, 0xff00_ff00, 0xff00_00ff, 0xffff_00ff];
    GAUDY[seq as usize % GAUDY.len()]
}

impl InputSink for Typist {
    fn input(&self, event: InputEvent, id: InputId) {
        self.screen.input_reached_guest(id);
        if let InputEvent::Key { down: true, .. } = event {
            self.letters().insert(id.seq % LETTERS, colour(id.seq));
            self.screen.flush(self.size().bounds());
        }
    }
}

impl PixelSource for Typist {
    fn size(&self) -> Size {
        self.scene.size()
    }

    fn read_row(&self, x: u32, y: u32, dst: &mut [u8]) -> Result<(), SourceLost> {
        self.scene.read_row(x, y, dst)?;
        let first = self.place(0);
        if !(first.y..first.bottom()).contains(&y) {
            return Ok(());
        }
        for (place, colour) in self.letters().iter() {
            let letter = self.place(*place);
            for column in letter.x.max(x)..letter.right() {
                let at = (column - x) as usize * 4;
                if let Some(pixel) = dst.get_mut(at..at + 4) {
                    pixel.copy_from_slice(&colour.to_le_bytes());
                }
            }
        }
        Ok(())
    }
}
