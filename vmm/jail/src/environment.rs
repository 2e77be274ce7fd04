//! The environment: a jailed program is started without one. What the server was given (paths,
//! secrets, settings of the loader) is none of its business.

use crate::{Jail, JailPart};

pub(crate) fn check(report: &mut Jail) {
    let left = std::env::vars_os().count();
    if left == 0 {
        report.add(JailPart::Environment, true, "Its environment is empty.");
    } else {
        report.add(
            JailPart::Environment,
            false,
            format!("It was started with {left} environment variables."),
        );
    }
}
