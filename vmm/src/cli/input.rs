//! Commands `oriel-vmm send-key`, `send-text` and `click`: input over a viewer connection.

use super::connect;
use super::key_names::{code_of, key_of};
use oriel_display::Client;
use oriel_wire::{Button, InputEvent};
use std::path::Path;

/// Key code of the left shift key (`KEY_LEFTSHIFT`, Linux's input-event-codes.h).
const SHIFT: u16 = 42;

/// Presses and releases each chord in `words`, such as `KEY_LEFTCTRL+KEY_C`.
///
/// # Errors
/// One sentence for users.
pub fn send_key(socket: &Path, words: &[String]) -> Result<(), String> {
    let chords = words
        .iter()
        .map(|chord| chord.split('+').map(code_of).collect::<Option<Vec<u16>>>().ok_or(chord))
        .collect::<Result<Vec<_>, _>>()
        .map_err(|chord| format!("{chord} is not the name of a key; names look like KEY_LEFTCTRL+KEY_C."))?;
    let mut client = connect::viewer(socket)?;
    chords.iter().try_for_each(|chord| press_chord(&mut client, chord))
}

/// Types `words`, joined by spaces, with the keys of a US keyboard.
///
/// # Errors
/// One sentence for users, as when a US keyboard has no key for a character.
pub fn send_text(socket: &Path, words: &[String]) -> Result<(), String> {
    let text = words.join(" ");
    let typed = text
        .chars()
        .map(|character| key_of(character).ok_or(character))
        .collect::<Result<Vec<_>, _>>()
        .map_err(|character| format!("A US keyboard has no key for {character:?}."))?;
    let mut client = connect::viewer(socket)?;
    for (code, shifted) in typed {
        let chord = if shifted { vec![SHIFT, code] } else { vec![code] };
        press_chord(&mut client, &chord)?;
    }
    Ok(())
}

/// Moves the pointer to a pixel of the first screen and clicks a button, the left one by default.
///
/// # Errors
/// One sentence for users.
pub fn click(socket: &Path, words: &[String]) -> Result<(), String> {
    let usage = "Give the position in pixels and optionally a button, such as 100 200 right.";
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
    let position = InputEvent::PointerTo { x: fraction(x, width), y: fraction(y, height) };
    send(&mut client, position)?;
    send(&mut client, InputEvent::Button { button, down: true })?;
    send(&mut client, InputEvent::Button { button, down: false })
}

/// Converts a pixel position on a side of `side` pixels to a fraction: 0 is the first pixel, 65535 the last.
fn fraction(pixel: u16, side: u32) -> u16 {
    let last = side.saturating_sub(1).max(1);
    u16::try_from(u32::from(pixel).min(last) * 65535 / last).unwrap_or(u16::MAX)
}

/// Presses all keys of a chord in order and releases them in reverse order.
fn press_chord(client: &mut Client, chord: &[u16]) -> Result<(), String> {
    for code in chord {
        send(client, InputEvent::Key { code: *code, down: true })?;
    }
    for code in chord.iter().rev() {
        send(client, InputEvent::Key { code: *code, down: false })?;
    }
    Ok(())
}

/// Sends one input event.
fn send(client: &mut Client, event: InputEvent) -> Result<(), String> {
    client.send_input(event).map(drop).map_err(|error| format!("The input could not be sent: {error}."))
}
