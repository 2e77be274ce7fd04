//! QMP client: sends commands from any thread; a thread of its own reads responses and events.

use super::message::{Command, Event, QmpMessage};
use crate::error::CommandError;
use crate::fd_passing::send_with_descriptor;
use parking_lot::{Mutex, MutexGuard};
use serde::Serialize;
use serde_json::Value;
use std::collections::HashMap;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::os::fd::BorrowedFd;
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

/// Maximum length of a line from QEMU in bytes, far above any expected response.
const MAX_MESSAGE_BYTES: u64 = 1 << 20;

/// Maximum time until a response; QEMU's main loop may be busy for seconds on a loaded host.
const RESPONSE_TIMEOUT: Duration = Duration::from_secs(10);

/// Maximum time from QEMU's start to its greeting.
const GREETING_TIMEOUT: Duration = Duration::from_secs(60);

/// Result of a command: the `return` value, or an error.
type Response = Result<Value, CommandError>;
/// Callback for the response to one command.
type ResponseCallback = Box<dyn FnOnce(Response) + Send>;

/// QMP connection past the negotiation phase; clones share the connection.
#[derive(Clone)]
pub(crate) struct Qmp {
    shared: Arc<Shared>,
}

/// State that the clones and the reading thread share.
struct Shared {
    stream: Mutex<UnixStream>,
    pending: Mutex<PendingCommands>,
}

/// Commands without a response yet.
#[derive(Default)]
struct PendingCommands {
    ended: bool,
    next_id: u64,
    callbacks: HashMap<u64, ResponseCallback>,
}

/// Command with the identifier that its response repeats.
#[derive(Serialize)]
struct Request<'a> {
    #[serde(flatten)]
    command: &'a Command,
    id: u64,
}

impl Qmp {
    /// Receives QEMU's greeting on `stream` and leaves the negotiation phase. Returns the connection, QEMU's
    /// version, and the reading thread, which ends when QEMU closes the connection. `on_event` runs on that
    /// thread and must not wait for a response.
    ///
    /// # Errors
    /// [`CommandError::Ended`] when QEMU closes the connection first, [`CommandError::Timeout`] without a
    /// greeting or response in time.
    pub fn connect(
        stream: UnixStream,
        on_event: impl FnMut(&Self, Event) + Send + 'static,
    ) -> Result<(Self, String, JoinHandle<()>), CommandError> {
        let reading = stream.try_clone().map_err(|_| CommandError::Ended)?;
        stream.set_write_timeout(Some(RESPONSE_TIMEOUT)).map_err(|_| CommandError::Ended)?;
        let qmp = Self { shared: Arc::new(Shared { stream: Mutex::new(stream), pending: Mutex::default() }) };
        let (greeting_sender, greeting) = mpsc::sync_channel(1);
        let reader = Reader { qmp: qmp.clone(), greeting_sender: Some(greeting_sender), on_event };
        let thread = thread::Builder::new()
            .name("qemu-qmp".to_owned())
            .spawn(move || reader.run(reading))
            .map_err(|_| CommandError::Ended)?;
        let version = greeting.recv_timeout(GREETING_TIMEOUT).map_err(|error| match error {
            RecvTimeoutError::Timeout => CommandError::Timeout,
            RecvTimeoutError::Disconnected => CommandError::Ended,
        })?;
        qmp.execute(&Command::Capabilities)?;
        Ok((qmp, version, thread))
    }

    /// Executes `command` and waits for the response.
    ///
    /// # Errors
    /// [`CommandError::Refused`] with QEMU's description, [`CommandError::Ended`], or
    /// [`CommandError::Timeout`] after 10 seconds.
    pub fn execute(&self, command: &Command) -> Response {
        self.execute_and_wait(command, None)
    }

    /// Executes `command` with a file descriptor attached, and waits for the response.
    ///
    /// # Errors
    /// As [`Self::execute`].
    pub fn execute_with(&self, command: &Command, descriptor: BorrowedFd<'_>) -> Response {
        self.execute_and_wait(command, Some(descriptor))
    }

    /// Executes `command` without waiting. `on_response` gets the response on the reading thread; when the
    /// command cannot be sent, it gets an error on the calling thread.
    pub fn execute_then(&self, command: &Command, on_response: impl FnOnce(Response) + Send + 'static) {
        self.send(command, None, Box::new(on_response));
    }

    /// Sends `command` and waits for the response.
    fn execute_and_wait(&self, command: &Command, descriptor: Option<BorrowedFd<'_>>) -> Response {
        let (sender, receiver) = mpsc::sync_channel(1);
        self.send(command, descriptor, Box::new(move |response| drop(sender.send(response))));
        receiver.recv_timeout(RESPONSE_TIMEOUT).unwrap_or(Err(CommandError::Timeout))
    }

    /// Registers the callback and writes the command.
    fn send(&self, command: &Command, descriptor: Option<BorrowedFd<'_>>, on_response: ResponseCallback) {
        let mut pending = self.shared.pending();
        if pending.ended {
            drop(pending);
            return on_response(Err(CommandError::Ended));
        }
        let id = pending.next_id;
        pending.next_id = id.wrapping_add(1);
        pending.callbacks.insert(id, on_response);
        drop(pending);
        if let Err(error) = self.shared.write(&Request { command, id }, descriptor) {
            oriel_vmm_api::log_limited!(warn, %error, "QMP cannot be written to");
            let on_response = self.shared.pending().callbacks.remove(&id);
            if let Some(on_response) = on_response {
                on_response(Err(CommandError::Ended));
            }
        }
    }
}

impl Shared {
    /// Locks the table of pending commands.
    fn pending(&self) -> MutexGuard<'_, PendingCommands> {
        self.pending.lock()
    }

    /// Writes one request as a line of JSON.
    fn write(&self, request: &Request<'_>, descriptor: Option<BorrowedFd<'_>>) -> io::Result<()> {
        let mut line = serde_json::to_vec(request)?;
        line.push(b'\n');
        let mut stream = self.stream.lock();
        match descriptor {
            Some(descriptor) => send_with_descriptor(&stream, &line, descriptor),
            None => stream.write_all(&line),
        }
    }
}

/// Reading side of the connection.
struct Reader<F> {
    qmp: Qmp,
    greeting_sender: Option<mpsc::SyncSender<String>>,
    on_event: F,
}

impl<F: FnMut(&Qmp, Event)> Reader<F> {
    /// Reads until the connection ends, then fails the pending commands.
    fn run(mut self, stream: UnixStream) {
        if let Err(error) = self.read_lines(stream) {
            tracing::debug!(%error, "QMP ended");
        }
        let unfinished = {
            let mut pending = self.qmp.shared.pending();
            pending.ended = true;
            std::mem::take(&mut pending.callbacks)
        };
        for on_response in unfinished.into_values() {
            on_response(Err(CommandError::Ended));
        }
    }

    /// Reads and handles lines until the connection ends or a line is too long.
    fn read_lines(&mut self, stream: UnixStream) -> io::Result<()> {
        let mut reader = BufReader::new(stream);
        let mut line = Vec::new();
        loop {
            line.clear();
            (&mut reader).take(MAX_MESSAGE_BYTES).read_until(b'\n', &mut line)?;
            if line.last() != Some(&b'\n') {
                return if line.is_empty() { Ok(()) } else { Err(io::ErrorKind::InvalidData.into()) };
            }
            match serde_json::from_slice(&line) {
                Ok(line) => self.handle(line),
                Err(error) => oriel_vmm_api::log_limited!(warn, %error, "QEMU sent a line that is not QMP"),
            }
        }
    }

    /// Dispatches one message: an event, the greeting or a response.
    fn handle(&mut self, line: QmpMessage) {
        if let Some(event) = line.event() {
            return (self.on_event)(&self.qmp, event);
        }
        if let Some(greeting) = &line.greeting
            && let Some(greeting_sender) = self.greeting_sender.take()
        {
            return drop(greeting_sender.send(greeting.version()));
        }
        let Some(id) = line.id else { return };
        let on_response = self.qmp.shared.pending().callbacks.remove(&id);
        if let Some(on_response) = on_response {
            on_response(match line.error {
                Some(error) => Err(CommandError::Refused(error.desc)),
                None => Ok(line.returned.unwrap_or_default()),
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicUsize, Ordering};

    const GREETING: &str = r#"{"QMP": {"version": {"qemu": {"micro": 22, "minor": 2, "major": 7}, "package": ""}, "capabilities": []}}"#;

    /// A peer that greets, accepts the capabilities, then says `lines` and hangs up.
    fn peer(lines: &'static [&'static str]) -> UnixStream {
        let (ours, mut theirs) = UnixStream::pair().unwrap();
        thread::spawn(move || {
            writeln!(theirs, "{GREETING}").unwrap();
            let mut commands = BufReader::new(theirs.try_clone().unwrap());
            commands.read_line(&mut String::new()).unwrap();
            writeln!(theirs, r#"{{"return": {{}}, "id": 0}}"#).unwrap();
            commands.read_line(&mut String::new()).unwrap();
            for line in lines {
                writeln!(theirs, "{line}").unwrap();
            }
        });
        ours
    }

    #[test]
    fn a_response_reaches_its_command_past_noise_and_events() {
        let events = Arc::new(AtomicUsize::new(0));
        let seen = Arc::clone(&events);
        let stream = peer(&[
            "nonsense",
            r#"{"event": "RESET", "data": {"guest": true, "reason": "guest-reset"}}"#,
            r#"{"return": {"status": "wrong"}, "id": 99}"#,
            r#"{"return": {"status": "running"}, "id": 1}"#,
        ]);
        let (qmp, version, thread) = Qmp::connect(stream, move |_, event| {
            assert_eq!(event, Event::Reset);
            seen.fetch_add(1, Ordering::SeqCst);
        })
        .unwrap();
        assert_eq!(version, "7.2.22");
        assert_eq!(qmp.execute(&Command::QueryStatus).unwrap()["status"], "running");
        thread.join().unwrap();
        assert_eq!(events.load(Ordering::SeqCst), 1);
        assert_eq!(qmp.execute(&Command::Stop), Err(CommandError::Ended));
    }

    #[test]
    fn an_error_carries_qemus_description() {
        let stream = peer(&[r#"{"error": {"class": "GenericError", "desc": "no such thing"}, "id": 1}"#]);
        let (qmp, _, _) = Qmp::connect(stream, |_, _| ()).unwrap();
        assert_eq!(qmp.execute(&Command::Cont), Err(CommandError::Refused("no such thing".to_owned())));
    }

    #[test]
    fn a_command_that_qemu_does_not_live_to_answer_fails() {
        let (qmp, _, _) = Qmp::connect(peer(&[]), |_, _| ()).unwrap();
        assert_eq!(qmp.execute(&Command::Cont), Err(CommandError::Ended));
    }

    #[test]
    fn a_peer_that_hangs_up_before_greeting_is_ended() {
        let (ours, theirs) = UnixStream::pair().unwrap();
        drop(theirs);
        assert!(matches!(Qmp::connect(ours, |_, _| ()), Err(CommandError::Ended)));
    }
}
