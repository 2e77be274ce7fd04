//! `oriel-vmm set-clipboard` and `get-clipboard`: the clipboard between a viewer and the guest.

use super::connect;
use oriel_display::{Client, ClientError};
use oriel_wire::{Chunk, ClientMessage, ContentType, MAX_CHUNK, MAX_CONTENTS, ServerMessage};
use std::io::{Read, Write};
use std::path::Path;
use std::time::{Duration, Instant};

/// Longer offers are for people.
const MOST_SECONDS: u64 = 600;
/// How long a guest may take to have something to paste, and again to give it.
const PATIENCE: Duration = Duration::from_secs(60);

/// Offers standard input to the guest for some seconds; to nobody pasting it is an error.
pub fn set(socket: &Path, seconds: &str, words: &[String]) -> Result<(), String> {
    let content = content_of(words)?;
    let seconds = seconds.parse().ok().filter(|seconds| (1..=MOST_SECONDS).contains(seconds));
    let seconds = seconds.ok_or_else(|| format!("Say for how many seconds, 1 to {MOST_SECONDS}."))?;
    let mut contents = Vec::new();
    std::io::stdin()
        .take(MAX_CONTENTS as u64 + 1)
        .read_to_end(&mut contents)
        .map_err(|error| format!("What is to be copied cannot be read: {error}."))?;
    if contents.len() > MAX_CONTENTS {
        return Err(format!("A clipboard holds at most {} MiB.", MAX_CONTENTS >> 20));
    }
    let mut client = connect::acting_viewer(socket)?;
    client.send(&ClientMessage::ClipboardOffer(vec![content])).map_err(|error| broken(&error))?;
    let deadline = Instant::now() + Duration::from_secs(seconds);
    let mut pasted = 0;
    while let Some(told) = connect::told_until(&mut client, deadline)? {
        if let ServerMessage::ClipboardRequest { request, content: wanted } = told {
            let wanted = (wanted == content).then_some(contents.as_slice());
            answer(&mut client, request, wanted).map_err(|error| broken(&error))?;
            pasted += u32::from(wanted.is_some());
        }
    }
    match pasted {
        0 => Err("The guest did not paste it.".into()),
        _ => Ok(()),
    }
}

/// Prints what the guest copied, once it did.
pub fn get(socket: &Path, words: &[String]) -> Result<(), String> {
    let content = content_of(words)?;
    let mut client = connect::acting_viewer(socket)?;
    let contents = received(&mut client, content)?;
    std::io::stdout().write_all(&contents).map_err(|error| format!("It cannot be printed: {error}."))
}

fn received(client: &mut Client, content: ContentType) -> Result<Vec<u8>, String> {
    let mut deadline = Instant::now() + PATIENCE;
    let mut contents = Vec::new();
    let mut asked = 0;
    while let Some(told) = connect::told_until(client, deadline)? {
        match told {
            ServerMessage::ClipboardOffer(types) if types.contains(&content) => {
                asked += 1;
                let request = ClientMessage::ClipboardRequest { request: asked, content };
                client.send(&request).map_err(|error| broken(&error))?;
                contents.clear();
            }
            ServerMessage::ClipboardData(piece) if piece.request == asked => {
                if piece.failed {
                    return Err("The guest did not give what it had offered.".into());
                }
                contents.extend_from_slice(&piece.bytes);
                if piece.last {
                    return Ok(contents);
                }
                deadline = Instant::now() + PATIENCE;
            }
            _ => {}
        }
    }
    match asked {
        0 => Err(format!("The guest has no {} to paste.", content.name())),
        _ => Err("The guest did not give what it had offered in time.".into()),
    }
}

/// Gives the guest what it asked for, or nothing.
fn answer(client: &mut Client, request: u32, contents: Option<&[u8]>) -> Result<(), ClientError> {
    let piece = |bytes: &[u8], last, failed| {
        ClientMessage::ClipboardData(Chunk { request, last, failed, bytes: bytes.to_vec() })
    };
    let Some(contents) = contents else { return client.send(&piece(&[], true, true)) };
    for bytes in contents.chunks(MAX_CHUNK) {
        client.send(&piece(bytes, false, false))?;
    }
    client.send(&piece(&[], true, false))
}

fn content_of(words: &[String]) -> Result<ContentType, String> {
    let content = match words {
        [name] => ContentType::named(name),
        _ => None,
    };
    content.ok_or_else(|| {
        let names = ContentType::ALL.map(ContentType::name).join(" or ");
        format!("Say of which type it is: {names}.")
    })
}

fn broken(error: &ClientError) -> String {
    format!("The desktop does not answer: {error}.")
}
