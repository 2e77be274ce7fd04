//! What is found when the log, its head or its key is changed, and what must not be taken for a change.

use super::chain::plain_hash;
use super::*;
use crate::testing::database;
use sqlx::SqlitePool;
use std::path::Path;
use tempfile::TempDir;

async fn record(log: &AuditLog, action: &str) -> i64 {
    log.record(Entry { actor: "ada", action, ..Entry::default() }).await.unwrap()
}

/// A log of four lines: the beginning of the segment, and three actions.
async fn four_lines() -> (AuditLog, SqlitePool, TempDir) {
    let (db, dir) = (database().await, tempfile::tempdir().unwrap());
    let log = AuditLog::open(db.clone(), dir.path()).await.unwrap();
    for action in ["login", "ticket", "logout"] {
        record(&log, action).await;
    }
    (log, db, dir)
}

async fn broken_at(log: &AuditLog) -> Option<(i64, Fault)> {
    log.verify().await.unwrap().err().map(|broken| (broken.seq, broken.fault))
}

#[tokio::test]
async fn an_untouched_log_holds_and_goes_on_after_a_restart() {
    let (log, db, dir) = four_lines().await;
    assert_eq!(log.verify().await.unwrap(), Ok(Verified { lines: 4, newest: 4, unkeyed: 0 }));
    let again = AuditLog::open(db, dir.path()).await.unwrap();
    assert_eq!(record(&again, "login").await, 5);
    assert_eq!(record(&log, "login").await, 6);
    assert_eq!(log.verify().await.unwrap().map(|verified| verified.newest), Ok(6));
}

#[tokio::test]
async fn the_key_is_the_owner_s_alone() {
    use std::os::unix::fs::PermissionsExt;
    let (_log, _db, dir) = four_lines().await;
    let mode = |name: &str| dir.path().join(name).metadata().unwrap().permissions().mode() & 0o777;
    assert_eq!((mode("audit.key"), mode("audit.head")), (0o600, 0o600));
}

#[tokio::test]
async fn every_kind_of_tampering_is_found_at_its_line() {
    for (tampering, at) in [
        ("UPDATE audit SET actor = 'eve' WHERE seq = 3", (3, Fault::DoesNotFit)),
        ("UPDATE audit SET at_ms = at_ms + 1 WHERE seq = 2", (2, Fault::DoesNotFit)),
        ("UPDATE audit SET actor = 'adat', action = 'icket' WHERE seq = 3", (3, Fault::DoesNotFit)),
        ("DELETE FROM audit WHERE seq = 3", (4, Fault::DoesNotFit)),
        ("DELETE FROM audit WHERE seq = 1", (2, Fault::DoesNotFit)),
        ("UPDATE audit SET hash = zeroblob(32) WHERE seq = 4", (4, Fault::DoesNotFit)),
        ("DELETE FROM audit WHERE seq = 4", (4, Fault::CutOff)),
        ("DELETE FROM audit WHERE seq > 2", (3, Fault::CutOff)),
        ("DELETE FROM audit", (1, Fault::CutOff)),
        (
            "INSERT INTO audit_anchor (id, seq, hash, keyed, mac) SELECT 1, seq, hash, 1, hash FROM audit WHERE seq = 2",
            (3, Fault::Anchor),
        ),
    ] {
        let (log, db, _dir) = four_lines().await;
        sqlx::query(tampering).execute(&db).await.unwrap();
        assert_eq!(broken_at(&log).await, Some(at), "{tampering}");
        // What is recorded afterwards covers nothing up.
        record(&log, "login").await;
        assert!(broken_at(&log).await.is_some(), "{tampering}, then a line");
    }
}

/// Rewrites the whole log with the hashes that need no key.
async fn rewrite_without_key(db: &SqlitePool) {
    sqlx::query("DELETE FROM audit WHERE action IN ('audit.key', 'ticket')").execute(db).await.unwrap();
    let lines: Vec<AuditLine> =
        sqlx::query_as("SELECT * FROM audit ORDER BY seq").fetch_all(db).await.unwrap();
    let mut before = Vec::new();
    for (index, line) in lines.iter().enumerate() {
        let seq = index as i64 + 1;
        before = plain_hash(&before, seq, line.at_ms, &line.fields()).to_vec();
        sqlx::query("UPDATE audit SET seq = ?, hash = ? WHERE seq = ?")
            .bind(seq)
            .bind(&before)
            .bind(line.seq)
            .execute(db)
            .await
            .unwrap();
    }
}

#[tokio::test]
async fn whoever_writes_the_database_alone_cannot_rewrite_the_chain() {
    let (log, db, _dir) = four_lines().await;
    rewrite_without_key(&db).await;
    assert!(broken_at(&log).await.is_some());
}

#[tokio::test]
async fn a_lost_head_and_a_lost_key_are_told_for_good() {
    let (log, db, dir) = four_lines().await;
    std::fs::remove_file(dir.path().join("audit.head")).unwrap();
    assert_eq!(broken_at(&log).await, Some((5, Fault::HeadLost)));
    record(&log, "login").await;
    assert_eq!(broken_at(&log).await, Some((5, Fault::HeadLost)));

    std::fs::remove_file(dir.path().join("audit.key")).unwrap();
    let log = AuditLog::open(db, dir.path()).await.unwrap();
    record(&log, "login").await;
    assert_eq!(broken_at(&log).await, Some((1, Fault::KeyLost)));
}

#[tokio::test]
async fn lines_of_an_early_version_stay_verifiable_and_a_segment_begins_after_them() {
    let (db, dir) = (database().await, tempfile::tempdir().unwrap());
    let mut before = Vec::new();
    for seq in 1..=3 {
        let fields = ["ada", "login", "", "", "ok"];
        before = plain_hash(&before, seq, 7, &fields).to_vec();
        sqlx::query("INSERT INTO audit VALUES (?, 7, 'ada', 'login', '', '', 'ok', ?)")
            .bind(seq)
            .bind(&before)
            .execute(&db)
            .await
            .unwrap();
    }
    let log = AuditLog::open(db.clone(), dir.path()).await.unwrap();
    assert_eq!(log.verify().await.unwrap(), Ok(Verified { lines: 3, newest: 3, unkeyed: 3 }));
    assert_eq!(record(&log, "logout").await, 5);
    let lines = log.lines(3, &AuditFilter::default()).await.unwrap();
    assert!(lines[0].action == "audit.key" && lines[0].detail.contains("keyed"));
    assert_eq!(log.verify().await.unwrap(), Ok(Verified { lines: 5, newest: 5, unkeyed: 3 }));
    sqlx::query("UPDATE audit SET actor = 'eve' WHERE seq = 2").execute(&db).await.unwrap();
    assert_eq!(broken_at(&log).await, Some((2, Fault::DoesNotFit)));
}

#[tokio::test]
async fn old_lines_go_and_the_rest_stays_verifiable() {
    let (log, db, _dir) = four_lines().await;
    tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    let now = super::log::now_ms();
    record(&log, "login").await;
    assert_eq!(log.prune(now).await.unwrap(), Ok(Pruned { lines: 4, up_to: 4 }));
    // The kept line, and the one of the removal.
    assert_eq!(log.verify().await.unwrap(), Ok(Verified { lines: 2, newest: 6, unkeyed: 0 }));
    assert_eq!(log.prune(now).await.unwrap(), Ok(Pruned { lines: 0, up_to: 0 }));
    sqlx::query("DELETE FROM audit WHERE seq = 5").execute(&db).await.unwrap();
    assert_eq!(broken_at(&log).await, Some((6, Fault::DoesNotFit)));
    record(&log, "login").await;
    assert!(log.prune(i64::MAX).await.unwrap().is_err(), "evidence is kept");
}

#[tokio::test]
async fn many_writers_make_one_chain() {
    let dir = tempfile::tempdir().unwrap();
    let db = database().await;
    let writers = (0..8).map(|_| {
        let (db, path) = (db.clone(), dir.path().to_owned());
        tokio::spawn(async move { write_some(db, &path).await })
    });
    for writer in writers.collect::<Vec<_>>() {
        writer.await.unwrap();
    }
    let log = AuditLog::open(db, dir.path()).await.unwrap();
    assert_eq!(log.verify().await.unwrap().map(|verified| verified.lines), Ok(81));
}

/// Writes ten lines, as a process of its own would.
async fn write_some(db: SqlitePool, path: &Path) {
    let log = AuditLog::open(db, path).await.unwrap();
    for _ in 0..10 {
        record(&log, "login").await;
    }
}

#[tokio::test]
async fn a_dropped_caller_changes_nothing_and_what_is_unrecorded_does_not_happen() {
    let (log, db, _dir) = four_lines().await;
    let attempt = || Attempt { actor: "ada".into(), action: "desktop.start", ..Attempt::default() };
    let (done, was_done) = tokio::sync::oneshot::channel();
    let (go, gone) = tokio::sync::oneshot::channel::<()>();
    let action = async move {
        let _ = gone.await;
        let _ = done.send(());
        Ok::<_, String>(())
    };
    let call = log.perform(attempt(), Unrecorded::Refuse, action);
    assert!(tokio::time::timeout(std::time::Duration::from_millis(100), call).await.is_err());
    go.send(()).unwrap();
    was_done.await.unwrap();
    while log.lines(5, &AuditFilter::default()).await.unwrap().is_empty() {
        tokio::task::yield_now().await;
    }
    let lines = log.lines(4, &AuditFilter::default()).await.unwrap();
    assert_eq!(lines.iter().map(|line| &*line.detail).collect::<Vec<_>>(), ["begun", "ok (line 5)"]);

    sqlx::query("CREATE TRIGGER full BEFORE INSERT ON audit BEGIN SELECT RAISE(ABORT, 'no room'); END")
        .execute(&db)
        .await
        .unwrap();
    let act = || async { Ok::<_, String>(()) };
    assert!(log.perform(attempt(), Unrecorded::Refuse, act()).await.is_err());
    assert_eq!(log.perform(attempt(), Unrecorded::Proceed, act()).await.unwrap(), Ok(()));
}

#[tokio::test]
async fn what_strangers_cause_is_bounded_and_counted() {
    let (log, _db, _dir) = four_lines().await;
    for _ in 0..1000 {
        log.record_bounded("login", Entry { detail: "failed", ..Entry::default() }).await.unwrap();
    }
    log.flush().await;
    let lines = log.lines(4, &AuditFilter::default()).await.unwrap();
    assert_eq!(lines.len(), 121);
    assert_eq!(lines.last().unwrap().detail, "880 more within a minute");
}
