//! `oriel doctor`: is this host fit to run desktops, and if not, what to do?

mod checks;
mod report;
mod resources;

use crate::config::Config;
use report::Report;
use std::process::ExitCode;

/// Runs all checks of `oriel doctor` and prints the report. The exit code tells of failures; a warning is
/// none.
pub async fn run(config: &Config, json: bool) -> ExitCode {
    let mut report = Report::default();
    checks::all(config, &mut report).await;
    report.print(json);
    if report.failed() { ExitCode::FAILURE } else { ExitCode::SUCCESS }
}
