//! The configuration: one TOML file in which every key has a default.

mod load;

pub use load::{ConfigError, from_text, load};

use oriel_host::HostSettings;
use oriel_host::admission::ReserveSettings;
use serde::{Deserialize, Serialize};
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

/// Default configuration with an explanation of each key, as `oriel config print` shows it.
pub const DEFAULTS: &str = include_str!("defaults.toml");

/// Path of the configuration file that is read when none is named.
pub const DEFAULT_PATH: &str = "/etc/oriel/oriel.toml";

/// Everything that can be set. `defaults.toml` explains each key.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
#[expect(missing_docs, reason = "defaults.toml explains each key to people, and once is enough")]
pub struct Config {
    pub listen: SocketAddr,
    pub plain_loopback: Option<SocketAddr>,
    pub public_urls: Vec<String>,
    pub state_dir: PathBuf,
    pub web_root: Option<PathBuf>,
    pub vmm: Option<PathBuf>,
    pub recipes: Option<PathBuf>,
    pub tls: Tls,
    pub login: Login,
    pub desktops: Desktops,
    pub log: Log,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 8443)),
            plain_loopback: None,
            public_urls: Vec::new(),
            state_dir: "/var/lib/oriel".into(),
            web_root: None,
            vmm: None,
            recipes: None,
            tls: Tls::default(),
            login: Login::default(),
            desktops: Desktops::default(),
            log: Log::default(),
        }
    }
}

/// A certificate that was given.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
#[expect(missing_docs, reason = "see Config")]
pub struct Tls {
    pub certificate: Option<PathBuf>,
    pub key: Option<PathBuf>,
}

/// Lifetimes of login sessions.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
#[expect(missing_docs, reason = "see Config")]
pub struct Login {
    pub idle_minutes: u32,
    pub longest_hours: u32,
}

impl Default for Login {
    fn default() -> Self {
        Self { idle_minutes: 720, longest_hours: 168 }
    }
}

/// Starting and stopping desktops.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
#[expect(missing_docs, reason = "see Config")]
pub struct Desktops {
    pub stop_grace_s: u32,
    pub stop_grace_emulated_s: u32,
    pub host_reserve_mib: Option<u32>,
    pub host_reserve_cpus: Option<u32>,
    pub cpu_overcommit: u32,
}

impl Desktops {
    /// Settings of the host out of these keys.
    pub fn host_settings(&self) -> HostSettings {
        let seconds = |seconds: u32| Duration::from_secs(seconds.into());
        HostSettings {
            stop_grace: seconds(self.stop_grace_s),
            stop_grace_emulated: seconds(self.stop_grace_emulated_s),
            reserve: self.reserve_settings(),
        }
    }

    /// Settings of the host's reserve out of these keys.
    pub fn reserve_settings(&self) -> ReserveSettings {
        ReserveSettings {
            memory_mib: self.host_reserve_mib,
            cpus: self.host_reserve_cpus,
            cpu_overcommit: self.cpu_overcommit,
        }
    }
}

impl Default for Desktops {
    fn default() -> Self {
        Self {
            stop_grace_s: 60,
            stop_grace_emulated_s: 180,
            host_reserve_mib: None,
            host_reserve_cpus: None,
            cpu_overcommit: 10,
        }
    }
}

/// Settings of the server's log.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
#[expect(missing_docs, reason = "see Config")]
pub struct Log {
    pub format: LogFormat,
    pub level: LogLevel,
}

impl Default for Log {
    fn default() -> Self {
        Self { format: LogFormat::Human, level: LogLevel::Info }
    }
}

/// Format of the server's log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// Lines of text for administrators.
    Human,
    /// One JSON object a line, for programs.
    Json,
}

/// Least severity of logged events.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
#[expect(missing_docs, reason = "the usual names")]
pub enum LogLevel {
    Error,
    Warn,
    Info,
    Debug,
    Trace,
}

impl LogLevel {
    /// Name of the level, as the log filter writes it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warn => "warn",
            Self::Info => "info",
            Self::Debug => "debug",
            Self::Trace => "trace",
        }
    }
}
