//! Entries that strangers can cause: beyond a number a minute, they are counted in one entry.

use super::burst::Admission;
use super::log::{AuditLog, Entry};
use crate::error::AuthError;

impl AuditLog {
    /// Appends an entry that anybody can cause, such as a failed login. Beyond 120 entries of the action in a
    /// minute the entry is only counted, and one entry with the number follows at the end of the minute.
    ///
    /// # Errors
    /// The database or the file of the head failed.
    pub async fn record_bounded(&self, action: &'static str, entry: Entry<'_>) -> Result<(), AuthError> {
        match self.shared.bursts.lock().entry(action).or_default().admit() {
            Admission::Record => {}
            Admission::Count => return Ok(()),
            Admission::CountFirst(rest) => {
                let log = self.clone();
                tokio::spawn(async move {
                    tokio::time::sleep(rest).await;
                    log.record_counted(action).await;
                });
                return Ok(());
            }
        }
        self.record(Entry { action, ..entry }).await.map(drop)
    }

    /// Records how many entries were only counted, of every action; for the end of the server.
    pub async fn flush(&self) {
        let actions: Vec<_> = self.shared.bursts.lock().keys().copied().collect();
        for action in actions {
            self.record_counted(action).await;
        }
    }

    /// Records how many entries of an action were only counted, and begins a new interval.
    async fn record_counted(&self, action: &'static str) {
        let counted = self.shared.bursts.lock().remove(action).map_or(0, |burst| burst.counted());
        if counted == 0 {
            return;
        }
        let detail = format!("{counted} more within a minute");
        let entry = Entry { actor: "-", action, detail: &detail, ..Entry::default() };
        if let Err(error) = self.record(entry).await {
            tracing::error!(action, counted, %error, "entries could not be recorded");
        }
    }
}
