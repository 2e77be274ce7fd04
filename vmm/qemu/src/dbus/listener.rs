//! `org.qemu.Display1.Listener`: the object on our side that QEMU sends its picture to.

use super::{QUEUED, next_message};
use crate::counters::{Counters, count};
use crate::display::{Picture, PictureError, Scanout};
use crate::error::CommandError;
use serde_bytes::Bytes;
use std::collections::HashMap;
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::mpsc::{self, Receiver, SyncSender};
use std::thread;
use zbus::connection::Builder;
use zbus::message::{Flags, Type};
use zbus::wire::{self, Variant};
use zbus::{Connection, Message, block_on};

const LISTENER: &str = "org.qemu.Display1.Listener";
/// Pictures in shared memory, which QEMU offers from version 9.2 on.
const LISTENER_MAP: &str = "org.qemu.Display1.Listener.Unix.Map";
const PROPERTIES: &str = "org.freedesktop.DBus.Properties";

/// Serves the listener on `stream` on a thread of its own that ends with the connection. The
/// receiver hears when QEMU has connected; drop nothing before that.
///
/// # Errors
/// The thread cannot be made.
pub(crate) fn serve_listener(
    stream: UnixStream,
    picture: Picture,
    counters: Arc<Counters>,
) -> io::Result<Receiver<Result<(), CommandError>>> {
    let (tell, told) = mpsc::sync_channel(1);
    let listener = Listener { picture, counters };
    thread::Builder::new()
        .name("qemu-display".to_owned())
        .spawn(move || block_on(listener.serve(stream, tell)))?;
    Ok(told)
}

struct Listener {
    picture: Picture,
    counters: Arc<Counters>,
}

/// What to say to a call.
enum Answer {
    /// It was done.
    Done,
    /// The value of `Listener.Interfaces`.
    Interfaces,
    /// The listener's properties by name.
    Properties,
}

#[derive(Debug, thiserror::Error)]
enum CallError {
    #[error("there is no such method")]
    Unknown,
    #[error("pictures come as pixels or shared memory, not as DMA buffers")]
    DmaBuf,
    #[error(transparent)]
    Body(#[from] zbus::Error),
    #[error(transparent)]
    Picture(#[from] PictureError),
}

impl CallError {
    fn name(&self) -> &'static str {
        match self {
            Self::Unknown => "org.freedesktop.DBus.Error.UnknownMethod",
            Self::DmaBuf => "org.freedesktop.DBus.Error.NotSupported",
            Self::Body(_) | Self::Picture(_) => "org.freedesktop.DBus.Error.InvalidArgs",
        }
    }
}

impl Listener {
    async fn serve(mut self, stream: UnixStream, tell: SyncSender<Result<(), CommandError>>) {
        let built = Builder::unix_stream(stream).p2p().max_queued(QUEUED).build_message_stream().await;
        let mut messages = match built {
            Ok(messages) => messages,
            Err(error) => return drop(tell.send(Err(CommandError::Refused(error.to_string())))),
        };
        let connection = Connection::from(&messages);
        drop(tell.send(Ok(())));
        while let Some(Ok(message)) = next_message(&mut messages).await {
            if message.message_type() == Type::MethodCall && self.answer(&connection, &message).await.is_err()
            {
                break;
            }
        }
        self.picture.disable();
    }

    async fn answer(&mut self, connection: &Connection, message: &Message) -> zbus::Result<()> {
        let outcome = self.handle(message);
        if let Err(error) = &outcome {
            count(&self.counters.display_refused);
            tracing::debug!(%error, call = ?message.header().member(), "refused a call of the display");
        }
        if message.primary_header().flags().contains(Flags::NO_REPLY_EXPECTED) {
            return Ok(());
        }
        let header = message.header();
        let interfaces = || vec![LISTENER_MAP];
        match outcome {
            Ok(Answer::Done) => connection.reply(&header, &()).await,
            Ok(Answer::Interfaces) => connection.reply(&header, &Variant::from(interfaces())).await,
            Ok(Answer::Properties) => {
                let properties = HashMap::from([("Interfaces", Variant::from(interfaces()))]);
                connection.reply(&header, &properties).await
            }
            Err(error) => connection.reply_error(&header, error.name(), &error.to_string()).await,
        }
    }

    fn handle(&mut self, message: &Message) -> Result<Answer, CallError> {
        let header = message.header();
        let interface = header.interface().map_or(LISTENER, |interface| interface.as_str());
        let member = header.member().map_or("", |member| member.as_str());
        let body = message.body();
        let picture = &mut self.picture;
        match (interface, member) {
            (LISTENER, "Scanout") => {
                let (width, height, stride, format, data): (u32, u32, u32, u32, &Bytes) =
                    body.deserialize()?;
                self.counters.picture_bytes.fetch_add(data.len() as u64, Relaxed);
                picture.scanout(Scanout { width, height, stride, format }, data)?;
                count(&self.counters.updates);
            }
            (LISTENER, "Update") => {
                let (x, y, width, height, stride, format, data): (i32, i32, i32, i32, u32, u32, &Bytes) =
                    body.deserialize()?;
                let (width, height) = sides(width, height);
                self.counters.picture_bytes.fetch_add(data.len() as u64, Relaxed);
                picture.update(x, y, Scanout { width, height, stride, format }, data)?;
                count(&self.counters.updates);
            }
            (LISTENER_MAP, "ScanoutMap") => {
                let (memory, offset, width, height, stride, format): (
                    wire::OwnedFd,
                    u32,
                    u32,
                    u32,
                    u32,
                    u32,
                ) = body.deserialize()?;
                picture.scanout_map(
                    OwnedFd::from(memory),
                    offset,
                    Scanout { width, height, stride, format },
                )?;
                count(&self.counters.updates);
            }
            (LISTENER_MAP, "UpdateMap") => {
                let (x, y, width, height): (i32, i32, i32, i32) = body.deserialize()?;
                picture.update_map(x, y, width, height)?;
                count(&self.counters.updates);
            }
            (LISTENER, "Disable") => picture.disable(),
            (LISTENER, "MouseSet") => {
                let (x, y, on): (i32, i32, i32) = body.deserialize()?;
                picture.mouse_set(x, y, on);
            }
            (LISTENER, "CursorDefine") => {
                let (width, height, hot_x, hot_y, argb): (i32, i32, i32, i32, &Bytes) = body.deserialize()?;
                picture.cursor_define((width, height), (hot_x, hot_y), argb)?;
            }
            (LISTENER, "ScanoutDMABUF" | "UpdateDMABUF") => return Err(CallError::DmaBuf),
            (PROPERTIES, "GetAll") => return Ok(Answer::Properties),
            (PROPERTIES, "Get") => return Ok(Answer::Interfaces),
            _ => return Err(CallError::Unknown),
        }
        Ok(Answer::Done)
    }
}

/// Negative sides become 0, which is refused as an empty picture.
fn sides(width: i32, height: i32) -> (u32, u32) {
    (u32::try_from(width).unwrap_or(0), u32::try_from(height).unwrap_or(0))
}
