//! Control connection to a machine: requests with replies, and events. The protocol is that of `vmm/api`.

use oriel_vmm_api::client::{self, Attached, ClientError, ClientOptions, ControlClient, EventReceiver};
use oriel_vmm_api::{Command, Description, ViewerMode, sentence};
use std::path::Path;
use tokio::net::UnixStream;

/// Sending half of a control connection.
pub(crate) struct ControlLink(ControlClient);

/// Receiving half of a control connection; its stream of events ends with the connection.
pub(crate) type Events = EventReceiver;

/// Reason for which a control connection could not be opened.
#[derive(Debug)]
pub(super) enum ConnectError {
    /// Nothing listens on the socket, or the peer does not follow the protocol.
    Unreachable,
    /// The machine speaks an unsupported version of the protocol; one sentence with what to do.
    UnknownVersion(String),
}

impl From<ClientError> for ConnectError {
    fn from(error: ClientError) -> Self {
        if error.is_version_mismatch() { Self::UnknownVersion(sentence(&error)) } else { Self::Unreachable }
    }
}

impl ControlLink {
    /// Connects to a machine, and subscribes to its events; the description is the machine's state before the
    /// first event.
    ///
    /// # Errors
    /// The machine does not answer, or it speaks an unsupported version of the protocol.
    pub(super) async fn connect(socket: &Path) -> Result<(Self, Events, Description), ConnectError> {
        let Attached { client, events, description } =
            ControlClient::attach(socket, &ClientOptions::default()).await?;
        Ok((Self(client), events, description))
    }

    /// Sends a command to the machine, and waits for the reply.
    ///
    /// # Errors
    /// One sentence: the machine refuses the command, or does not answer.
    pub(super) async fn request(&mut self, command: Command) -> Result<(), String> {
        match self.0.request(command).await {
            Ok(_) => Ok(()),
            Err(ClientError::Refused(text)) => Err(text),
            Err(error) => Err(format!("The desktop's machine does not answer ({error}).")),
        }
    }
}

/// Opens a viewer's connection to a machine. After the handshake the connection carries the messages of the
/// display protocol (docs/protocol.md).
///
/// # Errors
/// The machine does not answer, or it refuses the viewer.
pub(crate) async fn open_viewer(socket: &Path, mode: ViewerMode) -> Result<UnixStream, ClientError> {
    let opened = client::open_viewer(socket, mode, &ClientOptions::default()).await?;
    Ok(opened.into_inner())
}

/// Requests a machine's description over a new connection; `None` if the machine does not answer.
pub(crate) async fn describe(socket: &Path) -> Option<Description> {
    let (mut client, _events) = ControlClient::connect(socket, &ClientOptions::default()).await.ok()?;
    client.describe().await.ok()
}
