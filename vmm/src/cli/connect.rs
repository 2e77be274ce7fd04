//! Connecting to a desktop that runs.

use oriel_display::Client;
use oriel_vmm_api::{Open, Opened, ViewerMode};
use oriel_wire::{InputEvent, ServerMessage};
use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::Instant;

/// No answer of a desktop to a first line is longer.
const MAX_LINE: u64 = 4096;

/// Opens a connection of the kind that `open` says.
pub fn open(socket: &Path, open: &Open) -> Result<UnixStream, String> {
    let broken = |error: std::io::Error| format!("The desktop does not answer: {error}.");
    let mut stream = UnixStream::connect(socket)
        .map_err(|error| format!("No desktop answers at {}: {error}.", socket.display()))?;
    let mut line = serde_json::to_vec(open).map_err(|error| error.to_string())?;
    line.push(b'\n');
    stream.write_all(&line).map_err(broken)?;
    let mut answer = Vec::new();
    // Nothing follows the answer before we speak, so nothing is lost in this reader.
    BufReader::new((&stream).take(MAX_LINE)).read_until(b'\n', &mut answer).map_err(broken)?;
    match serde_json::from_slice(&answer) {
        Ok(Opened::Ok) => Ok(stream),
        Ok(Opened::Refused(text)) => Err(text),
        Err(error) => Err(format!("The desktop gave an answer that is none: {error}.")),
    }
}

/// Connects as a viewer who may act.
pub fn viewer(socket: &Path) -> Result<Client, String> {
    let stream = open(socket, &Open::Viewer { mode: ViewerMode::Interact })?;
    Client::connect(stream, false).map_err(|error| format!("The desktop does not let us watch: {error}."))
}

/// As [`viewer`], and as the one who gave input last: the clipboard and files are theirs.
pub fn acting_viewer(socket: &Path) -> Result<Client, String> {
    let mut client = viewer(socket)?;
    let nowhere = InputEvent::PointerBy { dx: 0, dy: 0 };
    client.send_input(nowhere).map_err(|error| format!("The desktop does not listen: {error}."))?;
    Ok(client)
}

/// The next message about agents, the clipboard or files; `None` when the time is over.
pub fn told_until(client: &mut Client, deadline: Instant) -> Result<Option<ServerMessage>, String> {
    loop {
        if let Some(told) = client.take_told() {
            return Ok(Some(told));
        }
        let left = deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Ok(None);
        }
        client.set_patience(Some(left)).map_err(|error| error.to_string())?;
        let shown = match client.receive_any() {
            Ok(shown) => shown,
            Err(error) if error.is_timeout() => return Ok(None),
            Err(error) => return Err(format!("The desktop does not answer: {error}.")),
        };
        // Or files and clipboards would come as slowly as over a line that nothing is known of, at first.
        if let Some(frame) = shown {
            client.acknowledge(&frame).map_err(|error| format!("The desktop does not listen: {error}."))?;
        }
    }
}
