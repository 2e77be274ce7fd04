//! A pool: an image and what its desktops get of the host.

use super::redirection::RedirectionPolicy;
use oriel_host::network::{EgressRules, NetworkSetting};
use serde::{Deserialize, Serialize};
use sqlx::sqlite::SqliteRow;
use sqlx::{FromRow, Row};

/// Setting of a pool: the kind of machine that runs the pool's desktops.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum MachineSetting {
    /// The fastest that this host can.
    Auto,
    /// Oriel's own machine.
    Kvm,
    /// QEMU as the machine.
    Qemu,
}

impl MachineSetting {
    /// Name of the setting in the database and on the command line.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::Kvm => "kvm",
            Self::Qemu => "qemu",
        }
    }

    fn from_stored(text: &str) -> Self {
        match text {
            "kvm" => Self::Kvm,
            "qemu" => Self::Qemu,
            _ => Self::Auto,
        }
    }
}

/// Pool: desktops of the same image and settings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pool {
    /// Random identifier of the pool; never changes.
    pub id: String,
    /// Name of the pool, as users see it.
    pub name: String,
    /// Settings of the pool; a change counts from a desktop's next start.
    pub settings: PoolSettings,
}

/// Settings of a pool that an administrator can change. `None` as a limit means no limit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PoolSettings {
    /// The image's name.
    pub image: String,
    /// Virtual processors, 1 to 64.
    pub cpus: u8,
    /// Guest memory, at least 64.
    pub memory_mib: u32,
    /// Kind of machine for the pool's desktops.
    pub machine: MachineSetting,
    /// Send the whole picture as H.264, unless the user's settings say otherwise.
    pub video_only: bool,
    /// Network backend of the desktops.
    pub network: NetworkSetting,
    /// Egress rules of the desktops on TAP interfaces.
    pub egress: EgressRules,
    /// Disk, read and written together.
    pub disk_mib_s: Option<u32>,
    /// Disk requests per second.
    pub disk_iops: Option<u32>,
    /// Network, both directions together.
    pub network_mbit_s: Option<u32>,
    /// Limit of processor time, in percent of all the desktop's processors; `None`: no limit.
    pub cpu_limit_percent: Option<u32>,
    /// Memory beyond the guest's own; `None`: as much as its machine needs.
    pub memory_overhead_mib: Option<u32>,
    /// Give desktops a sound card.
    pub sound: bool,
    /// Ports for the guest's agents.
    pub agents: bool,
    /// Screens that a viewer may ask for, 1 to 4.
    pub screens: u8,
    /// Redirection policy: clipboard and files between a desktop and the client's computer. A change counts
    /// for the next connection.
    pub redirection: RedirectionPolicy,
    /// Rather not start than start without any part of the jail.
    pub require_jail: bool,
}

impl PoolSettings {
    /// Default settings of a pool with the given image.
    pub fn new(image: String) -> Self {
        Self {
            image,
            cpus: 2,
            memory_mib: 2048,
            machine: MachineSetting::Auto,
            video_only: false,
            network: NetworkSetting::default(),
            egress: EgressRules::default(),
            disk_mib_s: None,
            disk_iops: None,
            network_mbit_s: None,
            cpu_limit_percent: None,
            memory_overhead_mib: None,
            sound: true,
            agents: true,
            screens: 4,
            redirection: RedirectionPolicy::default(),
            require_jail: false,
        }
    }

    /// Refuses what no desktop can have.
    ///
    /// # Errors
    /// A sentence.
    pub fn check(&self) -> Result<(), &'static str> {
        if !(1..=64).contains(&self.cpus) {
            return Err("A desktop has 1 to 64 processors; choose --cpus in that range.");
        }
        if !(64..=1024 * 1024).contains(&self.memory_mib) {
            return Err(
                "A desktop has at least 64 MiB of memory and at most 1 TiB; choose --memory in that range.",
            );
        }
        if !(1..=4).contains(&self.screens) {
            return Err("A desktop has 1 to 4 screens; choose --screens in that range.");
        }
        let limits = [self.disk_mib_s, self.disk_iops, self.network_mbit_s];
        if limits.iter().flatten().any(|limit| *limit == 0 || *limit > 1_000_000) {
            return Err("A limit of disk or network is 1 to 1000000, or none.");
        }
        if self.cpu_limit_percent.is_some_and(|percent| !(1..=100).contains(&percent)) {
            return Err("--cpu-limit-percent is 1 to 100 percent of the desktop's processors, or none.");
        }
        if self.memory_overhead_mib.is_some_and(|mib| !(16..=64 * 1024).contains(&mib)) {
            return Err("--memory-overhead-mib is 16 to 65536, or none for what its machine needs.");
        }
        Ok(())
    }
}

impl Pool {
    /// The columns of `pools p` that [`Pool::from_columns`] reads.
    pub(crate) const COLUMNS: &str = "p.id AS pool_id, p.name AS pool_name, p.image, p.cpus, p.memory_mib, \
         p.machine, p.video_only, p.network, p.egress, p.disk_mib_s, p.disk_iops, p.network_mbit_s, \
         p.cpu_limit_percent, p.memory_overhead_mib, p.sound, p.agents, p.screens, p.clipboard, p.files, \
         p.require_jail";

    pub(crate) fn from_columns(row: &SqliteRow) -> sqlx::Result<Self> {
        Ok(Self {
            id: row.try_get("pool_id")?,
            name: row.try_get("pool_name")?,
            settings: PoolSettings {
                image: row.try_get("image")?,
                cpus: row.try_get("cpus")?,
                memory_mib: row.try_get("memory_mib")?,
                machine: MachineSetting::from_stored(row.try_get("machine")?),
                video_only: row.try_get("video_only")?,
                network: parsed(row, "network")?,
                egress: parsed(row, "egress")?,
                disk_mib_s: row.try_get("disk_mib_s")?,
                disk_iops: row.try_get("disk_iops")?,
                network_mbit_s: row.try_get("network_mbit_s")?,
                cpu_limit_percent: row.try_get("cpu_limit_percent")?,
                memory_overhead_mib: row.try_get("memory_overhead_mib")?,
                sound: row.try_get("sound")?,
                agents: row.try_get("agents")?,
                screens: row.try_get("screens")?,
                redirection: RedirectionPolicy {
                    clipboard: parsed(row, "clipboard")?,
                    files: parsed(row, "files")?,
                },
                require_jail: row.try_get("require_jail")?,
            },
        })
    }
}

/// What does not read as it was written must not be taken for something more open.
fn parsed<T: std::str::FromStr<Err = String>>(row: &SqliteRow, column: &str) -> sqlx::Result<T> {
    let text: &str = row.try_get(column)?;
    text.parse()
        .map_err(|error: String| sqlx::Error::ColumnDecode { index: column.into(), source: error.into() })
}

impl FromRow<'_, SqliteRow> for Pool {
    fn from_row(row: &SqliteRow) -> sqlx::Result<Self> {
        Self::from_columns(row)
    }
}
