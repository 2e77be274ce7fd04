//! TAP interfaces of this host: discovery, and the choice of one for a desktop.

use super::setting::is_name;
use std::collections::HashSet;
use std::fs;
use std::io;
use std::path::Path;

/// TAP interface of this host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TapInterface {
    /// Name of the interface.
    pub name: String,
    /// Whether a process has the interface open, so that the interface has a carrier.
    pub in_use: bool,
}

/// Lists the host's TAP interfaces by name. `net` is `/sys/class/net`.
///
/// # Errors
/// The folder cannot be read.
pub fn tap_interfaces(net: &Path) -> io::Result<Vec<TapInterface>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(net)? {
        let folder = entry?.path();
        let name = folder.file_name().and_then(|name| name.to_str()).unwrap_or_default().to_owned();
        // Only TUN and TAP devices have this file; IFF_TAP is 2.
        let flags = fs::read_to_string(folder.join("tun_flags")).unwrap_or_default();
        let flags = u32::from_str_radix(flags.trim().trim_start_matches("0x"), 16).unwrap_or(0);
        if flags & 2 != 0 && is_name(&name) {
            // The carrier of an interface that is down cannot be read; such an interface is not in use.
            let carrier = fs::read_to_string(folder.join("carrier")).unwrap_or_default();
            found.push(TapInterface { name, in_use: carrier.trim() == "1" });
        }
    }
    found.sort_by(|one, two| one.name.cmp(&two.name));
    Ok(found)
}

/// Selects the interfaces that a setting names: one by its name or, if the setting ends with a star, all with
/// the prefix.
pub fn matching<'a>(setting: &'a str, all: &'a [TapInterface]) -> impl Iterator<Item = &'a TapInterface> {
    let matches = move |name: &str| match setting.strip_suffix('*') {
        Some(beginning) => name.starts_with(beginning),
        None => name == setting,
    };
    all.iter().filter(move |interface| matches(&interface.name))
}

/// Chooses a free interface for a desktop that starts, preferably `last`, the one that the desktop had
/// before.
///
/// # Errors
/// One sentence: no interface matches the setting, or none is free.
pub fn choose_tap(
    setting: &str,
    all: &[TapInterface],
    reserved: &HashSet<String>,
    last: Option<&str>,
) -> Result<String, String> {
    let mut there = matching(setting, all).peekable();
    if there.peek().is_none() {
        return Err(format!(
            "There is no TAP interface {setting} on this host; make one, for this server's user, with: \
             ip tuntap add dev {} mode tap user oriel",
            setting.replace('*', "0")
        ));
    }
    let free: Vec<_> = there
        .filter(|tap| !tap.in_use && !reserved.contains(&tap.name))
        .map(|tap| tap.name.as_str())
        .collect();
    last.filter(|last| free.contains(last)).or(free.first().copied()).map(str::to_owned).ok_or_else(|| {
        format!("Every TAP interface {setting} is in use; stop another desktop, or make another interface.")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tap(name: &str, in_use: bool) -> TapInterface {
        TapInterface { name: name.into(), in_use }
    }

    #[test]
    fn only_tap_devices_are_found() {
        let net = tempfile::tempdir().unwrap();
        for (name, flags, carrier) in [
            ("desk0", Some("0x1002"), "1"),
            ("desk1", Some("0x1002"), "0"),
            ("tun0", Some("0x1001"), "1"),
            ("eth0", None, "1"),
        ] {
            let folder = net.path().join(name);
            fs::create_dir(&folder).unwrap();
            fs::write(folder.join("carrier"), carrier).unwrap();
            if let Some(flags) = flags {
                fs::write(folder.join("tun_flags"), format!("{flags}\n")).unwrap();
            }
        }
        assert_eq!(tap_interfaces(net.path()).unwrap(), [tap("desk0", true), tap("desk1", false)]);
    }

    #[test]
    fn a_desktop_gets_a_free_interface_and_rather_the_one_it_had() {
        let all = [tap("desk0", true), tap("desk1", false), tap("desk2", false), tap("lab0", false)];
        let nobody = HashSet::new();
        let reserved = HashSet::from(["desk1".to_owned()]);
        assert_eq!(choose_tap("desk*", &all, &nobody, None).unwrap(), "desk1");
        assert_eq!(choose_tap("desk*", &all, &nobody, Some("desk2")).unwrap(), "desk2");
        assert_eq!(choose_tap("desk*", &all, &nobody, Some("lab0")).unwrap(), "desk1");
        assert_eq!(choose_tap("desk*", &all, &reserved, Some("desk1")).unwrap(), "desk2");
        assert_eq!(choose_tap("lab0", &all, &nobody, None).unwrap(), "lab0");
        assert!(choose_tap("desk0", &all, &nobody, None).unwrap_err().contains("in use"));
        assert!(choose_tap("none*", &all, &nobody, None).unwrap_err().contains("ip tuntap add dev none0"));
    }
}
