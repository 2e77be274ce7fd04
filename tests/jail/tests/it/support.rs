//! An intruder in its own folder, kept by a supervisor.

use oriel_jail_tests::{Answer, Attempt, IntruderPlan, Without};
use oriel_vmm_api::test_support::machine_config;
use oriel_vmm_api::{Boot, ExitReport, Jail, MachineConfig};
use rustix::thread::{CapabilitySet, CapabilitySets};
use serde_json::{Value, json};
use std::io;
use std::os::unix::fs::chown;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

/// Longer than anything here takes on a busy machine; only a failure waits so long.
const PATIENCE: Duration = Duration::from_secs(120);

const PROGRAM: &str = env!("CARGO_BIN_EXE_intruder");

/// nobody
const ORDINARY: u32 = 65534;

/// Who starts the supervisor.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Starter {
    Root,
    Ordinary,
}

/// Does `test` as everyone as whom it can be done.
pub fn as_everyone(test: impl Fn(Starter)) {
    if !Path::new("/dev/kvm").exists() {
        return eprintln!("skipped: this host has no /dev/kvm");
    }
    if rustix::process::geteuid().is_root() {
        test(Starter::Root);
    } else {
        eprintln!("skipped as root: the tests do not run as root");
    }
    let jail = Intruder::start(Starter::Ordinary, &[], &[]).jail();
    if jail.holds(oriel_jail::JailPart::Mounts) {
        test(Starter::Ordinary);
    } else {
        eprintln!("skipped as an ordinary user: this host gives it no namespaces");
    }
}

/// A folder that is gone when it goes.
pub struct Folder(PathBuf);

impl Folder {
    fn new(starter: Starter) -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let name = format!("oriel-jail-{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        let folder = Self(std::env::temp_dir().join(name));
        std::fs::create_dir(&folder.0).unwrap();
        if starter == Starter::Ordinary && rustix::process::geteuid().is_root() {
            chown(&folder.0, Some(ORDINARY), Some(ORDINARY)).unwrap();
        }
        folder
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// An intruder and its supervisor.
pub struct Intruder {
    pub folder: Folder,
    pub supervisor: Child,
}

impl Intruder {
    pub fn start(starter: Starter, without: &[Without], attempts: &[Attempt]) -> Self {
        let plan = IntruderPlan { without: without.to_vec(), attempts: attempts.to_vec() };
        Self::start_as(starter, &plan, |_| ())
    }

    pub fn start_as(starter: Starter, plan: &IntruderPlan, prepare: impl FnOnce(&mut Command)) -> Self {
        Self::start_with(starter, plan, &[], prepare)
    }

    /// Starts one whose network interfaces have these backends, in the configuration's own words.
    pub fn start_with(
        starter: Starter,
        plan: &IntruderPlan,
        links: &[Value],
        prepare: impl FnOnce(&mut Command),
    ) -> Self {
        let folder = Folder::new(starter);
        let mut config = serde_json::to_value(config(&folder, plan)).unwrap();
        let network = |link| json!({"mac": "52:54:00:12:34:56", "link": link});
        config["networks"] = links.iter().map(network).collect();
        std::fs::write(folder.path("machine.json"), config.to_string()).unwrap();
        let mut command = Command::new(PROGRAM);
        command.arg("run").arg(folder.path("machine.json"));
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).process_group(0);
        // What a test prepares may take root.
        prepare(&mut command);
        if starter == Starter::Ordinary && rustix::process::geteuid().is_root() {
            // SAFETY: only system calls between fork and exec.
            unsafe { command.pre_exec(become_ordinary) };
        }
        Self { supervisor: command.spawn().unwrap(), folder }
    }

    /// Waits for the end and its words.
    pub fn exit_report(&mut self) -> ExitReport {
        wait_until("the supervisor ends", || self.supervisor.try_wait().unwrap().is_some());
        serde_json::from_slice(&std::fs::read(self.folder.path("exit-report.json")).unwrap()).unwrap()
    }

    /// What its jail is.
    pub fn jail(mut self) -> Jail {
        let report = self.exit_report();
        serde_json::from_str(&report.text).unwrap_or_else(|_| panic!("{}", report.text))
    }

    /// The answers so far.
    pub fn answers(&self) -> Vec<Answer> {
        let said = std::fs::read_to_string(self.folder.path("serial.log")).unwrap_or_default();
        let whole = said.rsplit_once('\n').map_or("", |(whole, _)| whole);
        whole.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }
}

impl Drop for Intruder {
    fn drop(&mut self) {
        let _ = self.supervisor.kill();
        let _ = self.supervisor.wait();
    }
}

/// Has an intruder try `attempts`, all of which leave it alive.
pub fn answers<const N: usize>(starter: Starter, without: &[Without], attempts: [Attempt; N]) -> [Answer; N] {
    let mut intruder = Intruder::start(starter, without, &attempts);
    let report = intruder.exit_report();
    let answers = intruder.answers();
    answers.try_into().unwrap_or_else(|some| panic!("{attempts:?}: only {some:?}; {}", report.text))
}

fn config(folder: &Folder, plan: &IntruderPlan) -> MachineConfig {
    let cmdline = serde_json::to_string(plan).unwrap();
    let boot = Boot { kernel: PROGRAM.into(), initrd: None, cmdline };
    MachineConfig { id: "intruder".into(), boot, ..machine_config(&folder.0, PROGRAM.into()) }
}

/// Becomes a user without rights but the one to open files: hosts give /dev/kvm by a group, and the
/// program may lie where only root looks.
fn become_ordinary() -> io::Result<()> {
    use rustix::thread as own;
    let (uid, gid) = (rustix::process::Uid::from_raw(ORDINARY), rustix::process::Gid::from_raw(ORDINARY));
    let open = CapabilitySet::DAC_OVERRIDE;
    own::set_keep_capabilities(true)?;
    own::set_thread_groups(&[])?;
    own::set_thread_res_gid(gid, gid, gid)?;
    own::set_thread_res_uid(uid, uid, uid)?;
    own::set_capabilities(None, CapabilitySets { effective: open, permitted: open, inheritable: open })?;
    own::configure_capability_in_ambient_set(open, true)?;
    Ok(())
}

pub fn wait_until(what: &str, mut done: impl FnMut() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !done() {
        assert!(Instant::now() < deadline, "waited in vain until {what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}
