//! Machine under a real QEMU for a test: temporary folder, screens, events, and waits with a time limit.

use oriel_display::{Monitors, PixelSource, Screen};
use oriel_net::{NetBackendConfig, UnjailedPasst};
use oriel_qemu::{DiskImages, GuestPort, QemuMachine, QemuResources, QemuSetup, StartError};
use oriel_vmm_api::test_support::machine_config;
use oriel_vmm_api::{Accel, Boot, Event, ExitReason, Link, MachineConfig, MachineKind, Network, RunState};
use oriel_wire::Size;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::mpsc::Receiver;
use std::thread;
use std::time::{Duration, Instant};

/// Far longer than anything here takes; a machine under load is slow, not wrong.
const PATIENCE: Duration = Duration::from_secs(300);

/// Temporary folder, removed at the end of the test.
pub struct Folder(pub PathBuf);

impl Folder {
    /// Creates the folder.
    pub fn new() -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let path = std::env::temp_dir().join(format!("oriel-qemu-{}-{number}", std::process::id()));
        fs::create_dir_all(&path).unwrap();
        Self(path)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        drop(fs::remove_dir_all(&self.0));
    }
}

/// Returns KVM where /dev/kvm opens, else TCG. The bench guest runs in user mode, which even a KVM that
/// interprets guest kernels executes natively.
pub fn accel() -> Accel {
    match fs::File::options().read(true).write(true).open("/dev/kvm") {
        Ok(_) => Accel::Kvm,
        Err(_) => Accel::Tcg,
    }
}

/// Returns the configuration of a machine without disks that boots `kernel`, or firmware if `kernel` is
/// empty.
pub fn config(folder: &Folder, kernel: PathBuf, cmdline: &str) -> MachineConfig {
    MachineConfig {
        machine: MachineKind::Qemu,
        accel: Some(accel()),
        memory_mib: 256,
        boot: Boot { kernel: kernel.clone(), initrd: None, cmdline: cmdline.to_owned() },
        width: 1024,
        height: 768,
        ..machine_config(&folder.0, kernel)
    }
}

/// Returns the path of the bench guest's ELF file.
pub fn bench_guest() -> PathBuf {
    let target = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/guest/target");
    ["release", "x86_64-unknown-none/release"]
        .into_iter()
        .map(|folder| target.join(folder).join("oriel-bench-guest"))
        .find(|path| path.is_file())
        .expect("the bench guest is not built: run `cargo build --release` in tests/guest")
}

/// Running machine of a test.
pub struct Bench {
    pub machine: QemuMachine,
    pub monitors: Arc<Monitors>,
    pub screen: Arc<Screen>,
    pub events: Receiver<Event>,
    pub folder: Folder,
}

impl Bench {
    pub fn start(kernel: PathBuf, cmdline: &str) -> Self {
        let folder = Folder::new();
        let config = config(&folder, kernel, cmdline);
        Self::start_with(folder, &config).unwrap()
    }

    pub fn start_with(folder: Folder, config: &MachineConfig) -> Result<Self, StartError> {
        Self::start_with_ports(folder, config, Vec::new())
    }

    pub fn start_with_ports(
        folder: Folder,
        config: &MachineConfig,
        ports: Vec<GuestPort>,
    ) -> Result<Self, StartError> {
        let monitors = Monitors::new(config.screens.into(), Size::new(config.width, config.height));
        let serial_log = fs::File::create(&config.serial_log)?;
        let backend = |network: &Network| match network.link {
            Link::Passt { .. } => NetBackendConfig::Passt(Arc::new(UnjailedPasst::find().unwrap())),
            _ => NetBackendConfig::Isolated,
        };
        let resources = QemuResources {
            setup: QemuSetup::find(config)?,
            disks: config.disks.iter().map(DiskImages::open).collect::<Result<_, _>>()?,
            net_backends: config.networks.iter().map(backend).collect(),
        };
        let machine = QemuMachine::start(config, resources, serial_log, Arc::clone(&monitors), ports)?;
        let screen = Arc::clone(&monitors.screens()[0]);
        let events = machine.take_events().unwrap();
        Ok(Self { machine, monitors, screen, events, folder })
    }

    /// Waits until `wanted` returns a value; panics at the time limit.
    pub fn wait<T>(&self, what: &str, mut wanted: impl FnMut(&Self) -> Option<T>) -> T {
        let deadline = Instant::now() + PATIENCE;
        loop {
            if let Some(value) = wanted(self) {
                return value;
            }
            assert!(Instant::now() < deadline, "waited in vain for {what}; {}", self.situation());
            thread::sleep(Duration::from_millis(10));
        }
    }

    /// Describes the machine's state for the message of a failed wait.
    fn situation(&self) -> String {
        let serial = fs::read_to_string(self.folder.0.join("serial.log")).unwrap_or_default();
        let (state, counters) = (self.machine.state(), self.machine.counters());
        format!("the machine is {state:?}, {counters:?}, and the guest said: {serial}")
    }

    /// Waits for the state `wanted`; other states are skipped.
    pub fn wait_for_state(&self, wanted: RunState) {
        loop {
            match self.events.recv_timeout(PATIENCE).expect("no such state came") {
                Event::State { state, .. } if state == wanted => return,
                Event::Ended { text, .. } => panic!("ended while waiting for {wanted:?}: {text}"),
                _ => {}
            }
        }
    }

    /// Waits for the machine's end, and returns the reason.
    pub fn wait_for_end(&self) -> (ExitReason, String) {
        loop {
            if let Event::Ended { reason, text } = self.events.recv_timeout(PATIENCE).expect("no end came") {
                return (reason, text);
            }
        }
    }

    /// Waits for a picture of `size`, and returns the source of its BGRX rows.
    pub fn picture(&self, size: Size) -> Arc<dyn PixelSource> {
        self.wait(&format!("a picture of {size:?}"), |bench| {
            bench.screen.showing().source.filter(|source| source.size() == size)
        })
    }
}

/// Returns the number of pixels that are not black.
pub fn lit(source: &dyn PixelSource) -> usize {
    let Size { width, height } = source.size();
    let mut row = vec![0; width as usize * 4];
    let mut lit = 0;
    for y in 0..height {
        source.read_row(0, y, &mut row).unwrap();
        lit += row.chunks_exact(4).filter(|pixel| pixel[..3] != [0; 3]).count();
    }
    lit
}
