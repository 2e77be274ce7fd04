//! Control groups (cgroups(7)): the server makes one and enters it before the start; here it is
//! only looked whether that happened.

use crate::{Jail, JailPart};

/// Tells whether this process is in a group of version 2 that is not the root of all. To be asked
/// while /proc can still be read.
pub(crate) fn look(report: &mut Jail) {
    let groups = std::fs::read_to_string("/proc/self/cgroup").unwrap_or_default();
    match own_group(&groups) {
        Some(group) => report.add(JailPart::Cgroup, true, format!("It is in the control group {group}.")),
        None => report.add(
            JailPart::Cgroup,
            false,
            "It is in no control group (version 2) of its own, so nothing holds it to its share of memory and \
             processors; start the host with systemd.unified_cgroup_hierarchy=1.",
        ),
    }
}

/// The group of version 2 in `groups`, unless it is the root.
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
