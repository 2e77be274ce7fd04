//! Tests of the control socket's client against scripted machines: of the same version, of the version
//! before, without versions, and hostile.

#![allow(clippy::unwrap_used, clippy::panic)]

use oriel_vmm_api::client::{
    BlockingClient, ClientError, ClientOptions, ControlClient, Ignored, blocking, open_viewer,
};
use oriel_vmm_api::{Command, Event, RunState, VersionRange, ViewerMode};
use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

/// Control socket on which a scripted machine serves one connection.
struct Machine {
    socket: PathBuf,
    thread: Option<JoinHandle<()>>,
}

impl Machine {
    fn scripted(script: impl FnOnce(Connection) + Send + 'static) -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let name = format!("oriel-api-{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        let socket = std::env::temp_dir().join(name);
        let listener = UnixListener::bind(&socket).unwrap();
        let thread =
            std::thread::spawn(move || script(Connection(BufReader::new(listener.accept().unwrap().0))));
        Self { socket, thread: Some(thread) }
    }

    /// Starts a machine that sends `answer` to any first line, and closes the connection.
    fn answering(answer: &'static str) -> Self {
        Self::scripted(move |mut connection| {
            connection.receive_line();
            connection.send(answer);
        })
    }
}

impl Drop for Machine {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.socket);
        if let Some(thread) = self.thread.take()
            && let Err(panic) = thread.join()
            && !std::thread::panicking()
        {
            std::panic::resume_unwind(panic);
        }
    }
}

struct Connection(BufReader<UnixStream>);

impl Connection {
    fn receive_line(&mut self) -> String {
        let mut line = String::new();
        self.0.read_line(&mut line).unwrap();
        line.trim_end().to_owned()
    }

    fn send(&mut self, line: &str) {
        // The client may have closed the connection already.
        let _ = writeln!(self.0.get_mut(), "{line}");
    }
}

/// Returns options of a client of the next version, which also supports the version of this crate.
fn next_version() -> ClientOptions {
    let VersionRange { newest, oldest } = VersionRange::SUPPORTED;
    options(oldest, newest + 1)
}

fn options(oldest: u32, newest: u32) -> ClientOptions {
    ClientOptions { versions: VersionRange { newest, oldest }, timeout: Duration::from_secs(20) }
}

const DESCRIPTION: &str = r#"{"id":2,"description":{"version":1,"id":"d7","pid":77,"machine":"kvm","accel":"kvm","state":"running","uptime_s":3,"cpus":2,"memory_mib":512,"screen":null,"viewers":0,"counters":{"frames":9},"colour":"red"}}"#;

const DONE: &str = r#"{"id":1,"done":null}"#;

#[tokio::test]
async fn a_newer_client_adopts_a_machine_of_the_version_before() {
    let machine = Machine::scripted(|mut connection| {
        assert_eq!(connection.receive_line(), r#"{"versions":{"newest":2,"oldest":1},"open":"control"}"#);
        connection.send(r#"{"accepted":{"version":1}}"#);
        assert_eq!(connection.receive_line(), r#"{"id":1,"do":"watch"}"#);
        connection.send(r#"{"event":"state","state":"running"}"#);
        connection.send(DONE);
        assert_eq!(connection.receive_line(), r#"{"id":2,"do":"describe"}"#);
        connection.send(r#"{"event":"moonrise","phase":"full"}"#);
        connection.send(DESCRIPTION);
        assert_eq!(connection.receive_line(), r#"{"id":3,"do":"pause"}"#);
        connection.send(r#"{"id":3,"error":"The desktop is paused already."}"#);
        connection.send(r#"{"event":"screen","width":640,"height":480}"#);
    });
    let mut attached = ControlClient::attach(&machine.socket, &next_version()).await.unwrap();
    assert_eq!(attached.client.version(), 1);
    assert_eq!((attached.description.id.as_str(), attached.description.pid), ("d7", 77));
    let refused = attached.client.request(Command::Pause).await.unwrap_err();
    assert!(matches!(&refused, ClientError::Refused(text) if text == "The desktop is paused already."));
    let running = Event::State { state: RunState::Running, reason: None };
    assert_eq!(attached.events.recv().await, Some(running));
    assert_eq!(attached.events.recv().await, Some(Event::Screen { width: 640, height: 480 }));
    assert_eq!(attached.events.recv().await, None, "the machine has ended the connection");
    assert_eq!(attached.client.ignored(), Ignored { fields: 1, events: 1 });
    let gone = attached.client.request(Command::Stop).await.unwrap_err();
    assert!(matches!(gone, ClientError::Disconnected | ClientError::Io(_)), "{gone}");
}

#[test]
fn the_blocking_client_does_the_same() {
    let machine = Machine::scripted(|mut connection| {
        assert_eq!(connection.receive_line(), r#"{"versions":{"newest":2,"oldest":1},"open":"control"}"#);
        connection.send(r#"{"accepted":{"version":1}}"#);
        assert_eq!(connection.receive_line(), r#"{"id":1,"do":"watch"}"#);
        connection.send(DONE);
        assert_eq!(connection.receive_line(), r#"{"id":2,"do":"describe"}"#);
        connection.send(r#"{"event":"screen","width":640,"height":480,"depth":30}"#);
        connection.send(DESCRIPTION);
        connection.send(r#"{"event":"moonrise"}"#);
    });
    let mut client = BlockingClient::connect(&machine.socket, &next_version()).unwrap();
    client.request(Command::Watch).unwrap();
    assert_eq!((client.version(), client.describe().unwrap().cpus), (1, 2));
    assert_eq!(client.next_event().unwrap(), Some(Event::Screen { width: 640, height: 480 }));
    assert_eq!(client.next_event().unwrap(), None);
    assert_eq!(client.ignored(), Ignored { fields: 2, events: 1 });
}

/// Returns the results of both clients for a machine that sends `answer` to the first line.
async fn refusals(answer: &'static str, options: ClientOptions) -> [ClientError; 2] {
    let (one, two) = (Machine::answering(answer), Machine::answering(answer));
    let blocking = BlockingClient::connect(&one.socket, &options).unwrap_err();
    [ControlClient::connect(&two.socket, &options).await.unwrap_err(), blocking]
}

#[tokio::test]
async fn a_machine_from_before_versions_is_told_from_a_broken_one() {
    for answer in [r#""ok""#, r#"{"refused":"Too many are connected."}"#] {
        for error in refusals(answer, ClientOptions::default()).await {
            assert!(matches!(error, ClientError::Unversioned), "{error}");
            assert!(error.is_version_mismatch());
            assert!(error.to_string().contains("keeps running"), "{error}");
        }
    }
}

#[tokio::test]
async fn a_machine_that_shares_no_version_says_which_it_has() {
    for error in refusals(r#"{"unsupported_version":{"newest":7,"oldest":5}}"#, options(1, 2)).await {
        assert!(error.is_version_mismatch());
        let ClientError::UnsupportedVersion { machine, client } = error else { panic!("{error}") };
        assert_eq!((machine.oldest, machine.newest, client.oldest, client.newest), (5, 7, 1, 2));
    }
    // A machine that chose a version outside of the client's range.
    for error in refusals(r#"{"accepted":{"version":3}}"#, options(1, 2)).await {
        assert!(matches!(error, ClientError::UnsupportedVersion { .. }), "{error}");
    }
}

#[tokio::test]
async fn a_refusal_is_told_in_the_machines_words() {
    for error in refusals(r#"{"refused":{"text":"Too many are connected."}}"#, options(1, 1)).await {
        assert!(!error.is_version_mismatch());
        assert_eq!(error.to_string(), "Too many are connected.");
    }
}

#[tokio::test]
async fn what_is_no_answer_is_an_error() {
    for answer in ["", "\u{1F319}", "[]", r#"{"accepted":{}}"#, r#"{"accepted":{"version":-1}}"#] {
        for error in refusals(answer, options(1, 1)).await {
            assert!(matches!(error, ClientError::Malformed(_)), "{answer}: {error}");
        }
    }
    let endless: &'static str = Box::leak("x".repeat(10_000).into_boxed_str());
    for error in refusals(endless, options(1, 1)).await {
        assert!(matches!(error, ClientError::Malformed(_)), "{error}");
    }
}

#[tokio::test]
async fn silence_and_absence_are_told_apart() {
    let silent = || Machine::scripted(|mut connection| drop(connection.0.read_to_end(&mut Vec::new())));
    let hasty = ClientOptions { timeout: Duration::from_millis(50), ..ClientOptions::default() };
    let (one, two) = (silent(), silent());
    let errors = [
        ControlClient::connect(&one.socket, &hasty).await.unwrap_err(),
        BlockingClient::connect(&two.socket, &hasty).unwrap_err(),
    ];
    for error in errors {
        assert!(matches!(error, ClientError::TimedOut(_)), "{error}");
    }
    let nowhere = std::env::temp_dir().join("oriel-api-nobody");
    let absent = ControlClient::connect(&nowhere, &hasty).await.unwrap_err();
    assert!(matches!(absent, ClientError::NotListening { .. }), "{absent}");
    let closing = Machine::scripted(drop);
    let error = ControlClient::connect(&closing.socket, &options(1, 1)).await.unwrap_err();
    assert!(matches!(error, ClientError::Disconnected | ClientError::Io(_)), "{error}");
}

/// Starts a machine that accepts a viewer and echoes the received bytes.
fn viewers_machine() -> Machine {
    Machine::scripted(|mut connection| {
        assert_eq!(
            connection.receive_line(),
            r#"{"versions":{"newest":1,"oldest":1},"open":"viewer","mode":"watch"}"#
        );
        // Answer and first viewer bytes in one write.
        connection.0.get_mut().write_all(b"{\"accepted\":{\"version\":1}}\nhello").unwrap();
        let mut bytes = [0; 3];
        connection.0.read_exact(&mut bytes).unwrap();
        connection.0.get_mut().write_all(&bytes).unwrap();
    })
}

#[tokio::test]
async fn a_viewer_gets_every_byte_behind_the_handshake() {
    let machine = viewers_machine();
    let viewer = open_viewer(&machine.socket, ViewerMode::Watch, &ClientOptions::default()).await;
    let mut viewer = viewer.unwrap();
    viewer.write_all(b"\x00\n\xFF").await.unwrap();
    let mut seen = Vec::new();
    viewer.read_to_end(&mut seen).await.unwrap();
    assert_eq!(seen, b"hello\x00\n\xFF");

    let machine = viewers_machine();
    let viewer = blocking::open_viewer(&machine.socket, ViewerMode::Watch, &ClientOptions::default());
    let mut viewer = viewer.unwrap();
    viewer.write_all(b"\x00\n\xFF").unwrap();
    let mut seen = Vec::new();
    viewer.read_to_end(&mut seen).unwrap();
    assert_eq!(seen, b"hello\x00\n\xFF");
}

#[tokio::test]
async fn a_line_without_end_ends_the_connection() {
    let machine = Machine::scripted(|mut connection| {
        connection.receive_line();
        connection.send(r#"{"accepted":{"version":1}}"#);
        connection.receive_line();
        let _ = connection.0.get_mut().write_all(&vec![b'x'; 1 << 20]);
    });
    let (mut client, _events) =
        ControlClient::connect(&machine.socket, &ClientOptions::default()).await.unwrap();
    let error = client.request(Command::Stop).await.unwrap_err();
    assert!(matches!(error, ClientError::Disconnected), "{error}");
}
