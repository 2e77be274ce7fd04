//! Retention of the audit log: removal of entries that are older than configured.

use oriel_auth::{AuditLog, unix_now};
use std::time::Duration;

/// Interval between two removals.
const EVERY: Duration = Duration::from_secs(6 * 3600);

/// Removes entries that are older than `days`, now and every six hours, without end; 0 keeps all entries for
/// ever.
pub async fn keep(audit: AuditLog, days: u32) {
    if days == 0 {
        return;
    }
    let mut turns = tokio::time::interval(EVERY);
    loop {
        turns.tick().await;
        let before_ms = unix_now().saturating_sub(i64::from(days) * 24 * 3600).saturating_mul(1000);
        match audit.prune(before_ms).await {
            Ok(Ok(pruned)) if pruned.lines > 0 => {
                tracing::info!(
                    lines = pruned.lines,
                    up_to = pruned.up_to,
                    "old lines of the audit log were removed"
                );
            }
            Ok(Ok(_)) => {}
            Ok(Err(broken)) => {
                tracing::error!(
                    "no old lines of the audit log are removed: {broken}; see `oriel audit verify`"
                );
            }
            Err(error) => tracing::warn!(%error, "old lines of the audit log were not removed"),
        }
    }
}
