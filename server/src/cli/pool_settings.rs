//! Options of `oriel pool add` and `oriel pool set`, and the output of `oriel pool show`.

use crate::pools::{MachineSetting, PoolSettings, TransferPolicy};
use clap::{Args, ValueEnum};
use oriel_host::network::{EgressRules, NetworkSetting, Rule};
use std::str::FromStr;

/// Options for the settings of a pool; settings without an option stay as they are.
#[derive(Args)]
pub(super) struct SettingOptions {
    /// Virtual processors of each desktop
    #[arg(long)]
    cpus: Option<u8>,
    /// Memory of each desktop, in MiB
    #[arg(long, value_name = "MIB")]
    memory: Option<u32>,
    /// Kind of machine for the desktops
    #[arg(long, value_enum)]
    machine: Option<MachineSetting>,
    /// Send the whole picture as H.264
    #[arg(long, num_args = 0..=1, default_missing_value = "on", value_name = "on|off")]
    video_only: Option<Switch>,
    /// passt, isolated, tap:NAME, or tap:NAME* for a free interface with the prefix for each desktop
    #[arg(long)]
    network: Option<NetworkSetting>,
    /// Egress rule: internet, any, host or a network, then /tcp, /udp or /icmp and ports, like
    /// 192.0.2.0/24/tcp/443; or dns, the host's name servers; can be repeated; none allows nothing
    #[arg(long, value_name = "RULE")]
    egress: Vec<String>,
    /// Limit of disk throughput in MiB per second, or none
    #[arg(long, value_name = "N")]
    disk_mib_s: Option<Limit>,
    /// Limit of disk requests per second, or none
    #[arg(long, value_name = "N")]
    disk_iops: Option<Limit>,
    /// Limit of network throughput in Mbit per second, or none
    #[arg(long, value_name = "N")]
    network_mbit_s: Option<Limit>,
    /// Limit of processor time in percent of all the desktop's processors, or none
    #[arg(long, value_name = "N")]
    cpu_limit_percent: Option<Limit>,
    /// Memory beyond the guest's that the machine may use, or none for the machine's default
    #[arg(long, value_name = "MIB")]
    memory_overhead_mib: Option<Limit>,
    /// A sound card
    #[arg(long, value_name = "on|off")]
    sound: Option<Switch>,
    /// Ports for the guest's agents: clipboard, resize, clean shutdown
    #[arg(long, value_name = "on|off")]
    agents: Option<Switch>,
    /// Maximum number of screens that a viewer may request, 1 to 4
    #[arg(long)]
    screens: Option<u8>,
    /// Directions in which clipboard contents pass between the desktop and the client
    #[arg(long, value_enum, value_name = "both|to-desktop|from-desktop|off")]
    clipboard: Option<TransferPolicy>,
    /// Directions in which files pass between the desktop and the client
    #[arg(long, value_enum, value_name = "both|to-desktop|from-desktop|off")]
    files: Option<TransferPolicy>,
    /// Refuse to start a desktop without every part of the jail
    #[arg(long, num_args = 0..=1, default_missing_value = "on", value_name = "on|off")]
    require_jail: Option<Switch>,
}

/// Value of an option that turns a setting on or off.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Switch {
    On,
    Off,
}

/// Value of an option for a limit: a number, or `none`.
#[derive(Clone, Copy)]
struct Limit(Option<u32>);

impl FromStr for Limit {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "none" => Ok(Self(None)),
            _ => text.parse().map(|limit| Self(Some(limit))).map_err(|_| "it is a number or none".into()),
        }
    }
}

impl SettingOptions {
    /// Changes `settings` by the given options.
    ///
    /// # Errors
    /// One sentence: an egress rule is not valid.
    pub(super) fn apply(&self, settings: &mut PoolSettings) -> Result<(), String> {
        fn put<T: Clone>(given: &Option<T>, setting: &mut T) {
            if let Some(given) = given {
                *setting = given.clone();
            }
        }
        let switch =
            |given: Option<Switch>, setting: &mut bool| put(&given.map(|given| given == Switch::On), setting);
        let limit =
            |given: Option<Limit>, setting: &mut Option<u32>| put(&given.map(|limit| limit.0), setting);
        put(&self.cpus, &mut settings.cpus);
        put(&self.memory, &mut settings.memory_mib);
        put(&self.machine, &mut settings.machine);
        put(&self.network, &mut settings.network);
        put(&self.screens, &mut settings.screens);
        put(&self.clipboard, &mut settings.redirection.clipboard);
        put(&self.files, &mut settings.redirection.files);
        switch(self.video_only, &mut settings.video_only);
        switch(self.sound, &mut settings.sound);
        switch(self.agents, &mut settings.agents);
        switch(self.require_jail, &mut settings.require_jail);
        limit(self.disk_mib_s, &mut settings.disk_mib_s);
        limit(self.disk_iops, &mut settings.disk_iops);
        limit(self.network_mbit_s, &mut settings.network_mbit_s);
        limit(self.cpu_limit_percent, &mut settings.cpu_limit_percent);
        limit(self.memory_overhead_mib, &mut settings.memory_overhead_mib);
        if !self.egress.is_empty() {
            let rules = self.egress.iter().filter(|rule| *rule != "none").map(|rule| rule.parse::<Rule>());
            settings.egress = EgressRules::new(rules.collect::<Result<_, _>>()?)?;
        }
        Ok(())
    }
}

/// Describes all settings, one line each, except the egress rules.
pub(super) fn lines(settings: &PoolSettings) -> Vec<String> {
    let limit = |name: &str, limit: Option<u32>| {
        format!("{name}: {}", limit.map_or_else(|| "none".into(), |limit| limit.to_string()))
    };
    let switch = |name: &str, on: bool| format!("{name}: {}", if on { "on" } else { "off" });
    vec![
        format!("image: {}", settings.image),
        format!("cpus: {}", settings.cpus),
        format!("memory: {} MiB", settings.memory_mib),
        format!("machine: {}", settings.machine.as_str()),
        switch("video-only", settings.video_only),
        format!("network: {}", settings.network),
        limit("disk-mib-s", settings.disk_mib_s),
        limit("disk-iops", settings.disk_iops),
        limit("network-mbit-s", settings.network_mbit_s),
        limit("cpu-limit-percent", settings.cpu_limit_percent),
        limit("memory-overhead-mib", settings.memory_overhead_mib),
        switch("sound", settings.sound),
        switch("agents", settings.agents),
        format!("screens: {}", settings.screens),
        format!("clipboard: {}", settings.redirection.clipboard),
        format!("files: {}", settings.redirection.files),
        switch("require-jail", settings.require_jail),
    ]
}
