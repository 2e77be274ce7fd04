//! The command line.

use core::fmt;

use oriel_scenes::Scene;

/// Smallest and largest screen side in pixels.
const SIDE_MIN: u32 = 320;
const SIDE_MAX: u32 = 4096;
/// Most screens.
const SCREENS_MAX: usize = 4;

/// What the command line asks for.
pub struct Options {
    /// Which scene to draw.
    pub scene: Scene,
    /// Screen width in pixels.
    pub width: u32,
    /// Screen height in pixels.
    pub height: u32,
    /// How many screens to use, if the device has them and they are wanted.
    pub screens: usize,
    /// Stop after this many steps.
    pub steps: Option<u64>,
    /// Scan out of a blob resource, where the device offers it.
    pub blob: bool,
    /// Play a tone, where there is a sound card.
    pub tone: bool,
    /// Time-stamp counter frequency in kHz, instead of a calibration.
    pub tsc_khz: Option<u64>,
}

/// A word of the command line that cannot be used.
pub struct OptionError<'a> {
    word: &'a str,
    expected: &'static str,
}

impl fmt::Display for OptionError<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "The command line says {}: expected {}.", self.word, self.expected)
    }
}

impl Options {
    /// Reads a command line. Words it does not know belong to someone else and are ignored.
    pub fn parse(command_line: &str) -> Result<Self, OptionError<'_>> {
        let mut options = Self {
            scene: Scene::Idle,
            width: 1920,
            height: 1080,
            screens: 1,
            steps: None,
            blob: false,
            tone: false,
            tsc_khz: None,
        };
        for word in command_line.split_ascii_whitespace() {
            let (name, value) = word.split_once('=').unwrap_or((word, ""));
            let wrong = |expected| OptionError { word, expected };
            match name {
                "scene" => options.scene = Scene::parse(value).ok_or(wrong(oriel_scenes::SCENE_NAMES))?,
                "size" => {
                    (options.width, options.height) =
                        parse_size(value).ok_or(wrong("WIDTHxHEIGHT, each 320 to 4096"))?;
                }
                "screens" => {
                    let screens = value.parse().ok().filter(|screens| (1..=SCREENS_MAX).contains(screens));
                    options.screens = screens.ok_or(wrong("a number of screens, 1 to 4"))?;
                }
                "steps" => options.steps = Some(value.parse().map_err(|_| wrong("a number of steps"))?),
                "blob" => options.blob = value != "0",
                "tone" => options.tone = value != "0",
                "tsc_khz" => {
                    let khz = value.parse().ok().filter(|khz| *khz > 0);
                    options.tsc_khz = Some(khz.ok_or(wrong("a frequency in kHz"))?);
                }
                _ => {}
            }
        }
        Ok(options)
    }
}

fn parse_size(value: &str) -> Option<(u32, u32)> {
    let (width, height) = value.split_once('x')?;
    let side = |text: &str| text.parse().ok().filter(|side| (SIDE_MIN..=SIDE_MAX).contains(side));
    Some((side(width)?, side(height)?))
}
