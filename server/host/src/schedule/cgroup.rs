//! Control groups of version 2 that limit each desktop's memory, processor time and number of processes
//! (Linux' Documentation/admin-guide/cgroup-v2.rst).
//!
//! Below the group given to this server are `server`, with the server's own process, because a group with
//! controllers for its children may have no processes, and `oriel`, with a group `desktop-ID` for each
//! desktop. Desktops and their groups outlive the server.

use crate::spec::DesktopSpec;
use oriel_vmm_api::Accel;
use rustix::process::getpid;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

/// Mount point of the control groups.
pub const MOUNT: &str = "/sys/fs/cgroup";
/// Controllers without which desktops cannot be limited.
const NEEDED: [&str; 3] = ["cpu", "memory", "pids"];
/// Controller that is used if available, to share disks evenly.
const WELCOME: &str = "io";
/// Default memory in MiB beyond the guest's: for the machine, passt, and the pictures of four large screens.
const OVERHEAD_MIB: u32 = 512;
/// Default memory in MiB beyond an emulated guest's: TCG keeps up to 1 GiB of translated code.
const OVERHEAD_EMULATED_MIB: u32 = 1536;
/// Maximum number of tasks of a desktop; processors, devices, encoders, passt and QEMU need some dozens.
const MOST_TASKS: u32 = 1024;
/// Period in microseconds over which processor time is limited.
const PERIOD: u64 = 100_000;

/// Control groups of this host's desktops.
#[derive(Debug, Clone)]
pub struct Cgroups {
    root: PathBuf,
}

/// Limits of a desktop's control group, for all its processes together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CgroupLimits {
    /// Memory in MiB of the guest and its machine.
    pub memory_mib: u64,
    /// Processor time in percent of one processor; `None` sets no limit.
    pub cpu_percent: Option<u64>,
}

/// Open `cgroup.procs` of a group: a process that writes `0` to it moves itself into the group.
pub type Entrance = File;

impl Cgroups {
    /// Prepares the control group that this process was started in: makes the subgroups `server` and `oriel`,
    /// moves this process into `server`, and enables the controllers. `mount` is [`MOUNT`], `own` the text of
    /// `/proc/self/cgroup`.
    ///
    /// # Errors
    /// One sentence: why desktops cannot be limited, and what to do.
    pub fn take(mount: &Path, own: &str) -> Result<Self, String> {
        let given = given_group(mount, own)?;
        if given != mount {
            check_alone(&given)?;
        }
        let failed = |what: &Path, error: io::Error| {
            format!(
                "This server may not divide its control group ({}: {error}), so desktops are not held to their share; \
                 run it by its systemd unit, which has Delegate=yes.",
                what.display()
            )
        };
        let make = |folder: &Path| match fs::create_dir(folder) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(failed(folder, error)),
            _ => Ok(()),
        };
        let root = given.join("oriel");
        make(&root)?;
        // The root of all groups may hold processes besides.
        if given != mount {
            let server = given.join("server");
            make(&server)?;
            let entrance = server.join("cgroup.procs");
            fs::write(&entrance, getpid().as_raw_nonzero().to_string())
                .map_err(|error| failed(&entrance, error))?;
        }
        for group in [&given, &root] {
            for controller in wanted(group) {
                let switch = group.join("cgroup.subtree_control");
                fs::write(&switch, format!("+{controller}")).map_err(|error| failed(&switch, error))?;
            }
        }
        Ok(Self { root })
    }

    /// Creates the desktop's group if it is missing, sets its limits, and opens its `cgroup.procs`.
    ///
    /// # Errors
    /// The file system's error.
    pub fn enter(&self, desktop: &str, limits: &CgroupLimits) -> io::Result<Entrance> {
        let group = self.group(desktop);
        match fs::create_dir(&group) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
            _ => {}
        }
        for (file, value) in limits.files() {
            fs::write(group.join(file), value)?;
        }
        File::options().write(true).open(group.join("cgroup.procs"))
    }

    /// Sets the weight of the desktop's group on contended processors (`cpu.weight`, 1 to 10000).
    ///
    /// # Errors
    /// The file system's error.
    pub fn set_weight(&self, desktop: &str, weight: u32) -> io::Result<()> {
        fs::write(self.group(desktop).join("cpu.weight"), weight.to_string())
    }

    /// Returns one sentence if the kernel killed the desktop for exceeding its memory limit.
    pub fn why_killed(&self, desktop: &str) -> Option<String> {
        let group = self.group(desktop);
        let events = fs::read_to_string(group.join("memory.events")).unwrap_or_default();
        let killed = events.lines().find_map(|line| line.strip_prefix("oom_kill ")?.parse::<u64>().ok())?;
        if killed == 0 {
            return None;
        }
        let most: u64 = fs::read_to_string(group.join("memory.max")).ok()?.trim().parse().ok()?;
        Some(format!(
            "The desktop was ended because it and its machine took more than the {} MiB that it may have; an \
             administrator can give its pool more --memory-overhead-mib.",
            most >> 20
        ))
    }

    /// Removes the group of a desktop whose processes have ended; a failure is logged.
    pub fn leave(&self, desktop: &str) {
        match fs::remove_dir(self.group(desktop)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                tracing::warn!(desktop, %error, "a control group could not be removed");
            }
            _ => {}
        }
    }

    /// Returns the path of the desktop's group.
    fn group(&self, desktop: &str) -> PathBuf {
        self.root.join(format!("desktop-{desktop}"))
    }
}

impl CgroupLimits {
    /// Computes the limits of a desktop whose machine has the given accelerator.
    pub fn of(spec: &DesktopSpec, accel: Accel) -> Self {
        let overhead = spec.limits.memory_overhead_mib.unwrap_or(match accel {
            Accel::Kvm => OVERHEAD_MIB,
            Accel::Tcg => OVERHEAD_EMULATED_MIB,
        });
        let cpu_percent = spec.limits.cpu_percent.map(|percent| u64::from(percent) * u64::from(spec.cpus));
        Self { memory_mib: u64::from(spec.memory_mib) + u64::from(overhead), cpu_percent }
    }

    /// Returns the files of the group and their contents.
    fn files(&self) -> [(&'static str, String); 4] {
        let memory = self.memory_mib.saturating_mul(1 << 20);
        let cpu = match self.cpu_percent {
            Some(percent) => format!("{} {PERIOD}", percent.saturating_mul(PERIOD) / 100),
            None => format!("max {PERIOD}"),
        };
        [
            ("memory.max", memory.to_string()),
            // Guest and machine cannot go on without each other, so an OOM kill ends all processes.
            ("memory.oom.group", "1".into()),
            ("cpu.max", cpu),
            ("pids.max", MOST_TASKS.to_string()),
        ]
    }
}

/// Checks that the group has no other processes; otherwise it was not delegated to this server.
///
/// # Errors
/// One sentence with what to do.
fn check_alone(given: &Path) -> Result<(), String> {
    let processes = fs::read_to_string(given.join("cgroup.procs")).unwrap_or_default();
    let own = getpid().as_raw_nonzero().to_string();
    if processes.lines().all(|process| process == own) {
        return Ok(());
    }
    Err("This server shares its control group with other processes, so desktops are not held to their share; run it by its systemd unit, which has Delegate=yes.".into())
}

/// Checks whether desktops can be limited on this host, and returns the result in one sentence.
///
/// # Errors
/// One sentence: what is missing.
pub fn check(mount: &Path, own: &str) -> Result<String, String> {
    let given = given_group(mount, own)?;
    let group = given.strip_prefix(mount).unwrap_or(&given).display();
    Ok(format!("Control groups are version 2 with {} in /{group}.", wanted(&given).join(", ")))
}

/// Returns the path of the group that was delegated to this server.
///
/// # Errors
/// One sentence: control groups of version 2 or needed controllers are missing.
fn given_group(mount: &Path, own: &str) -> Result<PathBuf, String> {
    let without = "so desktops are not held to their share";
    if !mount.join("cgroup.controllers").exists() {
        return Err(format!(
            "Control groups are version 1 or not mounted, {without}; start the host with systemd.unified_cgroup_hierarchy=1."
        ));
    }
    let path = own.lines().find_map(|line| line.strip_prefix("0::/"));
    let path = path.ok_or_else(|| format!("This process is in no control group of version 2, {without}."))?;
    // A server that restarted is in the subgroup already, and so is one with systemd's DelegateSubgroup=.
    let path = path.strip_suffix("/server").unwrap_or(path);
    let given = mount.join(path);
    let available = controllers(&given);
    let missing: Vec<_> =
        NEEDED.into_iter().filter(|needed| !available.iter().any(|has| has == needed)).collect();
    if missing.is_empty() {
        return Ok(given);
    }
    Err(format!(
        "The control group /{path} lacks the controllers {}, {without}; run the server by its systemd unit, which has Delegate=yes.",
        missing.join(", ")
    ))
}

/// Lists the controllers of a group that desktops use.
fn wanted(group: &Path) -> Vec<String> {
    let wanted = |name: &String| NEEDED.contains(&name.as_str()) || name == WELCOME;
    controllers(group).into_iter().filter(wanted).collect()
}

/// Lists the controllers that a group has.
fn controllers(group: &Path) -> Vec<String> {
    let text = fs::read_to_string(group.join("cgroup.controllers")).unwrap_or_default();
    text.split_whitespace().map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::spec::ResourceLimits;

    /// A folder that looks like a mounted hierarchy with the unit of a service in it.
    fn hierarchy(controllers: &str) -> (tempfile::TempDir, PathBuf) {
        let mount = tempfile::tempdir().unwrap();
        let unit = mount.path().join("system.slice/oriel.service");
        for group in
            [mount.path(), &unit, &unit.join("oriel"), &unit.join("server"), &unit.join("oriel/desktop-d1")]
        {
            fs::create_dir_all(group).unwrap();
            fs::write(group.join("cgroup.controllers"), controllers).unwrap();
            fs::write(group.join("cgroup.procs"), "").unwrap();
        }
        (mount, unit)
    }

    fn text(path: impl AsRef<Path>) -> String {
        fs::read_to_string(path).unwrap()
    }

    #[test]
    fn the_server_moves_out_of_the_way_and_a_desktop_gets_its_limits() {
        let (mount, unit) = hierarchy("cpuset cpu io memory pids");
        // Also when it was started by an earlier server, or by systemd, a level below.
        for own in ["0::/system.slice/oriel.service\n", "1:name=x:/\n0::/system.slice/oriel.service/server\n"]
        {
            let groups = Cgroups::take(mount.path(), own).unwrap();
            assert_eq!(text(unit.join("server/cgroup.procs")), std::process::id().to_string());
            // The last of the four that were switched on one by one.
            assert_eq!(text(unit.join("oriel/cgroup.subtree_control")), "+pids");
            let limits = ResourceLimits { cpu_percent: Some(75), ..ResourceLimits::default() };
            let spec = DesktopSpec { memory_mib: 1024, limits, ..DesktopSpec::new("x") };
            let limits = CgroupLimits::of(&spec, Accel::Kvm);
            groups.enter("d1", &limits).unwrap();
            let group = unit.join("oriel/desktop-d1");
            assert_eq!(text(group.join("memory.max")), "1610612736");
            assert_eq!(text(group.join("cpu.max")), "150000 100000");
            assert_eq!(text(group.join("pids.max")), "1024");
            assert_eq!(text(group.join("memory.oom.group")), "1");
            groups.enter("d1", &CgroupLimits { cpu_percent: None, ..limits }).unwrap();
            assert_eq!(text(group.join("cpu.max")), "max 100000");
        }
    }

    #[test]
    fn a_desktop_that_took_too_much_memory_is_told_from_others() {
        let (mount, unit) = hierarchy("cpu memory pids");
        let groups = Cgroups::take(mount.path(), "0::/system.slice/oriel.service\n").unwrap();
        let group = unit.join("oriel/desktop-d1");
        assert_eq!(groups.why_killed("d1"), None);
        fs::write(group.join("memory.max"), "201326592\n").unwrap();
        for (kills, told) in [(0, false), (2, true)] {
            let events = format!("low 0\nhigh 0\nmax 9\noom 1\noom_kill {kills}\noom_group_kill 1\n");
            fs::write(group.join("memory.events"), events).unwrap();
            let why = groups.why_killed("d1");
            assert_eq!(why.is_some_and(|text| text.contains("192 MiB")), told, "{kills}");
        }
    }

    #[test]
    fn what_is_missing_is_said() {
        let mount = tempfile::tempdir().unwrap();
        let own = "0::/system.slice/oriel.service\n";
        assert!(Cgroups::take(mount.path(), own).unwrap_err().contains("version 1"));
        let (mount, _unit) = hierarchy("cpu pids");
        let missing = Cgroups::take(mount.path(), own).unwrap_err();
        assert!(
            missing.contains("lacks the controllers memory") && missing.contains("Delegate=yes"),
            "{missing}"
        );
        assert!(check(mount.path(), "4:memory:/x\n").unwrap_err().contains("no control group of version 2"));
        let (mount, unit) = hierarchy("cpu memory pids");
        fs::write(unit.join("cgroup.procs"), "1\n").unwrap();
        assert!(Cgroups::take(mount.path(), own).unwrap_err().contains("shares its control group"));
        assert_eq!(text(unit.join("server/cgroup.procs")), "", "and nothing was moved");
        assert_eq!(
            check(mount.path(), own).unwrap(),
            "Control groups are version 2 with cpu, memory, pids in /system.slice/oriel.service."
        );
    }
}
