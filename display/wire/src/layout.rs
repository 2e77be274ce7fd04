//! Layout of a desktop's monitors as a client requests it: the body of the message LayoutRequest. Sizes and positions
//! are clamped here; the arrangement on the desktop is decided elsewhere.

use crate::encode::json;
use crate::geometry::{Rect, Size};
use crate::{Malformed, MessageKind};
use serde::{Deserialize, Serialize};

/// Most monitors that a desktop may have.
pub const MAX_SCREENS: usize = 4;

/// Density in pixels per inch of a monitor whose request names none; desktops use scale 1 for it.
pub const DEFAULT_DPI: u32 = 96;

/// Smallest size of a monitor in pixels.
const LEAST: Size = Size::new(320, 200);
/// Largest width or height of a monitor in pixels.
const MOST: u32 = 4096;
/// Most pixels of a monitor, in any orientation.
const MOST_PIXELS: u32 = 4096 * 2160;
/// Least density of a monitor in pixels per inch.
const LEAST_DPI: u32 = 48;
/// Greatest density of a monitor in pixels per inch.
const MOST_DPI: u32 = 384;

/// Requested configuration of a monitor: position, size and density.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MonitorConfig {
    /// Column of the monitor's left edge among all monitors, in pixels; may be negative.
    pub x: i32,
    /// Row of the monitor's top edge among all monitors, in pixels; may be negative.
    pub y: i32,
    /// Size of the monitor in pixels.
    pub size: Size,
    /// Density in pixels per inch, from which the guest's desktop derives the scale.
    pub dpi: u32,
}

impl MonitorConfig {
    /// Nearest valid configuration: at least 320x200 pixels, at most 4096 in each direction and 4096*2160 in all, and
    /// 48 to 384 dpi. Positions matter only in relation to other monitors, and are clamped to ±2²⁰.
    pub fn clamped(x: i64, y: i64, width: u64, height: u64, dpi: u64) -> Self {
        let within = |value: u64, least: u32, most: u32| {
            u32::try_from(value).map_or(most, |value| value.clamp(least, most))
        };
        let place = |value: i64| value.clamp(-1 << 20, 1 << 20) as i32;
        let width = within(width, LEAST.width, MOST);
        let height = within(height, LEAST.height, MOST).min(MOST_PIXELS / width);
        let dpi = within(dpi, LEAST_DPI, MOST_DPI);
        Self { x: place(x), y: place(y), size: Size::new(width, height), dpi }
    }

    /// Configuration of a monitor of `size` at the origin, with [`DEFAULT_DPI`].
    pub fn of(size: Size) -> Self {
        Self::clamped(0, 0, size.width.into(), size.height.into(), DEFAULT_DPI.into())
    }

    /// Rectangle of the monitor on the desktop; `None` for one left of or above the origin.
    pub fn rect(&self) -> Option<Rect> {
        let (x, y) = (u32::try_from(self.x).ok()?, u32::try_from(self.y).ok()?);
        Some(Rect::new(x, y, self.size.width, self.size.height))
    }
}

/// Request for another layout: the change of each monitor in order. `None`, or a missing element, leaves the monitor
/// unchanged.
pub type LayoutRequest = Vec<Option<MonitorChange>>;

/// Requested change of a monitor.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MonitorChange {
    /// The monitor is switched off; the first monitor stays on.
    Off,
    /// The monitor is switched on, or changed, with a configuration.
    On(MonitorConfig),
}

/// JSON body of the message LayoutRequest.
#[derive(Serialize, Deserialize)]
struct Body {
    screens: Vec<Option<Screen>>,
}

/// JSON object of a monitor. Numbers may have any size: absurd values are clamped, not malformed.
#[derive(Serialize, Deserialize)]
struct Screen {
    width: u64,
    height: u64,
    #[serde(default)]
    x: i64,
    #[serde(default)]
    y: i64,
    #[serde(default = "default_dpi")]
    dpi: u64,
}

fn default_dpi() -> u64 {
    DEFAULT_DPI.into()
}

/// Decodes the body of the message LayoutRequest.
///
/// # Errors
/// [`Malformed`] for JSON of another shape, and for a number of screens other than 1 to [`MAX_SCREENS`].
pub fn decode(body: &[u8]) -> Result<LayoutRequest, Malformed> {
    let Body { screens } = serde_json::from_slice(body).map_err(|_| Malformed::Json("LayoutRequest"))?;
    if screens.is_empty() || screens.len() > MAX_SCREENS {
        return Err(Malformed::Field { message: "LayoutRequest", field: "number of screens" });
    }
    let change = |screen: Screen| match screen {
        Screen { width: 0, height: 0, .. } => MonitorChange::Off,
        Screen { width, height, x, y, dpi } => {
            MonitorChange::On(MonitorConfig::clamped(x, y, width, height, dpi))
        }
    };
    Ok(screens.into_iter().map(|screen| screen.map(change)).collect())
}

/// Encoded message LayoutRequest, number first.
pub fn encode(request: &LayoutRequest) -> Vec<u8> {
    let screen = |change: &MonitorChange| match *change {
        MonitorChange::Off => Screen { width: 0, height: 0, x: 0, y: 0, dpi: default_dpi() },
        MonitorChange::On(MonitorConfig { x, y, size, dpi }) => Screen {
            width: size.width.into(),
            height: size.height.into(),
            x: x.into(),
            y: y.into(),
            dpi: dpi.into(),
        },
    };
    json(
        MessageKind::LayoutRequest,
        &Body { screens: request.iter().map(|change| change.as_ref().map(screen)).collect() },
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn screens_are_on_off_or_left_alone() {
        let body =
            br#"{"screens":[null,{"width":1600,"height":900,"x":-1600,"dpi":144},{"width":0,"height":0}]}"#;
        let on = MonitorConfig { x: -1600, y: 0, size: Size::new(1600, 900), dpi: 144 };
        let request = vec![None, Some(MonitorChange::On(on)), Some(MonitorChange::Off)];
        assert_eq!(decode(body), Ok(request.clone()));
        assert_eq!(decode(&encode(&request)[1..]), Ok(request));
    }

    #[test]
    fn absurd_screens_are_clamped() {
        let size = |width, height| MonitorConfig::clamped(0, 0, width, height, 96).size;
        assert_eq!(size(0, 0), Size::new(320, 200));
        assert_eq!(size(u64::MAX, u64::MAX), Size::new(4096, 2160));
        assert_eq!(size(2160, 4096), Size::new(2160, 4096), "a screen may stand upright");
        assert_eq!(MonitorConfig::clamped(i64::MIN, i64::MAX, 1, 1, u64::MAX).dpi, MOST_DPI);
    }

    #[test]
    fn absurd_sizes_are_clamped_and_nonsense_is_malformed() {
        let absurd = br#"{"screens":[{"width":99999999999,"height":1}]}"#;
        let Ok(request) = decode(absurd) else { panic!("refused") };
        assert!(matches!(
            request[..],
            [Some(MonitorChange::On(MonitorConfig { size: Size { width: 4096, height: 200 }, .. }))]
        ));
        let none: [&[u8]; 5] = [
            br#"{"screens":[]}"#,
            br#"{"screens":[null,null,null,null,null]}"#,
            br#"{"screens":[{"width":-1,"height":5}]}"#,
            br#"{"screens":[{"width":800}]}"#,
            b"",
        ];
        for body in none {
            assert!(decode(body).is_err(), "{}", String::from_utf8_lossy(body));
        }
    }
}
