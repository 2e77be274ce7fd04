//! Pool: an image and the resources and devices of the desktops that start from it.

use super::name::PoolName;
use super::redirection::RedirectionPolicy;
use oriel_host::images::ImageStore;
use oriel_host::network::{EgressRules, NetworkSetting};
use serde::{Deserialize, Serialize};
use sqlx::sqlite::SqliteRow;
use sqlx::{FromRow, Row};
use std::str::FromStr;

/// Setting of a pool: the kind of machine that runs the pool's desktops.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum MachineSetting {
    /// Fastest machine that the host offers for the image.
    Auto,
    /// Oriel's own machine on KVM.
    Kvm,
    /// QEMU as the machine.
    Qemu,
}

impl MachineSetting {
    /// Returns the setting's name in the database and on the command line.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::Kvm => "kvm",
            Self::Qemu => "qemu",
        }
    }
}

impl FromStr for MachineSetting {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let all = [Self::Auto, Self::Kvm, Self::Qemu];
        all.into_iter()
            .find(|machine| machine.as_str() == text)
            .ok_or_else(|| format!("{text} is no kind of machine"))
    }
}

/// Pool of desktops with the same image and settings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pool {
    /// Random identifier of the pool; never changes.
    pub id: String,
    /// Name of the pool for users and administrators.
    pub name: PoolName,
    /// Settings of the pool; a change takes effect at a desktop's next start.
    pub settings: PoolSettings,
}

/// Settings of a pool that an administrator can change. `None` as a limit means no limit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PoolSettings {
    /// Name of the image from which desktops start.
    pub image: String,
    /// Number of virtual processors, 1 to 64.
    pub cpus: u8,
    /// Guest memory in MiB, 64 to 1048576.
    pub memory_mib: u32,
    /// Kind of machine that runs the desktops.
    pub machine: MachineSetting,
    /// Sends the whole picture as H.264, unless the user's settings say otherwise.
    pub video_only: bool,
    /// Network backend of the desktops.
    pub network: NetworkSetting,
    /// Egress rules of the desktops.
    pub egress: EgressRules,
    /// Limit of disk throughput in MiB per second, reads and writes together.
    pub disk_mib_s: Option<u32>,
    /// Limit of disk requests per second.
    pub disk_iops: Option<u32>,
    /// Limit of network throughput in Mbit per second, both directions together.
    pub network_mbit_s: Option<u32>,
    /// Limit of processor time in percent of all the desktop's virtual processors, 1 to 100.
    pub cpu_limit_percent: Option<u32>,
    /// Host memory in MiB beyond the guest's memory, 16 to 65536; `None` takes the machine's default.
    pub memory_overhead_mib: Option<u32>,
    /// Gives desktops a sound card.
    pub sound: bool,
    /// Gives desktops the ports of the guest's agents.
    pub agents: bool,
    /// Maximum number of screens that a viewer may request, 1 to 4.
    pub screens: u8,
    /// Policy for clipboard and files between desktop and client; a change takes effect at the next
    /// connection.
    pub redirection: RedirectionPolicy,
    /// Refuses to start a desktop where the host cannot provide every part of the jail.
    pub require_jail: bool,
}

impl PoolSettings {
    /// Returns the default settings for an image.
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

    /// Checks that each setting is in its range.
    ///
    /// # Errors
    /// One sentence with the range.
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

    /// Reads a pool from a row with the columns [`Pool::COLUMNS`].
    pub(crate) fn from_columns(row: &SqliteRow) -> sqlx::Result<Self> {
        Ok(Self {
            id: row.try_get("pool_id")?,
            name: parsed(row, "pool_name")?,
            settings: PoolSettings {
                image: image_name(row)?,
                cpus: row.try_get("cpus")?,
                memory_mib: row.try_get("memory_mib")?,
                machine: parsed(row, "machine")?,
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

/// Parses a column. An invalid value is an error, because a default could be more permissive than the stored
/// value.
fn parsed<T: std::str::FromStr<Err = String>>(row: &SqliteRow, column: &str) -> sqlx::Result<T> {
    let text: &str = row.try_get(column)?;
    text.parse().map_err(|error: String| invalid(row, column, text, &error))
}

/// Reads the name of a pool's image, which becomes a path in the store.
fn image_name(row: &SqliteRow) -> sqlx::Result<String> {
    let text: String = row.try_get("image")?;
    match ImageStore::check_name(&text) {
        Ok(()) => Ok(text),
        Err(error) => Err(invalid(row, "image", &text, &error.to_string())),
    }
}

/// Makes the error of a value that no command of Oriel writes, with the row that has it.
fn invalid(row: &SqliteRow, column: &str, text: &str, problem: &str) -> sqlx::Error {
    let id: &str = row.try_get("pool_id").unwrap_or("without an id");
    let text = format!("the row {id} of `pools` has {column} = '{text}' ({})", problem.trim_end_matches('.'));
    sqlx::Error::ColumnDecode { index: column.into(), source: text.into() }
}

impl FromRow<'_, SqliteRow> for Pool {
    fn from_row(row: &SqliteRow) -> sqlx::Result<Self> {
        Self::from_columns(row)
    }
}
