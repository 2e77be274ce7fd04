//! Client of QEMU's D-Bus consoles (`org.qemu.Display1.Console`), one per screen: listeners, keys, buttons
//! and monitor sizes. Also receives the state of the guest's keyboard LEDs.

use super::messages::{QUEUED, next_message};
use crate::error::CommandError;
use oriel_wire::MonitorConfig;
use serde::Serialize;
use std::collections::HashMap;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::sync::mpsc;
use std::thread;
use std::time::Duration;
use zbus::connection::Builder;
use zbus::wire::{Fd, OwnedVariant, Type};
use zbus::{Connection, Message, block_on};

const AUDIO_PATH: &str = "/org/qemu/Display1/Audio";
const CONSOLE: &str = "org.qemu.Display1.Console";
const KEYBOARD: &str = "org.qemu.Display1.Keyboard";
const AUDIO: &str = "org.qemu.Display1.Audio";
const MOUSE: &str = "org.qemu.Display1.Mouse";
const PROPERTIES: &str = "org.freedesktop.DBus.Properties";

/// Unique D-Bus name of our side. A peer-to-peer connection has no bus that assigns names, but QEMU
/// identifies audio listeners by the sender's name, and QEMU 7.2 crashes when there is none.
const OUR_NAME: &str = ":1.1";

/// Maximum time that QEMU may take to answer a D-Bus call.
const RESPONSE_TIMEOUT: Duration = Duration::from_secs(10);

/// Mouse button, with the number that QEMU gives to it (QAPI `InputButton`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u32)]
pub(crate) enum MouseButton {
    Left = 0,
    Middle = 1,
    Right = 2,
    WheelUp = 3,
    WheelDown = 4,
    Side = 5,
    Extra = 6,
    WheelLeft = 7,
    WheelRight = 8,
}

/// Client of one of the machine's consoles; clones share the D-Bus connection.
#[derive(Clone)]
pub(crate) struct Console {
    connection: Connection,
    path: String,
}

impl Console {
    /// Connects to the console of the first screen over `stream`, whose other end QEMU received by
    /// `add_client`. `on_leds` is called with the keyboard's LEDs (bit 0 num lock, bit 1 caps lock, bit 2
    /// scroll lock), on a thread that ends with the connection.
    ///
    /// # Errors
    /// [`CommandError::Refused`] when the D-Bus handshake fails, [`CommandError::Timeout`] after 10 seconds.
    pub fn connect(stream: UnixStream, on_leds: impl Fn(u8) + Send + 'static) -> Result<Self, CommandError> {
        let (sender, receiver) = mpsc::sync_channel(1);
        // The thread stays within `block_on`, which is what drives the connection's reading.
        thread::Builder::new()
            .name("qemu-dbus".to_owned())
            .spawn(move || block_on(read_signals(stream, sender, on_leds)))
            .map_err(|error| CommandError::Refused(error.to_string()))?;
        let connection = receiver.recv_timeout(RESPONSE_TIMEOUT).map_err(|_| CommandError::Timeout)??;
        Ok(Self { connection, path: path_of(0) })
    }

    /// Returns the console of screen number `screen`, over the same connection.
    pub fn of_screen(&self, screen: usize) -> Self {
        Self { connection: self.connection.clone(), path: path_of(screen) }
    }

    /// Makes QEMU send the console's picture to the D-Bus listener at the other end of `socket`.
    pub fn register_listener(&self, socket: OwnedFd) -> Result<(), CommandError> {
        self.call(CONSOLE, "RegisterListener", &(Fd::from(socket)))
    }

    /// Makes QEMU send the guest's playback to the D-Bus listener at the other end of `socket`.
    pub fn register_speaker(&self, socket: OwnedFd) -> Result<(), CommandError> {
        self.call_at(AUDIO_PATH, AUDIO, "RegisterOutListener", &(Fd::from(socket)))
    }

    /// Makes QEMU read the guest's recording from the D-Bus listener at the other end of `socket`.
    pub fn register_microphone(&self, socket: OwnedFd) -> Result<(), CommandError> {
        self.call_at(AUDIO_PATH, AUDIO, "RegisterInListener", &(Fd::from(socket)))
    }

    /// Presses or releases the key with QEMU's key number `qnum`.
    pub fn key(&self, qnum: u8, down: bool) -> Result<(), CommandError> {
        self.call(KEYBOARD, press_or_release(down), &u32::from(qnum))
    }

    /// Presses or releases a mouse button or one direction of the wheel.
    pub fn button(&self, button: MouseButton, down: bool) -> Result<(), CommandError> {
        self.call(MOUSE, press_or_release(down), &(button as u32))
    }

    /// Sets position, size and physical size of the guest's monitor (`SetUIInfo`); `None` disconnects the
    /// monitor.
    pub fn set_monitor(&self, monitor: Option<&MonitorConfig>) -> Result<(), CommandError> {
        let body = monitor.map_or((0, 0, 0, 0, 0, 0), |MonitorConfig { x, y, size, dpi }| {
            let millimetres = |pixels: u32| u16::try_from(pixels * 254 / (dpi * 10)).unwrap_or(u16::MAX);
            (millimetres(size.width), millimetres(size.height), *x, *y, size.width, size.height)
        });
        self.call(CONSOLE, "SetUIInfo", &body)
    }

    /// Calls a method of this console.
    fn call<B: Serialize + Type>(&self, interface: &str, method: &str, body: &B) -> Result<(), CommandError> {
        self.call_at(self.path.as_str(), interface, method, body)
    }

    /// Calls a method of the object at `path` and waits for the reply.
    fn call_at<B: Serialize + Type>(
        &self,
        path: &str,
        interface: &str,
        method: &str,
        body: &B,
    ) -> Result<(), CommandError> {
        block_on(self.connection.call_method(None::<&str>, path, Some(interface), method, body))
            .map(drop)
            .map_err(command_error)
    }
}

/// Returns the D-Bus object path of a screen's console.
fn path_of(screen: usize) -> String {
    format!("/org/qemu/Display1/Console_{screen}")
}

/// Returns the name of the method of `Keyboard` and `Mouse` for a press or a release.
fn press_or_release(down: bool) -> &'static str {
    if down { "Press" } else { "Release" }
}

/// Converts an error of a D-Bus call.
fn command_error(error: zbus::Error) -> CommandError {
    match error {
        zbus::Error::InputOutput(error) if error.kind() == std::io::ErrorKind::TimedOut => {
            CommandError::Timeout
        }
        zbus::Error::InputOutput(_) => CommandError::Ended,
        other => CommandError::Refused(other.to_string()),
    }
}

/// Makes the connection, sends it to `sender`, and reads signals until the connection ends.
async fn read_signals(
    stream: UnixStream,
    sender: mpsc::SyncSender<Result<Connection, CommandError>>,
    on_leds: impl Fn(u8),
) {
    let built = Builder::unix_stream(stream)
        .p2p()
        .max_queued(QUEUED)
        .method_timeout(RESPONSE_TIMEOUT)
        .build_message_stream()
        .await;
    let mut messages = match built {
        Ok(messages) => messages,
        Err(error) => return drop(sender.send(Err(CommandError::Refused(error.to_string())))),
    };
    let connection = Connection::from(&messages);
    let named = connection.set_unique_name(OUR_NAME);
    let result = named.map(|()| connection).map_err(|error| CommandError::Refused(error.to_string()));
    if sender.send(result).is_err() {
        return;
    }
    drop(sender);
    while let Some(Ok(message)) = next_message(&mut messages).await {
        if let Some(leds) = leds(&message) {
            on_leds(leds);
        }
    }
}

/// Returns the LEDs from a `PropertiesChanged` signal about `Keyboard.Modifiers`; `None` for other messages.
fn leds(message: &Message) -> Option<u8> {
    let header = message.header();
    if header.interface()?.as_str() != PROPERTIES || header.member()?.as_str() != "PropertiesChanged" {
        return None;
    }
    let body = message.body();
    let (interface, changed, _invalidated): (String, HashMap<String, OwnedVariant>, Vec<String>) =
        body.deserialize().ok()?;
    if interface != KEYBOARD {
        return None;
    }
    let modifiers = u32::try_from(changed.get("Modifiers")?).ok()?;
    Some(leds_of_modifiers(modifiers))
}

/// Converts LEDs from QEMU's order (bit 0 scroll, 1 num, 2 caps) to Oriel's (bit 0 num, 1 caps, 2 scroll).
fn leds_of_modifiers(modifiers: u32) -> u8 {
    let light = |theirs: u32, ours: u8| if modifiers & (1 << theirs) != 0 { 1 << ours } else { 0 };
    light(1, 0) | light(2, 1) | light(0, 2)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_light_is_its_own() {
        assert_eq!([1, 2, 4, 7, 0xffff_fff8].map(leds_of_modifiers), [4, 1, 2, 7, 0]);
    }
}
