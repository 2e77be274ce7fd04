//! `oriel-vmm send-key`, `send-text` and `click`: input as a viewer sends it.

use super::connect;
use super::key_names::{code_of, strokes};
use oriel_display::Client;
use oriel_wire::{Button, InputEvent};
use std::path::Path;

/// KEY_LEFTSHIFT of input-event-codes.h.
const SHIFT: u16 = 42;

pub fn send_key(socket: &Path, words: &[String]) -> Result<(), String> {
    let chords = words
        .iter()
        .map(|chord| chord.split('+').map(code_of).collect::<Option<Vec<u16>>>().ok_or(chord))
        .collect::<Result<Vec<_>, _>>()
        .map_err(|chord| format!("{chord} names no key; say for example KEY_LEFTCTRL+KEY_C."))?;
    let mut client = connect::viewer(socket)?;
    chords.iter().try_for_each(|chord| strike(&mut client, chord))
}

pub fn send_text(socket: &Path, words: &[String]) -> Result<(), String> {
    let text = words.join(" ");
    let typed = text
        .chars()
        .map(|letter| strokes(letter).ok_or(letter))
        .collect::<Result<Vec<_>, _>>()
        .map_err(|letter| format!("A US keyboard has no key for {letter:?}."))?;
    let mut client = connect::viewer(socket)?;
    for (code, shifted) in typed {
        let chord = if shifted { vec![SHIFT, code] } else { vec![code] };
        strike(&mut client, &chord)?;
    }
    Ok(())
}

pub fn click(socket: &Path, words: &[String]) -> Result<(), String> {
    let usage = "Say where to click in pixels, and perhaps with which button: 100 200 right.";
    let (x, y, button) = match words {
        [x, y] => (x, y, Button::Left),
        [x, y, name] => {
            let button = match name.as_str() {
                "left" => Button::Left,
                "middle" => Button::Middle,
                "right" => Button::Right,
                _ => return Err(usage.into()),
            };
            (x, y, button)
        }
        _ => return Err(usage.into()),
    };
    let (Ok(x), Ok(y)) = (x.parse::<u16>(), y.parse::<u16>()) else { return Err(usage.into()) };
    let mut client = connect::viewer(socket)?;
    let (width, height) = (client.welcome().width, client.welcome().height);
    let place = InputEvent::PointerTo { x: fraction(x, width), y: fraction(y, height) };
    send(&mut client, place)?;
    send(&mut client, InputEvent::Button { button, down: true })?;
    send(&mut client, InputEvent::Button { button, down: false })
}

/// A pixel as a fraction of the screen: 65535 is the last one.
fn fraction(pixel: u16, side: u32) -> u16 {
    let last = side.saturating_sub(1).max(1);
    u16::try_from(u32::from(pixel).min(last) * 65535 / last).unwrap_or(u16::MAX)
}

/// Presses all keys in order and lets them go in reverse.
fn strike(client: &mut Client, chord: &[u16]) -> Result<(), String> {
    for code in chord {
        send(client, InputEvent::Key { code: *code, down: true })?;
    }
    for code in chord.iter().rev() {
        send(client, InputEvent::Key { code: *code, down: false })?;
    }
    Ok(())
}

fn send(client: &mut Client, event: InputEvent) -> Result<(), String> {
    client.send_input(event).map(drop).map_err(|error| format!("The desktop does not listen: {error}."))
}
