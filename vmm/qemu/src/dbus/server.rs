//! Server side of a D-Bus connection on which QEMU is the client, on a thread of its own.

use super::messages::{QUEUED, next_message};
use crate::error::CommandError;
use std::io;
use std::os::unix::net::UnixStream;
use std::sync::mpsc::{self, Receiver, SyncSender};
use std::thread;
use zbus::connection::Builder;
use zbus::message::{Flags, Type};
use zbus::{Connection, Message, block_on};

/// Handler of QEMU's calls on one connection.
pub(super) trait DbusHandler: Send + 'static {
    /// Outcome of a call, from which the reply is made.
    type Outcome: Send;

    /// Executes a call.
    fn handle(&mut self, message: &Message) -> Self::Outcome;

    /// Sends the reply to a call.
    ///
    /// # Errors
    /// When the connection is broken.
    fn reply(
        connection: &Connection,
        message: &Message,
        outcome: Self::Outcome,
    ) -> impl Future<Output = zbus::Result<()>> + Send;

    /// Handles the end of the connection.
    fn ended(&mut self);
}

/// Serves `socket` with `handler`, on a thread called `name` that ends with the connection. The returned
/// receiver gets one value when QEMU has connected; keep it until then.
///
/// # Errors
/// When the thread cannot be created.
pub(super) fn serve(
    name: &str,
    socket: UnixStream,
    handler: impl DbusHandler,
) -> io::Result<Receiver<Result<(), CommandError>>> {
    let (sender, receiver) = mpsc::sync_channel(1);
    thread::Builder::new().name(name.to_owned()).spawn(move || block_on(listen(socket, handler, sender)))?;
    Ok(receiver)
}

/// Accepts the connection, and handles calls until the connection ends.
async fn listen(
    socket: UnixStream,
    mut handler: impl DbusHandler,
    sender: SyncSender<Result<(), CommandError>>,
) {
    let built = Builder::unix_stream(socket).p2p().max_queued(QUEUED).build_message_stream().await;
    let mut messages = match built {
        Ok(messages) => messages,
        Err(error) => return drop(sender.send(Err(CommandError::Refused(error.to_string())))),
    };
    let connection = Connection::from(&messages);
    drop(sender.send(Ok(())));
    while let Some(Ok(message)) = next_message(&mut messages).await {
        let is_call = message.message_type() == Type::MethodCall;
        if is_call && handle_call(&connection, &message, &mut handler).await.is_err() {
            break;
        }
    }
    handler.ended();
}

/// Executes one call, and replies unless the caller expects no reply.
async fn handle_call<C: DbusHandler>(
    connection: &Connection,
    message: &Message,
    handler: &mut C,
) -> zbus::Result<()> {
    let outcome = handler.handle(message);
    if message.primary_header().flags().contains(Flags::NO_REPLY_EXPECTED) {
        return Ok(());
    }
    C::reply(connection, message, outcome).await
}
