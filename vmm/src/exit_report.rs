//! Exit report of a machine: its file, and its emission when the machine's process panics.
//!
//! The supervisor writes the report that the machine's process sent ([`crate::launch::FromMachine::Ended`]).
//! Ends without a report are classified in `supervisor::exit_status`.

use crate::launch::FromMachine;
use crate::supervisor_channel::SupervisorChannel;
use oriel_vmm_api::{ExitReason, ExitReport};
use std::io;
use std::path::Path;
use std::sync::Arc;

/// Writes `report` as JSON to the file at `path`, which it replaces atomically.
///
/// # Errors
/// An error of the system when the file cannot be written.
pub fn write(path: &Path, report: &ExitReport) -> io::Result<()> {
    let mut fresh = path.as_os_str().to_owned();
    fresh.push(".new");
    std::fs::write(&fresh, serde_json::to_vec(report)?)?;
    std::fs::rename(&fresh, path)
}

/// Installs a panic hook that logs the panic, sends an exit report to the supervisor through `channel`, and
/// aborts the process. A machine must not continue without one of its threads.
pub fn abort_on_panic(channel: Arc<SupervisorChannel>) {
    let default_hook = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        default_hook(panic);
        let text = format!("oriel-vmm failed by an internal error ({panic}); start the desktop again.");
        tracing::error!("{text}");
        channel.send(&FromMachine::Ended(ExitReport { reason: ExitReason::Crashed, text }));
        std::process::abort();
    }));
}
