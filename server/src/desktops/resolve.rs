//! Resolution of a user and a pool to the specification that a host needs.

use super::table::Record;
use crate::pools::MachineSetting;
use crate::users::Settings;
use oriel_host::spec::{Keyboard, MachinePreference, ResourceLimits};
use oriel_host::{DesktopSpec, images::ImageReference};

/// Width and height of a desktop's first screen in pixels, until a viewer requests another size.
const FIRST_SCREEN: (u32, u32) = (1920, 1080);

/// Returns the specification of a desktop from its pool's settings and its user's settings.
pub(super) fn resolve(record: &Record, settings: &Settings) -> DesktopSpec {
    let pool = &record.pool.settings;
    DesktopSpec {
        image: ImageReference { name: pool.image.clone(), version: None },
        cpus: pool.cpus,
        memory_mib: pool.memory_mib,
        machine: match pool.machine {
            MachineSetting::Auto => MachinePreference::Auto,
            MachineSetting::Kvm => MachinePreference::Kvm,
            MachineSetting::Qemu => MachinePreference::Qemu,
        },
        network: pool.network.clone(),
        egress: pool.egress.clone(),
        limits: ResourceLimits {
            disk_mib_s: pool.disk_mib_s,
            disk_iops: pool.disk_iops,
            network_mbit_s: pool.network_mbit_s,
            cpu_percent: pool.cpu_limit_percent,
            memory_overhead_mib: pool.memory_overhead_mib,
        },
        sound: pool.sound,
        agents: pool.agents,
        screens: pool.screens,
        first_screen: FIRST_SCREEN,
        host_name: host_name(record.pool.name.as_str(), &record.user_name),
        // The names go on a kernel command line, so only valid ones pass.
        keyboard: settings
            .check()
            .is_ok()
            .then(|| Keyboard { layout: settings.layout.clone(), variant: settings.layout_variant.clone() }),
        require_jail: pool.require_jail,
    }
}

/// Returns a host name for a user's desktop (RFC 1123): letters, digits and dashes, 1 to 63, no dash at
/// either end.
fn host_name(pool: &str, user: &str) -> String {
    let plain: String = format!("{pool}-{user}")
        .chars()
        .map(|c| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '-' })
        .take(63)
        .collect();
    let plain = plain.trim_matches('-');
    if plain.is_empty() { "desktop".into() } else { plain.into() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pools::{Pool, PoolSettings};
    use oriel_host::State;

    #[test]
    fn a_desktop_is_told_its_users_keyboard_and_name_and_its_pool_s_limits() {
        let pool =
            PoolSettings { disk_iops: Some(7), cpu_limit_percent: Some(50), ..PoolSettings::new("x".into()) };
        let record = Record {
            id: "d1".into(),
            user_id: "p1".into(),
            user_name: "ada.l".into(),
            pool: Pool { id: "q1".into(), name: "debian".parse().unwrap(), settings: pool },
            state: State::Stopped,
            reason: None,
            since: 0,
            pid: None,
        };
        let german =
            Settings { layout: "de".into(), layout_variant: "nodeadkeys".into(), ..Settings::default() };
        let spec = resolve(&record, &german);
        assert_eq!(spec.host_name, "debian-ada-l");
        assert_eq!(spec.keyboard, Some(Keyboard { layout: "de".into(), variant: "nodeadkeys".into() }));
        assert_eq!((spec.limits.disk_iops, spec.limits.cpu_percent), (Some(7), Some(50)));
        let bad = Settings { layout: "de init=/bin/sh".into(), ..Settings::default() };
        assert_eq!(resolve(&record, &bad).keyboard, None);
    }

    #[test]
    fn host_names_are_host_names() {
        assert_eq!(host_name("a", "B_c"), "a-b-c");
        assert_eq!(host_name("-", "-"), "desktop");
        assert_eq!(host_name(&"a".repeat(80), "b").len(), 63);
    }
}
