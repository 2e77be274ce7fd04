//! Deletion of the desktops of removed users: at the start of the server, and when a user is removed.

use super::broker_state::BrokerState;
use super::error::BrokerError;
use super::handle::ensure;
use super::table::Record;
use crate::changes::{ChangeReceiver, Changed};
use oriel_auth::{Attempt, AuditLog, Unrecorded};
use oriel_host::{DesktopError, DesktopId, Hold};
use std::sync::Arc;
use std::time::Duration;

/// Wait before another attempt after a desktop could not be deleted.
const RETRY_AFTER: Duration = Duration::from_secs(30);
/// Interval at which a machine's end is looked for.
const LOOK_EVERY: Duration = Duration::from_millis(200);
/// Longest time for a machine to end; a host kills the processes ten seconds after the command.
const LONGEST_STOP: Duration = Duration::from_secs(30);

/// Deletes the desktops of removed users, now and at each change, without end.
pub(super) async fn follow(shared: Arc<BrokerState>, audit: AuditLog, mut changes: ChangeReceiver) {
    loop {
        let done = delete_all(&shared, &audit).await;
        let changed = async { while matches!(changes.next().await, Changed::Pool(_)) {} };
        if done {
            changed.await;
        } else {
            let _ = tokio::time::timeout(RETRY_AFTER, changed).await;
        }
    }
}

/// Deletes the desktops of all removed users, then the users; `false` if something is left.
async fn delete_all(shared: &Arc<BrokerState>, audit: &AuditLog) -> bool {
    let records = match shared.table.of_removed_users().await {
        Ok(records) => records,
        Err(error) => {
            tracing::error!(%error, "the desktops of removed users could not be listed");
            return false;
        }
    };
    let mut done = true;
    for record in records {
        let id = record.id.clone();
        let attempt = Attempt {
            actor: "server".into(),
            action: "desktop.delete",
            subject: id.clone(),
            detail: format!("the pool {}, whose user was removed", record.pool.name),
            ..Attempt::default()
        };
        let shared = Arc::clone(shared);
        let delete = async move { delete(&shared, &record).await };
        let deleted = match audit.perform(attempt, Unrecorded::Refuse, delete).await {
            Ok(deleted) => deleted.map_err(|error| error.to_string()),
            Err(error) => Err(error.to_string()),
        };
        match deleted {
            Ok(()) => tracing::info!(desktop = id, "the desktop of a removed user was deleted"),
            Err(error) => {
                tracing::error!(desktop = id, error, "the desktop of a removed user was not deleted");
                done = false;
            }
        }
    }
    if let Err(error) = shared.table.forget_removed_users().await {
        tracing::error!(%error, "removed users could not be forgotten");
        done = false;
    }
    done
}

/// Ends a desktop's machine, deletes the desktop on its host, and then its record.
async fn delete(shared: &BrokerState, record: &Record) -> Result<(), BrokerError> {
    let id = DesktopId::new(record.id.as_str()).map_err(|error| {
        DesktopError::Internal(format!("The desktop's identifier is not valid: {error}."))
    })?;
    let hold = Hold::first(id);
    // A host that has no record of the desktop may still have its folder and its machine.
    ensure(shared, &hold, record).await?;
    let stop_and_delete = async {
        loop {
            match shared.host.delete(&hold).await {
                Err(DesktopError::Conflict(_)) => {
                    shared.host.force_off(&hold).await?;
                    tokio::time::sleep(LOOK_EVERY).await;
                }
                deleted => return deleted.map(drop),
            }
        }
    };
    match tokio::time::timeout(LONGEST_STOP, stop_and_delete).await {
        Ok(deleted) => deleted?,
        Err(_) => return Err(DesktopError::Conflict("The desktop's machine does not end.".into()).into()),
    }
    shared.table.remove(&record.id).await?;
    Ok(())
}
