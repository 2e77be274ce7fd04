//! Connecting to a desktop that runs.

use oriel_display::Client;
use oriel_vmm::sentence::sentence;
use oriel_vmm_api::ViewerMode;
use oriel_vmm_api::client::{BlockingClient, ClientOptions, blocking};
use oriel_wire::{InputEvent, ServerMessage};
use std::path::Path;
use std::time::Instant;

/// Opens a control connection.
pub fn control(socket: &Path) -> Result<BlockingClient, String> {
    BlockingClient::connect(socket, &ClientOptions::default()).map_err(|error| sentence(&error))
}

/// Connects as a viewer who may act.
pub fn viewer(socket: &Path) -> Result<Client, String> {
    let stream = blocking::open_viewer(socket, ViewerMode::Interact, &ClientOptions::default())
        .map_err(|error| sentence(&error))?;
    Client::connect(stream, false).map_err(|error| format!("The desktop does not accept a viewer: {error}."))
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
