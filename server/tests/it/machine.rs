//! A machine that keeps `oriel-vmm`'s side of the contract and can be told to break it: to refuse
//! the power button, to crash, to say nothing. The real one does none of that on demand.
//!
//! It is this test program itself, started through a script as `oriel-vmm` would be. The words on
//! the image's kernel command line say how it behaves.

use oriel_vmm_api::{
    Accel, CONTROL_VERSION, Command, Description, Event, ExitReason, ExitReport, MachineConfig, Open, Opened,
    Outcome, PauseReason, Purpose, Reply, Request, RunState,
};
use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

/// The environment variable that turns the test program into a machine.
const CONFIG: &str = "ORIEL_TEST_MACHINE";

/// Writes the script that stands for `oriel-vmm`. Its disks are qemu-img's.
pub fn install(dir: &Path) -> PathBuf {
    let program = std::env::current_exe().unwrap();
    let script = format!(
        r#"#!/bin/sh
case "$1 $2" in
"probe ")
    echo '{{"kvm":"real","kvm_text":"KVM works.","qemu":null,"qemu_dbus_display":false,"cpus":2,"memory_mib":4096}}' ;;
"disk inspect")
    facts=$(qemu-img info -f "$4" --output=json /dev/stdin 2>/dev/null) || {{ echo "oriel-vmm: The disk is cut short." >&2; exit 1; }}
    echo "$facts" | jq -c '{{format, virtual_size: ."virtual-size", backing: ."backing-filename"}}' ;;
"disk create-overlay")
    exec qemu-img create -q -f qcow2 -b "$6" -F "$8" "$9" "$4" ;;
*)
    {CONFIG}="$3" exec '{program}' --exact machine::acts_when_asked --nocapture ;;
esac
"#,
        program = program.display()
    );
    let path = dir.join("oriel-vmm");
    std::fs::write(&path, script).unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
    path
}

/// Does nothing as a test; with the variable set it is the machine and never returns.
#[test]
fn acts_when_asked() {
    if let Some(path) = std::env::var_os(CONFIG) {
        act(Path::new(&path));
    }
}

struct Machine {
    config: MachineConfig,
    /// Whether the host's disk has no room for it.
    waits: AtomicBool,
    watchers: Mutex<Vec<UnixStream>>,
}

fn act(path: &Path) -> ! {
    let config: MachineConfig = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
    let machine = Arc::new(Machine { config, waits: AtomicBool::new(false), watchers: Mutex::default() });
    leave_with_the_house(machine.config.socket.clone());
    if machine.is("fails-to-start") {
        machine.end(ExitReason::FailedToStart, "The kernel is no kernel.");
    }
    if machine.is("never-answers") {
        loop {
            std::thread::park();
        }
    }
    let listener = UnixListener::bind(&machine.config.socket).unwrap();
    for stream in listener.incoming() {
        let machine = Arc::clone(&machine);
        // A connection that breaks ends its thread; that is the other side's affair.
        std::thread::spawn(move || machine.serve(stream.unwrap()));
    }
    unreachable!()
}

/// A test that fails leaves its desktops running; they end when their folder is cleared away.
fn leave_with_the_house(socket: PathBuf) {
    std::thread::spawn(move || {
        while socket.parent().is_some_and(Path::exists) {
            std::thread::sleep(std::time::Duration::from_millis(200));
        }
        std::process::exit(0);
    });
}

impl Machine {
    fn is(&self, behaviour: &str) -> bool {
        self.config.boot.cmdline.split(' ').any(|word| word == behaviour)
    }

    fn end(&self, reason: ExitReason, text: &str) -> ! {
        let words = ExitReport { reason, text: text.into() };
        // On a full disk, the words on the socket are all there is.
        let _ = std::fs::write(&self.config.exit_report, serde_json::to_vec(&words).unwrap());
        self.tell(&Event::Ended { reason, text: text.into() });
        std::process::exit(0);
    }

    fn tell(&self, event: &Event) {
        for watcher in self.watchers.lock().unwrap().iter_mut() {
            let _ = send(watcher, event);
        }
    }

    fn serve(&self, stream: UnixStream) -> Option<()> {
        let mut reader = BufReader::new(stream.try_clone().ok()?);
        let mut writer = stream;
        let mut line = String::new();
        reader.read_line(&mut line).ok()?;
        let open: Open = serde_json::from_str(&line).unwrap();
        send(&mut writer, &Opened::Accepted { version: CONTROL_VERSION })?;
        match open.purpose {
            Purpose::Control => self.control(reader, writer),
            Purpose::Viewer { .. } => self.viewer(reader, writer),
        }
    }

    fn control(&self, mut reader: BufReader<UnixStream>, mut writer: UnixStream) -> Option<()> {
        loop {
            let mut line = String::new();
            if reader.read_line(&mut line).ok()? == 0 {
                return None;
            }
            let Request { id, command } = serde_json::from_str(&line).unwrap();
            let outcome = match command {
                Command::Describe => Outcome::Description(Box::new(self.description())),
                Command::Watch => {
                    self.watchers.lock().unwrap().push(writer.try_clone().ok()?);
                    Outcome::Done
                }
                _ => Outcome::Done,
            };
            send(&mut writer, &Reply { id, outcome })?;
            match command {
                Command::ShutDown if !self.is("ignores-power") => {
                    self.tell(&Event::State { state: RunState::Stopping, reason: None });
                    self.end(ExitReason::GuestPowerOff, "");
                }
                Command::Stop if !self.is("ignores-stop") => self.end(ExitReason::Stopped, ""),
                Command::Reset if self.is("crashes-on-reset") => {
                    self.end(ExitReason::Crashed, "The guest's processor gave up.");
                }
                Command::Reset if self.is("vanishes-on-reset") => std::process::exit(9),
                Command::Reset if self.is("fills-the-disk-on-reset") => {
                    // The second one makes room.
                    let full = !self.waits.fetch_xor(true, Ordering::SeqCst);
                    let (state, reason) = match full {
                        true => (RunState::Paused, Some(PauseReason::DiskFull)),
                        false => (RunState::Running, None),
                    };
                    self.tell(&Event::State { state, reason });
                }
                _ => {}
            }
        }
    }

    fn description(&self) -> Description {
        Description {
            version: CONTROL_VERSION,
            id: self.config.id.clone(),
            pid: std::process::id(),
            machine: self.config.machine,
            accel: Accel::Kvm,
            state: RunState::Running,
            reason: None,
            uptime_s: 1,
            cpus: self.config.cpus,
            memory_mib: self.config.memory_mib,
            screen: Some((1920, 1080)),
            viewers: 0,
            agents: Default::default(),
            counters: Default::default(),
            jail: Default::default(),
        }
    }

    /// Answers Hello with Welcome, and any other message with the first byte of it behind a Pong.
    fn viewer(&self, mut reader: BufReader<UnixStream>, mut writer: UnixStream) -> Option<()> {
        loop {
            let mut length = [0; 4];
            reader.read_exact(&mut length).ok()?;
            let mut message = vec![0; u32::from_le_bytes(length) as usize];
            reader.read_exact(&mut message).ok()?;
            let answer = match message[0] {
                0x81 => b"\x01{\"version\":1}".to_vec(),
                // It sends what a Ping carries.
                0x89 => message.split_off(1),
                kind => vec![0x07, kind],
            };
            writer.write_all(&(answer.len() as u32).to_le_bytes()).ok()?;
            writer.write_all(&answer).ok()?;
        }
    }
}

fn send(to: &mut UnixStream, message: &impl serde::Serialize) -> Option<()> {
    let mut line = serde_json::to_vec(message).unwrap();
    line.push(b'\n');
    to.write_all(&line).ok()
}
