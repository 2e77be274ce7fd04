//! A connection on which QEMU calls us, served on a thread of its own.

use super::messages::{QUEUED, next_message};
use crate::error::CommandError;
use std::io;
use std::os::unix::net::UnixStream;
use std::sync::mpsc::{self, Receiver, SyncSender};
use std::thread;
use zbus::connection::Builder;
use zbus::message::{Flags, Type};
use zbus::{Connection, Message, block_on};

/// Who answers QEMU's calls.
pub(super) trait DbusHandler: Send + 'static {
    /// What to say to a call.
    type Outcome: Send;

    /// Does what a call wants.
    fn handle(&mut self, message: &Message) -> Self::Outcome;

    /// Says what came of it.
    ///
    /// # Errors
    /// When the connection broke.
    fn reply(
        connection: &Connection,
        message: &Message,
        outcome: Self::Outcome,
    ) -> impl Future<Output = zbus::Result<()>> + Send;

    /// The connection is over.
    fn ended(&mut self);
}

/// Has `handler` serve `socket` on a thread called `name` that ends with the connection. The
/// receiver hears when QEMU has connected; drop nothing before that.
///
/// # Errors
/// The thread cannot be made.
pub(super) fn serve(
    name: &str,
    socket: UnixStream,
    handler: impl DbusHandler,
) -> io::Result<Receiver<Result<(), CommandError>>> {
    let (sender, receiver) = mpsc::sync_channel(1);
    thread::Builder::new().name(name.to_owned()).spawn(move || block_on(listen(socket, handler, sender)))?;
    Ok(receiver)
}

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
