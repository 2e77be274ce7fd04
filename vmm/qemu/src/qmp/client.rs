//! One QMP connection: commands from any thread, answers and events read by a thread of its own.

use super::message::{Command, Event, Line};
use crate::error::CommandError;
use crate::fd_passing::send_with_descriptor;
use serde::Serialize;
use serde_json::Value;
use std::collections::HashMap;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::os::fd::BorrowedFd;
use std::os::unix::net::UnixStream;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

/// Far more than any answer to what we ask.
const LONGEST_LINE: u64 = 1 << 20;

/// How long QEMU may take for an answer: its main loop may be busy for seconds on a loaded host.
const PATIENCE: Duration = Duration::from_secs(10);

/// How long QEMU may take from its start to its greeting.
const GREETING_PATIENCE: Duration = Duration::from_secs(60);

type Answer = Result<Value, CommandError>;
type OnAnswer = Box<dyn FnOnce(Answer) + Send>;

/// A QMP connection past its negotiation phase.
#[derive(Clone)]
pub(crate) struct Qmp {
    shared: Arc<Shared>,
}

struct Shared {
    stream: Mutex<UnixStream>,
    waiting: Mutex<Waiting>,
}

#[derive(Default)]
struct Waiting {
    ended: bool,
    next_id: u64,
    answers: HashMap<u64, OnAnswer>,
}

#[derive(Serialize)]
struct Envelope<'a> {
    #[serde(flatten)]
    command: &'a Command,
    id: u64,
}

impl Qmp {
    /// Takes QEMU's greeting on `stream` and leaves the negotiation phase. `on_event` runs on the
    /// reading thread and must not wait for an answer there. Returns QEMU's version and the thread,
    /// which ends when QEMU closes the connection.
    ///
    /// # Errors
    /// [`CommandError::Ended`] when QEMU closes the connection first, [`CommandError::Timeout`].
    pub fn connect(
        stream: UnixStream,
        on_event: impl FnMut(&Self, Event) + Send + 'static,
    ) -> Result<(Self, String, JoinHandle<()>), CommandError> {
        let reading = stream.try_clone().map_err(|_| CommandError::Ended)?;
        stream.set_write_timeout(Some(PATIENCE)).map_err(|_| CommandError::Ended)?;
        let qmp = Self { shared: Arc::new(Shared { stream: Mutex::new(stream), waiting: Mutex::default() }) };
        let (greet, greeting) = mpsc::sync_channel(1);
        let reader = Reader { qmp: qmp.clone(), greet: Some(greet), on_event };
        let thread = thread::Builder::new()
            .name("qemu-qmp".to_owned())
            .spawn(move || reader.run(reading))
            .map_err(|_| CommandError::Ended)?;
        let version = greeting.recv_timeout(GREETING_PATIENCE).map_err(|error| match error {
            RecvTimeoutError::Timeout => CommandError::Timeout,
            RecvTimeoutError::Disconnected => CommandError::Ended,
        })?;
        qmp.execute(&Command::Capabilities)?;
        Ok((qmp, version, thread))
    }

    /// Runs `command` and waits for its answer.
    ///
    /// # Errors
    /// QEMU refused, ended, or took too long.
    pub fn execute(&self, command: &Command) -> Answer {
        self.execute_and_wait(command, None)
    }

    /// Runs `command`, which takes `descriptor` along, and waits for its answer.
    ///
    /// # Errors
    /// As [`Self::execute`].
    pub fn execute_with(&self, command: &Command, descriptor: BorrowedFd<'_>) -> Answer {
        self.execute_and_wait(command, Some(descriptor))
    }

    /// Runs `command`; `on_answer` gets the answer on the reading thread, or an error on either.
    pub fn execute_then(&self, command: &Command, on_answer: impl FnOnce(Answer) + Send + 'static) {
        self.send(command, None, Box::new(on_answer));
    }

    fn execute_and_wait(&self, command: &Command, descriptor: Option<BorrowedFd<'_>>) -> Answer {
        let (tell, told) = mpsc::sync_channel(1);
        self.send(command, descriptor, Box::new(move |answer| drop(tell.send(answer))));
        told.recv_timeout(PATIENCE).unwrap_or(Err(CommandError::Timeout))
    }

    fn send(&self, command: &Command, descriptor: Option<BorrowedFd<'_>>, on_answer: OnAnswer) {
        let mut waiting = self.shared.waiting();
        if waiting.ended {
            drop(waiting);
            return on_answer(Err(CommandError::Ended));
        }
        let id = waiting.next_id;
        waiting.next_id = id.wrapping_add(1);
        waiting.answers.insert(id, on_answer);
        drop(waiting);
        if let Err(error) = self.shared.write(&Envelope { command, id }, descriptor) {
            tracing::warn!(%error, "QMP cannot be written to");
            let on_answer = self.shared.waiting().answers.remove(&id);
            if let Some(on_answer) = on_answer {
                on_answer(Err(CommandError::Ended));
            }
        }
    }
}

impl Shared {
    fn waiting(&self) -> std::sync::MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self, envelope: &Envelope<'_>, descriptor: Option<BorrowedFd<'_>>) -> io::Result<()> {
        let mut line = serde_json::to_vec(envelope)?;
        line.push(b'\n');
        let mut stream = self.stream.lock().unwrap_or_else(PoisonError::into_inner);
        match descriptor {
            Some(descriptor) => send_with_descriptor(&stream, &line, descriptor),
            None => stream.write_all(&line),
        }
    }
}

struct Reader<F> {
    qmp: Qmp,
    greet: Option<mpsc::SyncSender<String>>,
    on_event: F,
}

impl<F: FnMut(&Qmp, Event)> Reader<F> {
    fn run(mut self, stream: UnixStream) {
        if let Err(error) = self.read_lines(stream) {
            tracing::debug!(%error, "QMP ended");
        }
        let unanswered = {
            let mut waiting = self.qmp.shared.waiting();
            waiting.ended = true;
            std::mem::take(&mut waiting.answers)
        };
        for on_answer in unanswered.into_values() {
            on_answer(Err(CommandError::Ended));
        }
    }

    fn read_lines(&mut self, stream: UnixStream) -> io::Result<()> {
        let mut reader = BufReader::new(stream);
        let mut line = Vec::new();
        loop {
            line.clear();
            (&mut reader).take(LONGEST_LINE).read_until(b'\n', &mut line)?;
            if line.last() != Some(&b'\n') {
                return if line.is_empty() { Ok(()) } else { Err(io::ErrorKind::InvalidData.into()) };
            }
            match serde_json::from_slice(&line) {
                Ok(line) => self.handle(line),
                Err(error) => tracing::warn!(%error, "QMP said something that is not QMP"),
            }
        }
    }

    fn handle(&mut self, line: Line) {
        if let Some(event) = line.event() {
            return (self.on_event)(&self.qmp, event);
        }
        if let Some(greeting) = &line.greeting
            && let Some(greet) = self.greet.take()
        {
            return drop(greet.send(greeting.version()));
        }
        let Some(id) = line.id else { return };
        let on_answer = self.qmp.shared.waiting().answers.remove(&id);
        if let Some(on_answer) = on_answer {
            on_answer(match line.error {
                Some(refusal) => Err(CommandError::Refused(refusal.desc)),
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
            let mut heard = BufReader::new(theirs.try_clone().unwrap());
            heard.read_line(&mut String::new()).unwrap();
            writeln!(theirs, r#"{{"return": {{}}, "id": 0}}"#).unwrap();
            heard.read_line(&mut String::new()).unwrap();
            for line in lines {
                writeln!(theirs, "{line}").unwrap();
            }
        });
        ours
    }

    #[test]
    fn an_answer_finds_its_question_past_noise_and_events() {
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
    fn a_refusal_carries_the_reason_of_qemu() {
        let stream = peer(&[r#"{"error": {"class": "GenericError", "desc": "no such thing"}, "id": 1}"#]);
        let (qmp, _, _) = Qmp::connect(stream, |_, _| ()).unwrap();
        assert_eq!(qmp.execute(&Command::Cont), Err(CommandError::Refused("no such thing".to_owned())));
    }

    #[test]
    fn a_question_that_qemu_takes_to_its_grave_is_answered() {
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
