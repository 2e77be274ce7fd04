//! Server of `org.qemu.Display1.Listener`: receives one screen's picture and cursor from QEMU, and passes
//! them to the screen's [`DisplaySurface`].

use super::server::{self, DbusHandler};
use crate::counters::{Counters, count};
use crate::display::{DisplaySurface, SurfaceError, SurfaceLayout};
use crate::error::CommandError;
use serde_bytes::Bytes;
use std::collections::HashMap;
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::mpsc::Receiver;
use zbus::wire::{self, Variant};
use zbus::{Connection, Message};

const LISTENER: &str = "org.qemu.Display1.Listener";
/// Interface for pictures in shared memory, which QEMU offers from version 9.2 on.
const LISTENER_MAP: &str = "org.qemu.Display1.Listener.Unix.Map";
const PROPERTIES: &str = "org.freedesktop.DBus.Properties";

/// Serves the listener of one screen on `stream`, on a thread of its own; see [`server::serve`].
///
/// # Errors
/// When the thread cannot be created.
pub(crate) fn serve_listener(
    stream: UnixStream,
    surface: DisplaySurface,
    counters: Arc<Counters>,
) -> io::Result<Receiver<Result<(), CommandError>>> {
    server::serve("qemu-display", stream, Listener { surface, counters })
}

/// Handler of QEMU's display calls for one screen.
struct Listener {
    surface: DisplaySurface,
    counters: Arc<Counters>,
}

/// Successful reply to a call.
enum Answer {
    /// Empty reply.
    Done,
    /// Value of the property `Interfaces`.
    Interfaces,
    /// All properties by name (`GetAll`).
    Properties,
}

/// Reason for which a call is refused; the text is the D-Bus error's message.
#[derive(Debug, thiserror::Error)]
enum CallError {
    #[error("there is no such method")]
    Unknown,
    #[error("pictures come as pixels or shared memory, not as DMA buffers")]
    DmaBuf,
    #[error(transparent)]
    Body(#[from] zbus::Error),
    #[error(transparent)]
    Surface(#[from] SurfaceError),
}

impl CallError {
    /// Name of the D-Bus error.
    fn name(&self) -> &'static str {
        match self {
            Self::Unknown => "org.freedesktop.DBus.Error.UnknownMethod",
            Self::DmaBuf => "org.freedesktop.DBus.Error.NotSupported",
            Self::Body(_) | Self::Surface(_) => "org.freedesktop.DBus.Error.InvalidArgs",
        }
    }
}

impl DbusHandler for Listener {
    type Outcome = Result<Answer, CallError>;

    fn handle(&mut self, message: &Message) -> Self::Outcome {
        let outcome = self.take(message);
        if let Err(error) = &outcome {
            count(&self.counters.display_refused);
            oriel_vmm_api::log_limited!(debug, %error, call = ?message.header().member(), "refused a call of the display");
        }
        outcome
    }

    async fn reply(connection: &Connection, message: &Message, outcome: Self::Outcome) -> zbus::Result<()> {
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

    fn ended(&mut self) {
        self.surface.disable();
    }
}

impl Listener {
    /// Executes one call.
    fn take(&mut self, message: &Message) -> Result<Answer, CallError> {
        let header = message.header();
        let interface = header.interface().map_or(LISTENER, |interface| interface.as_str());
        let member = header.member().map_or("", |member| member.as_str());
        let body = message.body();
        let surface = &mut self.surface;
        match (interface, member) {
            (LISTENER, "Scanout") => {
                let (width, height, stride, format, data): (u32, u32, u32, u32, &Bytes) =
                    body.deserialize()?;
                self.counters.picture_bytes.fetch_add(data.len() as u64, Relaxed);
                surface.scanout(SurfaceLayout { width, height, stride, format }, data)?;
                count(&self.counters.updates);
            }
            (LISTENER, "Update") => {
                let (x, y, width, height, stride, format, data): (i32, i32, i32, i32, u32, u32, &Bytes) =
                    body.deserialize()?;
                let (width, height) = sides(width, height);
                self.counters.picture_bytes.fetch_add(data.len() as u64, Relaxed);
                surface.update(x, y, SurfaceLayout { width, height, stride, format }, data)?;
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
                surface.scanout_map(
                    OwnedFd::from(memory),
                    offset,
                    SurfaceLayout { width, height, stride, format },
                )?;
                count(&self.counters.updates);
            }
            (LISTENER_MAP, "UpdateMap") => {
                let (x, y, width, height): (i32, i32, i32, i32) = body.deserialize()?;
                surface.update_map(x, y, width, height)?;
                count(&self.counters.updates);
            }
            (LISTENER, "Disable") => surface.disable(),
            (LISTENER, "MouseSet") => {
                let (x, y, on): (i32, i32, i32) = body.deserialize()?;
                surface.mouse_set(x, y, on);
            }
            (LISTENER, "CursorDefine") => {
                let (width, height, hot_x, hot_y, argb): (i32, i32, i32, i32, &Bytes) = body.deserialize()?;
                surface.cursor_define((width, height), (hot_x, hot_y), argb)?;
            }
            (LISTENER, "ScanoutDMABUF" | "UpdateDMABUF") => return Err(CallError::DmaBuf),
            (PROPERTIES, "GetAll") => return Ok(Answer::Properties),
            (PROPERTIES, "Get") => return Ok(Answer::Interfaces),
            _ => return Err(CallError::Unknown),
        }
        Ok(Answer::Done)
    }
}

/// Converts the sides of a rectangle. Negative sides become 0, which is refused as an empty picture.
fn sides(width: i32, height: i32) -> (u32, u32) {
    (u32::try_from(width).unwrap_or(0), u32::try_from(height).unwrap_or(0))
}
