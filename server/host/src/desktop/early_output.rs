//! What a machine's process writes to standard error before its log is open, such as that the log cannot be
//! made.

use std::sync::Arc;
use std::time::Duration;
use tokio::io::AsyncReadExt;
use tokio::process::ChildStderr;
use tokio::task::JoinHandle;

/// Maximum number of bytes that are kept; the rest is read and forgotten.
const MAX_KEPT: usize = 4096;
/// Time after the end of the process within which its output must end, too. A process that it started may
/// hold the pipe for longer.
const PATIENCE: Duration = Duration::from_millis(200);

/// Output of a process up to now. Dropping it closes the pipe.
pub(super) struct EarlyOutput {
    reader: JoinHandle<()>,
    kept: Arc<parking_lot::Mutex<Vec<u8>>>,
}

impl EarlyOutput {
    /// Starts to read `stderr` on a task.
    pub fn read(stderr: Option<ChildStderr>) -> Self {
        let kept = Arc::new(parking_lot::Mutex::new(Vec::new()));
        let to = Arc::clone(&kept);
        let reader = tokio::spawn(async move {
            let Some(mut stderr) = stderr else { return };
            let mut buffer = [0; 1024];
            while let Ok(count @ 1..) = stderr.read(&mut buffer).await {
                let mut kept = to.lock();
                let room = MAX_KEPT.saturating_sub(kept.len()).min(count);
                kept.extend_from_slice(buffer.get(..room).unwrap_or_default());
            }
        });
        Self { reader, kept }
    }

    /// Returns the last line that an ended process wrote, without its name before it; `None` if it wrote
    /// none.
    pub async fn last_line(mut self) -> Option<String> {
        let _ = tokio::time::timeout(PATIENCE, &mut self.reader).await;
        let kept = self.kept.lock();
        let text = String::from_utf8_lossy(&kept);
        let line = text.lines().map(str::trim).rfind(|line| !line.is_empty())?;
        Some(line.strip_prefix("oriel-vmm: ").unwrap_or(line).to_owned())
    }
}

impl Drop for EarlyOutput {
    fn drop(&mut self) {
        self.reader.abort();
    }
}
