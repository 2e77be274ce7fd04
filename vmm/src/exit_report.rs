//! Leaving behind why a machine ended, however it ends.

use crate::launch::FromMachine;
use crate::supervisor_channel::SupervisorChannel;
use oriel_vmm_api::{ExitReason, ExitReport};
use std::io;
use std::path::Path;
use std::sync::Arc;

/// Writes `words` to `path` in one step.
///
/// # Errors
/// When the file cannot be written.
pub fn write(path: &Path, words: &ExitReport) -> io::Result<()> {
    let mut fresh = path.as_os_str().to_owned();
    fresh.push(".new");
    std::fs::write(&fresh, serde_json::to_vec(words)?)?;
    std::fs::rename(&fresh, path)
}

/// From now on a panic on any thread is logged, tells the supervisor and ends the process: a machine
/// of which a part is missing is worse than none.
pub fn abort_on_panic(channel: Arc<SupervisorChannel>) {
    let report = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        report(panic);
        let text = format!("oriel-vmm met a fault of its own ({panic}); start the desktop again.");
        tracing::error!("{text}");
        channel.send(&FromMachine::Ended(ExitReport { reason: ExitReason::Crashed, text }));
        std::process::abort();
    }));
}
