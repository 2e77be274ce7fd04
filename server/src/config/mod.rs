//! Configuration of the server: one TOML file in which every key has a default.
//!
//! `defaults.toml` has all keys with their explanations, and is what `oriel config print` shows. `load` reads
//! a file.

mod load;

pub use load::{ConfigError, from_text, load};

use oriel_auth::{Network, SessionLimits};
use oriel_host::HostSettings;
use oriel_host::admission::ReserveSettings;
use serde::{Deserialize, Serialize};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

/// Text of the default configuration with an explanation of each key, as `oriel config print` shows it.
pub const DEFAULTS: &str = include_str!("defaults.toml");

/// Path of the configuration file that is read when none is named.
pub const DEFAULT_PATH: &str = "/etc/oriel/oriel.toml";

/// Configuration of the server. `defaults.toml` has the explanation of each key for administrators.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Address on which the server listens for TLS.
    pub listen: SocketAddr,
    /// Loopback address on which the server listens for plain HTTP.
    pub plain_loopback: Option<SocketAddr>,
    /// URLs by which browsers reach the server, other than its host names and IP addresses.
    pub public_urls: Vec<String>,
    /// Networks of the reverse proxies whose word counts for the address, scheme and host of a client.
    pub trusted_proxies: Vec<Network>,
    /// Path of the file with the token for `/metrics`.
    pub metrics_token_file: Option<PathBuf>,
    /// Path of the state folder.
    pub state_dir: PathBuf,
    /// Path of the built web client.
    pub web_root: Option<PathBuf>,
    /// Path of the program `oriel-vmm`.
    pub vmm: Option<PathBuf>,
    /// Path of the folder of image recipes.
    pub recipes: Option<PathBuf>,
    /// Days after which entries of the audit log are removed; 0 keeps them for ever.
    pub audit_retention_days: u32,
    /// Section `[tls]`: files of the certificate.
    pub tls: Tls,
    /// Section `[login]`: lifetimes of sessions.
    pub login: Login,
    /// Section `[desktops]`: grace periods and the host's reserve.
    pub desktops: Desktops,
    /// Section `[log]`: format and level of the log.
    pub log: Log,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 8443)),
            plain_loopback: None,
            public_urls: Vec::new(),
            trusted_proxies: vec![
                Network::of(IpAddr::V4(Ipv4Addr::new(127, 0, 0, 0)), 8),
                Network::of(IpAddr::V6(Ipv6Addr::LOCALHOST), 128),
            ],
            metrics_token_file: None,
            state_dir: "/var/lib/oriel".into(),
            web_root: None,
            vmm: None,
            recipes: None,
            audit_retention_days: 0,
            tls: Tls::default(),
            login: Login::default(),
            desktops: Desktops::default(),
            log: Log::default(),
        }
    }
}

/// Files of a configured certificate; both or neither are set.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Tls {
    /// Path of the certificate chain in PEM.
    pub certificate: Option<PathBuf>,
    /// Path of the private key in PEM.
    pub key: Option<PathBuf>,
}

/// Lifetimes of login sessions.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Login {
    /// Minutes without a key, the pointer or a touch after which a session ends, at least 1.
    pub idle_minutes: u32,
    /// Hours after the login after which a session ends, at least 1.
    pub longest_hours: u32,
}

impl Login {
    /// Returns the lifetimes of sessions that follow from the section.
    pub fn session_limits(&self) -> SessionLimits {
        SessionLimits {
            idle: Duration::from_secs(u64::from(self.idle_minutes) * 60),
            absolute: Duration::from_secs(u64::from(self.longest_hours) * 3600),
        }
    }
}

impl Default for Login {
    fn default() -> Self {
        Self { idle_minutes: 30, longest_hours: 12 }
    }
}

/// Settings of the host that runs the desktops.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Desktops {
    /// Seconds that a guest has for a shutdown before its machine is forced off.
    pub stop_grace_s: u32,
    /// Seconds that an emulated guest has for a shutdown before its machine is forced off.
    pub stop_grace_emulated_s: u32,
    /// Memory in MiB that the host keeps; `None`: 2048, at most a quarter of its memory.
    pub host_reserve_mib: Option<u32>,
    /// Number of processors that the host keeps; `None`: 2, at most half of its processors.
    pub host_reserve_cpus: Option<u32>,
    /// Number of virtual processors for each processor outside the reserve, at least 1.
    pub cpu_overcommit: u32,
}

impl Desktops {
    /// Returns the settings of the host that follow from the section.
    pub fn host_settings(&self) -> HostSettings {
        let seconds = |seconds: u32| Duration::from_secs(seconds.into());
        HostSettings {
            stop_grace: seconds(self.stop_grace_s),
            stop_grace_emulated: seconds(self.stop_grace_emulated_s),
            reserve: self.reserve_settings(),
        }
    }

    /// Returns the settings of the host's reserve that follow from the section.
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
pub struct Log {
    /// Format of the log's events.
    pub format: LogFormat,
    /// Minimum severity of logged events.
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
    /// One JSON object per line, for programs.
    Json,
}

/// Minimum severity of logged events; each level includes those before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum LogLevel {
    /// Failures that need an administrator.
    Error,
    /// Problems after which the server goes on.
    Warn,
    /// Changes of state, such as a started desktop.
    Info,
    /// Requests and connections.
    Debug,
    /// Details for developers.
    Trace,
}

impl LogLevel {
    /// Returns the level's name in the log filter.
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
