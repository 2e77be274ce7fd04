//! Commands `oriel-vmm set-clipboard` and `get-clipboard`: clipboard of the guest, over a viewer connection.

use super::connect;
use oriel_display::{Client, ClientError};
use oriel_wire::{Chunk, ClientMessage, ContentType, MAX_CHUNK, MAX_CONTENTS, ServerMessage};
use std::io::{Read, Write};
use std::path::Path;
use std::time::{Duration, Instant};

/// Longest offer in seconds.
const MAX_SECONDS: u64 = 600;
/// Longest wait for an offer of the guest, and for each part of the contents.
const TIMEOUT: Duration = Duration::from_secs(60);

/// Offers standard input to the guest for `seconds`, as the content type in `words`.
///
/// # Errors
/// One sentence for users. It is an error when the guest does not paste the contents.
pub fn set(socket: &Path, seconds: &str, words: &[String]) -> Result<(), String> {
    let content = content_of(words)?;
    let seconds = seconds.parse().ok().filter(|seconds| (1..=MAX_SECONDS).contains(seconds));
    let seconds =
        seconds.ok_or_else(|| format!("Give the number of seconds with --seconds, 1 to {MAX_SECONDS}."))?;
    let mut contents = Vec::new();
    std::io::stdin()
        .take(MAX_CONTENTS as u64 + 1)
        .read_to_end(&mut contents)
        .map_err(|error| format!("Standard input cannot be read: {error}."))?;
    if contents.len() > MAX_CONTENTS {
        return Err(format!("A clipboard holds at most {} MiB.", MAX_CONTENTS >> 20));
    }
    let mut client = connect::acting_viewer(socket)?;
    client.send(&ClientMessage::ClipboardOffer(vec![content])).map_err(|error| broken(&error))?;
    let deadline = Instant::now() + Duration::from_secs(seconds);
    let mut pasted = 0;
    while let Some(message) = connect::next_message(&mut client, deadline)? {
        if let ServerMessage::ClipboardRequest { request, content: wanted } = message {
            let wanted = (wanted == content).then_some(contents.as_slice());
            answer(&mut client, request, wanted).map_err(|error| broken(&error))?;
            pasted += u32::from(wanted.is_some());
        }
    }
    match pasted {
        0 => Err("The guest did not paste the contents.".into()),
        _ => Ok(()),
    }
}

/// Waits for an offer of the guest with the content type in `words`, and prints the contents.
///
/// # Errors
/// One sentence for users.
pub fn get(socket: &Path, words: &[String]) -> Result<(), String> {
    let content = content_of(words)?;
    let mut client = connect::acting_viewer(socket)?;
    let contents = received(&mut client, content)?;
    std::io::stdout()
        .write_all(&contents)
        .map_err(|error| format!("The contents cannot be printed: {error}."))
}

/// Requests the contents of each offer of `content`, and returns the first complete contents.
fn received(client: &mut Client, content: ContentType) -> Result<Vec<u8>, String> {
    let mut deadline = Instant::now() + TIMEOUT;
    let mut contents = Vec::new();
    let mut last_request = 0;
    while let Some(message) = connect::next_message(client, deadline)? {
        match message {
            ServerMessage::ClipboardOffer(types) if types.contains(&content) => {
                last_request += 1;
                let request = ClientMessage::ClipboardRequest { request: last_request, content };
                client.send(&request).map_err(|error| broken(&error))?;
                contents.clear();
            }
            ServerMessage::ClipboardData(piece) if piece.request == last_request => {
                if piece.failed {
                    return Err("The guest did not send the contents that it offered.".into());
                }
                contents.extend_from_slice(&piece.bytes);
                if piece.last {
                    return Ok(contents);
                }
                deadline = Instant::now() + TIMEOUT;
            }
            _ => {}
        }
    }
    match last_request {
        0 => Err(format!("The guest offered no {}.", content.name())),
        _ => Err("The guest did not send the contents that it offered in time.".into()),
    }
}

/// Answers a request of the guest with `contents` in chunks; `None`: with a failure.
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

/// Parses the single word in `words` as a content type.
fn content_of(words: &[String]) -> Result<ContentType, String> {
    let content = match words {
        [name] => ContentType::named(name),
        _ => None,
    };
    content.ok_or_else(|| {
        let names = ContentType::ALL.map(ContentType::name).join(" or ");
        format!("Give one content type: {names}.")
    })
}

/// Returns the sentence for a failed connection.
fn broken(error: &ClientError) -> String {
    format!("The desktop does not answer: {error}.")
}
