//! The control connection to a machine: requests with replies, and events.

use oriel_vmm_api::client::{self, Attached, ClientError, ClientOptions, ControlClient, EventReceiver};
use oriel_vmm_api::{Command, Description, ViewerMode};
use std::path::Path;
use tokio::net::UnixStream;

/// A control connection that sends requests.
pub(crate) struct ControlLink(ControlClient);

/// The events of a control connection; it ends with the connection.
pub(crate) type Events = EventReceiver;

/// Why a control connection was not opened.
#[derive(Debug)]
pub(super) enum ConnectError {
    /// Nobody answers, or not as agreed.
    Unreachable,
    /// The machine speaks a version of the protocol that this host does not know; one sentence with what to do.
    UnknownVersion(String),
}

impl From<ClientError> for ConnectError {
    fn from(error: ClientError) -> Self {
        if error.is_version_mismatch() { Self::UnknownVersion(sentence(&error)) } else { Self::Unreachable }
    }
}

impl ControlLink {
    /// Connects, and asks for the machine's description and all events from then on.
    ///
    /// # Errors
    /// Nobody answers, or the machine speaks another version of the protocol.
    pub(super) async fn connect(socket: &Path) -> Result<(Self, Events, Description), ConnectError> {
        let Attached { client, events, description } =
            ControlClient::attach(socket, &ClientOptions::default()).await?;
        Ok((Self(client), events, description))
    }

    /// Asks for something to be done.
    ///
    /// # Errors
    /// One sentence: the machine refuses, or does not answer.
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
pub(crate) async fn open_viewer(socket: &Path, mode: ViewerMode) -> Result<UnixStream, ClientError> {
    let opened = client::open_viewer(socket, mode, &ClientOptions::default()).await?;
    Ok(opened.into_inner())
}

/// What a machine says of itself, asked on a connection of its own; `None` if it does not answer.
pub(crate) async fn describe(socket: &Path) -> Option<Description> {
    let (mut client, _events) = ControlClient::connect(socket, &ClientOptions::default()).await.ok()?;
    client.describe().await.ok()
}

/// A clause as a sentence.
fn sentence(error: &ClientError) -> String {
    let text = error.to_string();
    let mut chars = text.chars();
    chars.next().into_iter().flat_map(char::to_uppercase).chain(chars).chain(['.']).collect()
}
