//! Connections of the commands to a running desktop: control connections and viewers.

use oriel_display::Client;
use oriel_vmm_api::ViewerMode;
use oriel_vmm_api::client::{BlockingClient, ClientOptions, blocking};
use oriel_vmm_api::sentence;
use oriel_wire::{InputEvent, ServerMessage};
use std::path::Path;
use std::time::Instant;

/// Opens a control connection to the socket.
pub fn control(socket: &Path) -> Result<BlockingClient, String> {
    BlockingClient::connect(socket, &ClientOptions::default()).map_err(|error| sentence(&error))
}

/// Connects as a viewer with the right to send input, clipboard and files.
pub fn viewer(socket: &Path) -> Result<Client, String> {
    let stream = blocking::open_viewer(socket, ViewerMode::Interact, &ClientOptions::default())
        .map_err(|error| sentence(&error))?;
    Client::connect(stream, false).map_err(|error| format!("The desktop does not accept a viewer: {error}."))
}

/// Connects as in [`viewer`] and sends one pointer event without effect: the guest's clipboard and files go
/// to the viewer that sent the last input.
pub fn acting_viewer(socket: &Path) -> Result<Client, String> {
    let mut client = viewer(socket)?;
    let no_movement = InputEvent::PointerBy { dx: 0, dy: 0 };
    client.send_input(no_movement).map_err(|error| format!("The input could not be sent: {error}."))?;
    Ok(client)
}

/// Returns the next message about agents, the clipboard or files; `None` at the deadline. Frames that arrive
/// meanwhile are acknowledged.
pub fn next_message(client: &mut Client, deadline: Instant) -> Result<Option<ServerMessage>, String> {
    loop {
        if let Some(message) = client.take_queued_message() {
            return Ok(Some(message));
        }
        let left = deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Ok(None);
        }
        client.set_timeout(Some(left)).map_err(|error| error.to_string())?;
        let frame = match client.receive_any() {
            Ok(frame) => frame,
            Err(error) if error.is_timeout() => return Ok(None),
            Err(error) => return Err(format!("The desktop does not answer: {error}.")),
        };
        // Without acknowledgements the machine's estimate of the line stays at its low initial value, and
        // files and clipboards arrive slowly.
        if let Some(frame) = frame {
            client
                .acknowledge(&frame)
                .map_err(|error| format!("A frame could not be acknowledged: {error}."))?;
        }
    }
}
