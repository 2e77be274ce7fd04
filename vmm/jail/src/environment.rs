//! Check for an empty environment.
//!
//! [`crate::Spawn::start`] passes no environment variables, since the server's may contain secrets,
//! paths and settings of the dynamic loader. This module only counts variables for the report.

use crate::{Jail, JailPart};

/// Reports whether this process has no environment variables.
pub(crate) fn check(report: &mut Jail) {
    let left = std::env::vars_os().count();
    if left == 0 {
        report.add(JailPart::Environment, true, "The process has no environment variables.");
    } else {
        report.add(
            JailPart::Environment,
            false,
            format!("The process was started with {left} environment variables; report this."),
        );
    }
}
