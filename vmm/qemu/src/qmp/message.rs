//! QMP commands and events that a desktop uses ("QEMU QMP Reference Manual").

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// QMP command; the field names are QMP's arguments.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(tag = "execute", content = "arguments", rename_all = "kebab-case")]
pub(crate) enum Command {
    /// Leaves the negotiation phase.
    #[serde(rename = "qmp_capabilities")]
    Capabilities,
    /// Assigns a name to the file descriptor that is attached to this command.
    Getfd {
        /// Name of the descriptor.
        fdname: &'static str,
    },
    /// Passes a connected socket to a server within QEMU.
    #[serde(rename = "add_client")]
    AddClient {
        /// Name of the server, here `@dbus-display`.
        protocol: &'static str,
        /// Name of the socket, from [`Command::Getfd`].
        fdname: &'static str,
    },
    /// Presses the ACPI power button.
    #[serde(rename = "system_powerdown")]
    SystemPowerdown,
    /// Presses the reset button.
    #[serde(rename = "system_reset")]
    SystemReset,
    /// Stops the virtual processors.
    Stop,
    /// Resumes the virtual processors.
    Cont,
    /// Ends the QEMU process without a guest shutdown.
    Quit,
    /// Sets the link state of a network interface, which the guest sees.
    #[serde(rename = "set_link")]
    SetLink {
        /// QEMU's identifier of the interface.
        name: String,
        /// Whether the link is up.
        up: bool,
    },
    /// Queries the [`RunStatus`].
    QueryStatus,
    /// Sets the amount of memory that the guest keeps.
    Balloon {
        /// Memory of the guest in bytes, without the balloon.
        value: u64,
    },
    /// Sends pointer motions, all as one packet.
    InputSendEvent {
        /// Motions in order.
        events: Vec<InputEvent>,
    },
}

/// Pointer motion along one axis.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(tag = "type", content = "data", rename_all = "lowercase")]
pub(crate) enum InputEvent {
    /// Motion to an absolute position.
    Abs {
        /// Axis of the motion.
        axis: Axis,
        /// Position, 0 to [`InputEvent::ABS_MAX`].
        value: i32,
    },
    /// Relative motion.
    Rel {
        /// Axis of the motion.
        axis: Axis,
        /// Distance in pixels; right and down are positive.
        value: i32,
    },
}

impl InputEvent {
    /// Position of the right and the lower edge (`INPUT_EVENT_ABS_MAX`).
    pub const ABS_MAX: i32 = 0x7fff;
}

/// Axis of a pointer motion.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Axis {
    /// Horizontal axis.
    X,
    /// Vertical axis.
    Y,
}

/// Response to [`Command::QueryStatus`].
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub(crate) struct RunStatus {
    /// Run state of QEMU, such as `running`, `paused`, `internal-error` or `io-error` (QAPI `RunState`).
    pub status: String,
}

/// QMP event, sent without a command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Event {
    /// Shutdown of the machine, after which QEMU exits.
    Shutdown {
        /// Cause (QAPI `ShutdownCause`), such as `guest-shutdown`, `guest-panic`, `host-qmp-quit` or
        /// `host-signal`.
        reason: String,
    },
    /// Reset of the machine.
    Reset,
    /// Press of the ACPI power button.
    Powerdown,
    /// Stop of the virtual processors.
    Stopped,
    /// Resumption of the virtual processors.
    Resumed,
    /// Panic of the guest's kernel.
    GuestPanicked,
    /// Change of the balloon's size.
    BalloonChange {
        /// Memory of the guest in bytes, without the balloon.
        actual: u64,
    },
    /// A program in the guest opened or closed a port.
    PortChanged {
        /// Identifier of the port's device.
        id: String,
        /// Whether the port was opened.
        open: bool,
    },
}

/// First message of QEMU on a connection.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub(super) struct Greeting {
    version: Version,
}

/// Version in the greeting.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
struct Version {
    qemu: VersionTriple,
}

/// Version of QEMU in three numbers.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
struct VersionTriple {
    major: u32,
    minor: u32,
    micro: u32,
}

impl Greeting {
    /// Returns the version, e.g. `7.2.22`.
    pub fn version(&self) -> String {
        let VersionTriple { major, minor, micro } = self.version.qemu;
        format!("{major}.{minor}.{micro}")
    }
}

/// Any message of QEMU: greeting, response or event.
#[derive(Debug, Deserialize)]
pub(super) struct QmpMessage {
    /// Greeting, in the first message.
    #[serde(rename = "QMP")]
    pub greeting: Option<Greeting>,
    /// Identifier of the command that a response answers.
    pub id: Option<u64>,
    /// Value of a successful response.
    #[serde(rename = "return")]
    pub returned: Option<Value>,
    /// Error of a failed command.
    pub error: Option<QmpError>,
    event: Option<String>,
    #[serde(default)]
    data: EventData,
}

/// Error of a failed command.
#[derive(Debug, Deserialize)]
pub(super) struct QmpError {
    /// Description of the error for humans.
    pub desc: String,
}

/// Data of the events that a desktop uses.
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
    /// Returns the event in this message; `None` for other messages and for events without use for a desktop.
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
