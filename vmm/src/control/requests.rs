//! Control connections: decoding of requests, dispatch to the machine, replies, and events.
//!
//! One thread serves the requests of a connection in order; after a watch request, a second thread
//! sends events on the same connection.

use super::context::ControlContext;
use crate::machine::{Refused, shut_down};
use oriel_display::Monitors;
use oriel_vmm_api::codec::{self, Decoded};
use oriel_vmm_api::{CONTROL_VERSION, Command, Description, Event, Outcome, Reply, Request};
use oriel_wire::{MonitorConfig, Size};
use parking_lot::Mutex;
use serde::Serialize;
use serde_json::Value;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::sync::atomic::Ordering;

/// Longest request line in bytes; the longest valid request is far shorter.
const MAX_LINE: u64 = 64 * 1024;

/// Error for a request of a newer version, or with invalid fields.
const UNKNOWN_REQUEST: &str =
    "This desktop's machine does not support this request; stop and start the desktop to update its machine.";

/// Serves requests on a control connection until the client closes it.
///
/// # Errors
/// When the connection fails, or the client sends a line that is too long or not a request.
pub fn serve(stream: &UnixStream, desktop: &Arc<ControlContext>) -> io::Result<()> {
    let writer = Arc::new(Mutex::new(stream.try_clone()?));
    let mut reader = BufReader::new(stream);
    let mut line = Vec::new();
    loop {
        line.clear();
        (&mut reader).take(MAX_LINE).read_until(b'\n', &mut line)?;
        if line.is_empty() {
            return Ok(());
        }
        let _pending = PendingReply::new(desktop);
        let (id, command) = decode(&line, desktop)?;
        let outcome = match command {
            Some(Command::Watch) => {
                watch(&writer, desktop)?;
                Outcome::Done
            }
            Some(command) => perform(&command, desktop),
            None => Outcome::Error(UNKNOWN_REQUEST.to_owned()),
        };
        send(&writer, &Reply { id, outcome })?;
    }
}

/// Decodes a request line and returns number and command; the command is `None` when it is unknown or has
/// invalid fields. Counts unknown fields and commands.
///
/// # Errors
/// When the line is not JSON or has no number, so that a reply is impossible.
fn decode(line: &[u8], desktop: &ControlContext) -> io::Result<(u64, Option<Command>)> {
    let value: Value = serde_json::from_slice(line).map_err(io::Error::other)?;
    if let Ok(Decoded { message: Request { id, command }, unknown_fields }) = codec::from_value(&value) {
        desktop.unknown_fields.fetch_add(unknown_fields, Ordering::Relaxed);
        return Ok((id, Some(command)));
    }
    let id = value.get("id").and_then(Value::as_u64);
    let id = id.ok_or_else(|| io::Error::new(io::ErrorKind::InvalidData, "a request without a number"))?;
    desktop.unknown_requests.fetch_add(1, Ordering::Relaxed);
    Ok((id, None))
}

/// Guard that counts a request as pending until its reply is sent.
struct PendingReply<'a>(&'a ControlContext);

impl<'a> PendingReply<'a> {
    fn new(desktop: &'a ControlContext) -> Self {
        desktop.pending_replies.fetch_add(1, Ordering::AcqRel);
        Self(desktop)
    }
}

impl Drop for PendingReply<'_> {
    fn drop(&mut self) {
        self.0.pending_replies.fetch_sub(1, Ordering::AcqRel);
    }
}

/// Executes `command` and returns the outcome.
fn perform(command: &Command, desktop: &ControlContext) -> Outcome {
    let machine = &desktop.machine;
    let result = match command {
        Command::Describe => return Outcome::Description(Box::new(describe(desktop))),
        Command::Watch => Ok(()),
        Command::ShutDown => shut_down(machine.as_ref(), &desktop.events),
        Command::PressPower => machine.press_power(),
        Command::Reset => machine.reset(),
        Command::Stop => machine.stop(),
        Command::Pause => machine.pause(),
        Command::Resume => machine.resume(),
        Command::Resize { screens } => resize(machine.monitors(), screens),
        Command::Balloon { target_mib } => machine.balloon(*target_mib),
        Command::Freeze => return file_systems(machine.agents().freeze()),
        Command::Thaw => return file_systems(machine.agents().thaw()),
        Command::GuestFacts => {
            let facts = machine.agents().facts();
            return facts.map_or_else(error, |facts| Outcome::GuestFacts(Box::new(facts)));
        }
    };
    result.map_or_else(error, |()| Outcome::Done)
}

/// Converts a refusal to the outcome of a request.
fn error(refused: Refused) -> Outcome {
    Outcome::Error(refused.to_string())
}

/// Converts the result of freeze or thaw to the outcome of a request.
fn file_systems(count: Result<u64, Refused>) -> Outcome {
    count.map_or_else(error, Outcome::FileSystems)
}

/// Requests a layout of `screens` side by side, which replaces any layout that viewers requested.
fn resize(monitors: &Arc<Monitors>, screens: &[(u32, u32)]) -> Result<(), Refused> {
    let max = monitors.screens().len();
    if !(1..=max).contains(&screens.len()) {
        return Err(Refused(format!("This desktop has 1 to {max} screens, not {}.", screens.len())));
    }
    let wanted: Vec<MonitorConfig> =
        screens.iter().map(|(width, height)| MonitorConfig::of(Size::new(*width, *height))).collect();
    monitors.request_layout(&wanted);
    Ok(())
}

/// Returns the description of the machine, with the counters of the control socket.
fn describe(desktop: &ControlContext) -> Description {
    let monitors = desktop.machine.monitors();
    let size = monitors.screens().first().and_then(|screen| screen.size());
    let mut counters = desktop.machine.counters();
    let ignored = [
        ("control_unknown_fields", &desktop.unknown_fields),
        ("control_unknown_requests", &desktop.unknown_requests),
    ];
    counters.extend(ignored.map(|(name, count)| (name.to_owned(), count.load(Ordering::Relaxed))));
    Description {
        version: CONTROL_VERSION,
        id: desktop.config.id.clone(),
        pid: desktop.pid,
        machine: desktop.machine.kind(),
        accel: desktop.machine.accel(),
        state: desktop.events.run_state(),
        reason: desktop.events.pause_reason(),
        uptime_s: desktop.started.elapsed().as_secs(),
        cpus: desktop.config.cpus,
        memory_mib: desktop.config.memory_mib,
        screen: size.map(|size| (size.width, size.height)),
        viewers: u32::try_from(monitors.viewers()).unwrap_or(u32::MAX),
        agents: desktop.machine.agents().connected(),
        counters,
        jail: desktop.jail.clone(),
    }
}

/// Subscribes the connection to events. A separate thread sends them, while this thread serves requests.
fn watch(writer: &Arc<Mutex<UnixStream>>, desktop: &ControlContext) -> io::Result<()> {
    let events = desktop.events.listen();
    let writer = writer.clone();
    let thread = std::thread::Builder::new().name("watch".into()).spawn(move || {
        for event in events {
            let last = matches!(event, Event::Ended { .. });
            if send(&writer, &event).is_err() || last {
                break;
            }
        }
        // The client has the last event, or is too slow and must reconnect: it gets no further lines.
        let _ = writer.lock().shutdown(std::net::Shutdown::Both);
    })?;
    desktop.watchers.lock().push(thread);
    Ok(())
}

/// Sends one message as a line of JSON.
fn send(writer: &Mutex<UnixStream>, message: &impl Serialize) -> io::Result<()> {
    writer.lock().write_all(&codec::encode(message)?)
}
