//! The body of Resize, the message by which a client wants other screens.

use super::Malformed;
use super::client::json;
use crate::monitors::{Change, MAX_SCREENS, MonitorConfig, PLAIN_DPI, Wish};
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize)]
struct Body {
    screens: Vec<Option<Screen>>,
}

/// Numbers of any size: what is absurd is clamped, not malformed.
#[derive(Serialize, Deserialize)]
struct Screen {
    width: u64,
    height: u64,
    #[serde(default)]
    x: i64,
    #[serde(default)]
    y: i64,
    #[serde(default = "plain_dpi")]
    dpi: u64,
}

fn plain_dpi() -> u64 {
    PLAIN_DPI.into()
}

/// Reads the body.
pub fn decode(body: &[u8]) -> Result<Wish, Malformed> {
    let Body { screens } = serde_json::from_slice(body).map_err(|_| Malformed::Json("Resize"))?;
    if screens.is_empty() || screens.len() > MAX_SCREENS {
        return Err(Malformed::Field { message: "Resize", field: "number of screens" });
    }
    let change = |screen: Screen| match screen {
        Screen { width: 0, height: 0, .. } => Change::Off,
        Screen { width, height, x, y, dpi } => Change::On(MonitorConfig::clamped(x, y, width, height, dpi)),
    };
    Ok(screens.into_iter().map(|screen| screen.map(change)).collect())
}

/// The message as bytes.
pub fn encode(wish: &Wish) -> Vec<u8> {
    let screen = |change: &Change| match *change {
        Change::Off => Screen { width: 0, height: 0, x: 0, y: 0, dpi: plain_dpi() },
        Change::On(MonitorConfig { x, y, size, dpi }) => Screen {
            width: size.width.into(),
            height: size.height.into(),
            x: x.into(),
            y: y.into(),
            dpi: dpi.into(),
        },
    };
    json(0x8D, &Body { screens: wish.iter().map(|change| change.as_ref().map(screen)).collect() })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::geometry::Size;

    #[test]
    fn screens_are_on_off_or_left_alone() {
        let body =
            br#"{"screens":[null,{"width":1600,"height":900,"x":-1600,"dpi":144},{"width":0,"height":0}]}"#;
        let on = MonitorConfig { x: -1600, y: 0, size: Size::new(1600, 900), dpi: 144 };
        let wish = vec![None, Some(Change::On(on)), Some(Change::Off)];
        assert_eq!(decode(body), Ok(wish.clone()));
        assert_eq!(decode(&encode(&wish)[1..]), Ok(wish));
    }

    #[test]
    fn absurd_sizes_are_clamped_and_nonsense_is_malformed() {
        let absurd = br#"{"screens":[{"width":99999999999,"height":1}]}"#;
        let Ok(wish) = decode(absurd) else { panic!("refused") };
        assert!(matches!(
            wish[..],
            [Some(Change::On(MonitorConfig { size: Size { width: 4096, height: 200 }, .. }))]
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
