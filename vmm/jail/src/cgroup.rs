//! Check for a control group of version 2 (cgroups(7)).
//!
//! The server creates the group and starts the supervisor in it (`server/host/src/schedule`). This
//! module only reads the group of this process for the report.

use crate::{Jail, JailPart};

/// Reports whether this process is in a control group of version 2 below the root group. Must be called
/// while `/proc` is readable.
pub(crate) fn check(report: &mut Jail) {
    let groups = std::fs::read_to_string("/proc/self/cgroup").unwrap_or_default();
    match own_group(&groups) {
        Some(group) => report.add(JailPart::Cgroup, true, format!("The process is in the control group {group}.")),
        None => report.add(
            JailPart::Cgroup,
            false,
            "The process is in no control group (version 2) below the root group, so its memory and processor \
             time are not limited; start the host with systemd.unified_cgroup_hierarchy=1.",
        ),
    }
}

/// Returns the path of the version 2 group in `groups`, the text of `/proc/self/cgroup`; `None` for the
/// root group.
fn own_group(groups: &str) -> Option<&str> {
    groups.lines().find_map(|line| line.strip_prefix("0::")).filter(|group| *group != "/")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_group_of_version_2_below_the_root_counts() {
        assert_eq!(own_group("0::/oriel/d1\n"), Some("/oriel/d1"));
        assert_eq!(own_group("9:memory:/oriel/d1\n0::/\n"), None);
        assert_eq!(own_group(""), None);
    }
}
