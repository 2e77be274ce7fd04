//! Log of the server. Secrets have no `Debug`, so they cannot be logged.

use crate::config::{Log, LogFormat};
use std::io::{self, IsTerminal};
use tracing_subscriber::EnvFilter;

/// Starts logging to standard error. `RUST_LOG` overrides the configured level.
pub(super) fn start(log: &Log) {
    let level = log.level.as_str();
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| {
        EnvFilter::new(format!("warn,oriel_server={level},oriel_host={level},oriel_auth={level}"))
    });
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_writer(io::stderr);
    match log.format {
        LogFormat::Human => builder.with_target(false).with_ansi(io::stderr().is_terminal()).init(),
        LogFormat::Json => builder.json().flatten_event(true).init(),
    }
}
