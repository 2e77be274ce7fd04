//! `oriel doctor`: checks whether this host can run desktops, and says what to do if not.

mod checks;
mod report;
mod resources;

use crate::config::Config;
use report::Report;
use std::process::ExitCode;

/// Runs all checks and prints the report, as JSON if `json`. The exit code is a failure if a check failed;
/// warnings do not count.
pub async fn run(config: &Config, json: bool) -> ExitCode {
    let mut report = Report::default();
    checks::all(config, &mut report).await;
    report.print(json);
    if report.failed() { ExitCode::FAILURE } else { ExitCode::SUCCESS }
}
