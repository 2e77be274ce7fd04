//! The control connection to a machine: requests with replies, and events.

use oriel_vmm_api::client::{Attached, ClientError, ClientOptions, ControlClient, EventReceiver};
use oriel_vmm_api::{Command, Description, ViewerMode};
use std::io;
use std::path::Path;
use tokio::net::UnixStream;

/// Sends requests.
pub(super) struct ControlLink(ControlClient);

/// Hears events; `None` when the connection has ended.
pub(super) type Events = EventReceiver;

impl ControlLink {
    /// Connects, and asks for the machine's description and all events from then on.
    ///
    /// # Errors
    /// Nobody answers, or not as agreed.
    pub(super) async fn connect(socket: &Path) -> io::Result<(Self, Events, Description)> {
        let attached = ControlClient::attach(socket, &ClientOptions::default()).await;
        let Attached { client, events, description } = attached.map_err(io::Error::other)?;
        Ok((Self(client), events, description))
    }

    /// Asks for something to be done.
    ///
    /// # Errors
    /// A sentence.
    pub(super) async fn request(&mut self, command: Command) -> Result<(), String> {
        match self.0.request(command).await {
            Ok(_) => Ok(()),
            Err(ClientError::Refused(text)) => Err(text),
            Err(error) => Err(format!("The desktop's machine does not answer ({error}).")),
        }
    }
}

/// Connects a viewer; from here on the connection carries the messages of `display/PROTOCOL.md`.
///
/// # Errors
/// Nobody answers, or the viewer is refused.
pub async fn open_viewer(socket: &Path, mode: ViewerMode) -> io::Result<UnixStream> {
    let opened = oriel_vmm_api::client::open_viewer(socket, mode, &ClientOptions::default()).await;
    opened.map(oriel_vmm_api::client::ViewerStream::into_inner).map_err(|error| match error {
        ClientError::NotListening { error, .. } => error,
        ClientError::Refused(text) => io::Error::new(io::ErrorKind::ConnectionRefused, text),
        error => io::Error::other(error),
    })
}
