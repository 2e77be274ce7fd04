//! A connection on which QEMU calls us, served on a thread of its own.

use super::{QUEUED, next_message};
use crate::error::CommandError;
use std::io;
use std::os::unix::net::UnixStream;
use std::sync::mpsc::{self, Receiver, SyncSender};
use std::thread;
use zbus::connection::Builder;
use zbus::message::{Flags, Type};
use zbus::{Connection, Message, block_on};

/// Who answers QEMU's calls.
pub(super) trait Callee: Send + 'static {
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

/// Has `callee` serve `socket` on a thread called `name` that ends with the connection. The
/// receiver hears when QEMU has connected; drop nothing before that.
///
/// # Errors
/// The thread cannot be made.
pub(super) fn serve(
    name: &str,
    socket: UnixStream,
    callee: impl Callee,
) -> io::Result<Receiver<Result<(), CommandError>>> {
    let (tell, told) = mpsc::sync_channel(1);
    thread::Builder::new().name(name.to_owned()).spawn(move || block_on(listen(socket, callee, tell)))?;
    Ok(told)
}

async fn listen(socket: UnixStream, mut callee: impl Callee, tell: SyncSender<Result<(), CommandError>>) {
    let built = Builder::unix_stream(socket).p2p().max_queued(QUEUED).build_message_stream().await;
    let mut messages = match built {
        Ok(messages) => messages,
        Err(error) => return drop(tell.send(Err(CommandError::Refused(error.to_string())))),
    };
    let connection = Connection::from(&messages);
    drop(tell.send(Ok(())));
    while let Some(Ok(message)) = next_message(&mut messages).await {
        let is_call = message.message_type() == Type::MethodCall;
        if is_call && answer(&connection, &message, &mut callee).await.is_err() {
            break;
        }
    }
    callee.ended();
}

async fn answer<C: Callee>(connection: &Connection, message: &Message, callee: &mut C) -> zbus::Result<()> {
    let outcome = callee.handle(message);
    if message.primary_header().flags().contains(Flags::NO_REPLY_EXPECTED) {
        return Ok(());
    }
    C::reply(connection, message, outcome).await
}
