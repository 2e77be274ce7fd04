//! A desktop of `oriel-vmm` in its own folder, with the bench guest in it.

use oriel_display::Client;
use oriel_vmm_api::client::{BlockingClient, ClientError, ClientOptions, blocking};
use oriel_vmm_api::test_support::machine_config;
use oriel_vmm_api::{Boot, Command as Request, ExitReport, MachineConfig, Outcome, VersionRange, ViewerMode};
use oriel_wire::InputEvent;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::Once;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

/// Longer than anything here takes on a busy machine; only a failure waits so long.
pub const PATIENCE: Duration = Duration::from_secs(120);

const OPTIONS: ClientOptions = ClientOptions { versions: VersionRange::SUPPORTED, timeout: PATIENCE };

pub const WIDTH: u32 = 640;
pub const HEIGHT: u32 = 480;

/// Whether there is a KVM to run on; says so where there is none.
pub fn kvm_is_here() -> bool {
    let here = Path::new("/dev/kvm").exists();
    if !here {
        eprintln!("skipped: this host has no /dev/kvm");
    }
    here
}

/// The bench guest, built when it is not.
pub fn bench_guest() -> PathBuf {
    static BUILD: Once = Once::new();
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/guest");
    BUILD.call_once(|| {
        let built = Command::new(env!("CARGO"))
            .args(["build", "--release", "--locked", "--quiet", "--target-dir", "target"])
            .current_dir(&folder)
            .status()
            .unwrap();
        assert!(built.success(), "the bench guest does not build");
    });
    folder.join("target/release/oriel-bench-guest")
}

/// A folder of its own for each desktop, gone when it goes.
pub struct Folder(PathBuf);

impl Folder {
    pub fn new() -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let name = format!("oriel-vmm-{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        let path = std::env::temp_dir().join(name);
        std::fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    /// One processor, 64 MiB, the given kernel.
    pub fn config(&self, kernel: PathBuf, cmdline: &str) -> MachineConfig {
        let cmdline = format!("size={WIDTH}x{HEIGHT} {cmdline}");
        let boot = Boot { kernel: kernel.clone(), initrd: None, cmdline };
        MachineConfig { boot, width: WIDTH, height: HEIGHT, ..machine_config(&self.0, kernel) }
    }

    pub fn exit_report(&self) -> ExitReport {
        serde_json::from_slice(&std::fs::read(self.path("exit-report.json")).unwrap()).unwrap()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// Starts `oriel-vmm run` on `config`.
pub fn run(folder: &Folder, config: &MachineConfig) -> Child {
    let path = folder.path("machine.json");
    std::fs::write(&path, serde_json::to_vec(config).unwrap()).unwrap();
    Command::new(env!("CARGO_BIN_EXE_oriel-vmm"))
        .args(["run", "--config"])
        .arg(path)
        .env("ORIEL_LOG", "error")
        .stdin(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap()
}

/// A desktop that runs.
pub struct Desktop {
    pub folder: Folder,
    pub process: Child,
}

impl Desktop {
    /// Starts the bench guest with `cmdline` and waits until its screen is on.
    pub fn start(cmdline: &str) -> Self {
        let folder = Folder::new();
        let config = folder.config(bench_guest(), cmdline);
        Self::start_as(folder, &config)
    }

    pub fn start_as(folder: Folder, config: &MachineConfig) -> Self {
        let process = run(&folder, config);
        let desktop = Self { folder, process };
        desktop.wait_for_ready(1);
        desktop
    }

    /// Waits until the guest has said for the `count`th time that it is ready.
    pub fn wait_for_ready(&self, count: usize) {
        wait_until("the guest is ready", || self.serial().matches("ready").count() >= count);
    }

    pub fn serial(&self) -> String {
        std::fs::read_to_string(self.folder.path("serial.log")).unwrap_or_default()
    }

    pub fn viewer_stream(&self, mode: ViewerMode) -> UnixStream {
        let stream = blocking::open_viewer(&self.folder.path("socket"), mode, &OPTIONS).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream
    }

    pub fn control(&self) -> BlockingClient {
        BlockingClient::connect(&self.folder.path("socket"), &OPTIONS).unwrap()
    }

    /// Outcome of one request on a connection of its own.
    pub fn request(&self, command: Request) -> Outcome {
        match self.control().request(command) {
            Err(ClientError::Refused(text)) => Outcome::Error(text),
            outcome => outcome.unwrap(),
        }
    }

    pub fn viewer(&self) -> Client {
        Client::connect(self.viewer_stream(ViewerMode::Interact), false).unwrap()
    }

    /// Waits for the process to end, as it should by itself.
    pub fn ended(&mut self) -> ExitStatus {
        wait_until("the process ends", || self.process.try_wait().unwrap().is_some());
        self.process.wait().unwrap()
    }
}

impl Drop for Desktop {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Takes frames until the client's picture is exact and fulfils `wanted`.
pub fn see(client: &mut Client, wanted: impl Fn(&[u8]) -> bool) {
    client.set_timeout(Some(PATIENCE)).unwrap();
    while !(client.is_exact() && wanted(client.canvas().rgba())) {
        client.next_frame().unwrap();
    }
}

pub fn press(client: &mut Client, code: u16) {
    for down in [true, false] {
        client.send_input(InputEvent::Key { code, down }).unwrap();
    }
}

pub fn wait_until(what: &str, mut done: impl FnMut() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !done() {
        assert!(Instant::now() < deadline, "waited in vain until {what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}
