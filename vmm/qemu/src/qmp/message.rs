//! QMP's commands and events, as far as a desktop needs them.

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// What we ask of QEMU.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(tag = "execute", content = "arguments", rename_all = "kebab-case")]
pub(crate) enum Command {
    /// Leaves the negotiation phase.
    #[serde(rename = "qmp_capabilities")]
    Capabilities,
    /// Names the descriptor that travels with this command.
    Getfd {
        /// Its name from now on.
        fdname: &'static str,
    },
    /// Hands a connected socket to a server within QEMU.
    #[serde(rename = "add_client")]
    AddClient {
        /// Which server.
        protocol: &'static str,
        /// As named by [`Command::Getfd`].
        fdname: &'static str,
    },
    /// Presses the ACPI power button.
    #[serde(rename = "system_powerdown")]
    SystemPowerdown,
    /// Presses the reset button.
    #[serde(rename = "system_reset")]
    SystemReset,
    /// Stops the processors.
    Stop,
    /// Lets them go on.
    Cont,
    /// Ends QEMU.
    Quit,
    /// Plugs an interface's cable in or out, as far as the guest can see.
    #[serde(rename = "set_link")]
    SetLink {
        /// The interface.
        name: String,
        /// In.
        up: bool,
    },
    /// Asks for a [`RunStatus`].
    QueryStatus,
    /// Asks the guest to make do with so much memory.
    Balloon {
        /// Bytes.
        value: u64,
    },
    /// Moves pointers, all at once.
    InputSendEvent {
        /// In order.
        events: Vec<InputEvent>,
    },
}

/// One movement along one axis.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(tag = "type", content = "data", rename_all = "lowercase")]
pub(crate) enum InputEvent {
    /// To a place: 0 to [`InputEvent::ABS_MAX`].
    Abs {
        /// Which axis.
        axis: Axis,
        /// Where.
        value: i32,
    },
    /// By so many pixels.
    Rel {
        /// Which axis.
        axis: Axis,
        /// How far; right and down are positive.
        value: i32,
    },
}

impl InputEvent {
    /// The right and lower edge (`INPUT_EVENT_ABS_MAX`).
    pub const ABS_MAX: i32 = 0x7fff;
}

/// A pointer's axis.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Axis {
    /// Across.
    X,
    /// Down.
    Y,
}

/// The answer to [`Command::QueryStatus`].
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub(crate) struct RunStatus {
    /// `running`, `paused`, `internal-error`, `io-error` …
    pub status: String,
}

/// What QEMU says unasked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Event {
    /// The machine goes down; QEMU ends after it.
    Shutdown {
        /// `guest-shutdown`, `guest-panic`, `host-qmp-quit`, `host-signal` …
        reason: String,
    },
    /// The machine was reset.
    Reset,
    /// The power button was pressed.
    Powerdown,
    /// The processors stopped.
    Stopped,
    /// The processors go on.
    Resumed,
    /// The guest's kernel gave up.
    GuestPanicked,
    /// The guest makes do with another amount of memory.
    BalloonChange {
        /// Bytes.
        actual: u64,
    },
    /// A program in the guest opened or closed a port.
    PortChanged {
        /// The port's device.
        id: String,
        /// Opened.
        open: bool,
    },
}

/// QEMU's first line.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub(super) struct Greeting {
    version: Version,
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
struct Version {
    qemu: VersionTriple,
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
struct VersionTriple {
    major: u32,
    minor: u32,
    micro: u32,
}

impl Greeting {
    /// E.g. `7.2.22`.
    pub fn version(&self) -> String {
        let VersionTriple { major, minor, micro } = self.version.qemu;
        format!("{major}.{minor}.{micro}")
    }
}

/// Any line from QEMU.
#[derive(Debug, Deserialize)]
pub(super) struct QmpMessage {
    #[serde(rename = "QMP")]
    pub greeting: Option<Greeting>,
    pub id: Option<u64>,
    #[serde(rename = "return")]
    pub returned: Option<Value>,
    pub error: Option<QmpError>,
    event: Option<String>,
    #[serde(default)]
    data: EventData,
}

/// QEMU's description of an error.
#[derive(Debug, Deserialize)]
pub(super) struct QmpError {
    pub desc: String,
}

#[derive(Debug, Default, Deserialize)]
struct EventData {
    #[serde(default)]
    reason: Option<Value>,
    #[serde(default)]
    actual: Option<u64>,
    #[serde(default)]
    id: Option<String>,
    #[serde(default)]
    open: Option<bool>,
}

impl QmpMessage {
    /// The event in this line, if it is one that matters to a desktop.
    pub fn event(&self) -> Option<Event> {
        Some(match self.event.as_deref()? {
            "SHUTDOWN" => Event::Shutdown {
                reason: self.data.reason.as_ref().and_then(Value::as_str).unwrap_or_default().to_owned(),
            },
            "RESET" => Event::Reset,
            "POWERDOWN" => Event::Powerdown,
            "STOP" => Event::Stopped,
            "RESUME" => Event::Resumed,
            "GUEST_PANICKED" => Event::GuestPanicked,
            "BALLOON_CHANGE" => Event::BalloonChange { actual: self.data.actual? },
            "VSERPORT_CHANGE" => Event::PortChanged { id: self.data.id.clone()?, open: self.data.open? },
            _ => return None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn commands_have_the_shape_that_the_specification_wants() {
        let json = |command: Command| serde_json::to_value(command).unwrap();
        assert_eq!(json(Command::Capabilities), json!({"execute": "qmp_capabilities"}));
        assert_eq!(
            json(Command::AddClient { protocol: "@dbus-display", fdname: "display" }),
            json!({"execute": "add_client", "arguments": {"protocol": "@dbus-display", "fdname": "display"}})
        );
        let events = vec![InputEvent::Rel { axis: Axis::X, value: -3 }];
        assert_eq!(
            json(Command::InputSendEvent { events }),
            json!({"execute": "input-send-event",
                   "arguments": {"events": [{"type": "rel", "data": {"axis": "x", "value": -3}}]}})
        );
    }

    #[test]
    fn events_and_responses_are_distinguished() {
        let line = |text: &str| serde_json::from_str::<QmpMessage>(text).unwrap();
        let shutdown = line(
            r#"{"timestamp": {"seconds": 1, "microseconds": 2}, "event": "SHUTDOWN",
                               "data": {"guest": true, "reason": "guest-shutdown"}}"#,
        );
        assert_eq!(shutdown.event(), Some(Event::Shutdown { reason: "guest-shutdown".to_owned() }));
        let balloon = line(r#"{"event": "BALLOON_CHANGE", "data": {"actual": 1048576}}"#);
        assert_eq!(balloon.event(), Some(Event::BalloonChange { actual: 1 << 20 }));
        let port = line(r#"{"event": "VSERPORT_CHANGE", "data": {"open": true, "id": "port0"}}"#);
        assert_eq!(port.event(), Some(Event::PortChanged { id: "port0".to_owned(), open: true }));
        assert_eq!(line(r#"{"event": "RTC_CHANGE", "data": {"offset": 3}}"#).event(), None);
        let response = line(r#"{"return": {}, "id": 7}"#);
        assert_eq!((response.event(), response.id, response.returned.is_some()), (None, Some(7), true));
        assert_eq!(line(r#"{"error": {"class": "GenericError", "desc": "no"}}"#).error.unwrap().desc, "no");
    }
}
