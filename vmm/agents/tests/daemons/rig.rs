//! Support of the tests: folders, child processes, and sockets in place of a guest's port.

use oriel_agents::port::{HostPort, PortOpenState, drain, pair};
use std::io::{Read, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::{Duration, Instant};

/// Maximum time of a wait, longer than any step takes on a busy machine.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// Whether all `programs` are installed; prints the missing ones.
pub fn installed(programs: &[&str]) -> bool {
    let places = ["/usr/bin", "/usr/sbin", "/bin", "/sbin"];
    let missing: Vec<_> = programs
        .iter()
        .filter(|name| !places.iter().any(|place| Path::new(place).join(name).exists()))
        .collect();
    if !missing.is_empty() {
        eprintln!("skipped: {missing:?} missing; deploy/setup/packages.sh test installs what is needed");
    }
    missing.is_empty()
}

/// Temporary folder, removed at the end of the test.
pub struct Folder(PathBuf);

impl Folder {
    /// Creates the folder.
    pub fn new() -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let name = format!("oriel-agents-{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        let path = std::env::temp_dir().join(name);
        std::fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    /// Returns the path of a file in the folder.
    pub fn path(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// Child process that is killed at the end of the test.
pub struct Program(pub Child);

impl Program {
    /// Starts the process without standard input.
    pub fn start(command: &mut Command) -> Self {
        Self(command.stdin(Stdio::null()).spawn().unwrap())
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Waits until `done` returns true; panics after [`PATIENCE`].
pub fn wait_until(what: &str, mut done: impl FnMut() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !done() {
        assert!(Instant::now() < deadline, "waited in vain until {what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// Creates a port that is open while a client is connected to the listening `socket`, one client at a time.
pub fn listening_port(socket: &Path) -> HostPort {
    let listener = UnixListener::bind(socket).unwrap();
    let (end, machine, open_state) = pair().unwrap();
    machine.set_nonblocking(false).unwrap();
    std::thread::spawn(move || {
        for guest in listener.incoming() {
            carry(&guest.unwrap(), &machine, &open_state);
        }
    });
    end
}

/// Creates a port that is open while the connection `guest` exists.
pub fn connected_port(guest: UnixStream) -> HostPort {
    let (end, machine, open_state) = pair().unwrap();
    machine.set_nonblocking(false).unwrap();
    std::thread::spawn(move || carry(&guest, &machine, &open_state));
    end
}

/// Relays bytes between a connection and a port until the connection ends.
fn carry(guest: &UnixStream, machine: &UnixStream, open_state: &PortOpenState) {
    open_state.discard_unread();
    open_state.set_open(true);
    let gone = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let mut buffer = [0; 65536];
            machine.set_read_timeout(Some(Duration::from_millis(20))).unwrap();
            let (mut from, mut to) = (machine, guest);
            while !gone.load(Ordering::Acquire) {
                // A timeout without bytes lets the loop check whether the guest has disconnected.
                let read = from.read(&mut buffer).unwrap_or(0);
                if to.write_all(&buffer[..read]).is_err() {
                    return;
                }
            }
        });
        let (mut from, mut to) = (guest, machine);
        let _ = std::io::copy(&mut from, &mut to);
        gone.store(true, Ordering::Release);
    });
    open_state.set_open(false);
    machine.set_nonblocking(true).unwrap();
    drain(machine);
    machine.set_nonblocking(false).unwrap();
}
