//! How sessions open, expire and end.

use super::*;
use crate::testing::database;
use crate::user::{Role, Users};

const LIMITS: SessionLimits =
    SessionLimits { idle: Duration::from_secs(600), absolute: Duration::from_secs(3600) };

async fn fixture() -> (Sessions, String, SqlitePool) {
    let db = database().await;
    let ada = Users::new(db.clone()).add("ada", Role::User, "hash", 0).await.unwrap();
    (Sessions::new(db.clone(), LIMITS), ada.id, db)
}

#[tokio::test]
async fn a_session_opens_for_its_token_only() {
    let (sessions, ada, _) = fixture().await;
    let token = sessions.open(&ada, "192.0.2.1", 1000).await.unwrap();
    assert_eq!(sessions.find(&token, 1001).await.unwrap().unwrap().user.name, "ada");
    assert!(sessions.find(&Token::random().unwrap(), 1001).await.unwrap().is_none());
}

#[tokio::test]
async fn the_database_does_not_hold_the_token() {
    let (sessions, ada, db) = fixture().await;
    let token = sessions.open(&ada, "", 1000).await.unwrap();
    let stored: Vec<u8> = sqlx::query_scalar("SELECT token_hash FROM sessions").fetch_one(&db).await.unwrap();
    assert_ne!(stored, token.bytes());
}

#[tokio::test]
async fn idle_sessions_expire_though_they_are_asked_for_and_used_ones_go_on_to_their_end() {
    let (sessions, ada, _) = fixture().await;
    let idle = sessions.open(&ada, "", 1000).await.unwrap();
    assert!(sessions.find(&idle, 1599).await.unwrap().is_some());
    assert!(sessions.find(&idle, 1599 + 600).await.unwrap().is_none());

    let used = sessions.open(&ada, "", 1000).await.unwrap();
    for now in (1000..4600).step_by(500) {
        assert!(sessions.find(&used, now).await.unwrap().is_some(), "{now}");
        sessions.acted(SessionId::of(&used), now);
    }
    assert_eq!(sessions.state(SessionId::of(&used), 4600).await.unwrap(), SessionState::Expired);
    assert_eq!(sessions.state(SessionId::of(&used), 4599 + 600).await.unwrap(), SessionState::Expired);
}

#[tokio::test]
async fn activity_is_written_at_intervals_and_counts_at_once() {
    let (sessions, ada, db) = fixture().await;
    let token = sessions.open(&ada, "", 1000).await.unwrap();
    let id = SessionId::of(&token);
    for now in 1500..1540 {
        sessions.acted(id, now);
    }
    let left = match sessions.state(id, 1550).await.unwrap() {
        SessionState::Open { idle_left, .. } => idle_left,
        other => panic!("{other:?}"),
    };
    assert_eq!(left, Duration::from_secs(589));
    let seen = || sqlx::query_scalar::<_, i64>("SELECT last_seen_at FROM sessions").fetch_one(&db);
    while seen().await.unwrap() < 1520 {
        tokio::task::yield_now().await;
    }
    assert_eq!(seen().await.unwrap(), 1520);
}

#[tokio::test]
async fn ending_one_leaves_the_others_and_is_heard() {
    let (sessions, ada, _) = fixture().await;
    let mut heard = sessions.endings();
    let one = sessions.open(&ada, "", 1000).await.unwrap();
    let two = sessions.open(&ada, "", 1000).await.unwrap();
    sessions.end(SessionId::of(&one)).await.unwrap();
    assert_eq!(heard.recv().await.unwrap(), SessionId::of(&one));
    assert!(sessions.find(&one, 1001).await.unwrap().is_none());
    assert!(sessions.find(&two, 1001).await.unwrap().is_some());
}

#[tokio::test]
async fn ending_the_others_keeps_this_one() {
    let (sessions, ada, _) = fixture().await;
    let keep = sessions.open(&ada, "", 1000).await.unwrap();
    let other = sessions.open(&ada, "", 1000).await.unwrap();
    let mut heard = sessions.endings();
    sessions.end_all(&ada, Some(SessionId::of(&keep))).await.unwrap();
    assert_eq!(heard.recv().await.unwrap(), SessionId::of(&other));
    assert!(sessions.holds(SessionId::of(&keep), 1001).await.unwrap());
    assert!(!sessions.holds(SessionId::of(&other), 1001).await.unwrap());
}

#[tokio::test]
async fn one_user_cannot_fill_the_table() {
    let (sessions, ada, _) = fixture().await;
    let first = sessions.open(&ada, "", 1000).await.unwrap();
    for turn in 0..PER_PERSON {
        sessions.open(&ada, "", 1001 + turn).await.unwrap();
    }
    assert_eq!(sessions.count(1100).await.unwrap(), PER_PERSON);
    assert!(sessions.find(&first, 1100).await.unwrap().is_none());
}

#[tokio::test]
async fn removing_a_user_ends_their_sessions() {
    let (sessions, ada, db) = fixture().await;
    let token = sessions.open(&ada, "", 1000).await.unwrap();
    Users::new(db).remove(&ada).await.unwrap();
    assert!(sessions.find(&token, 1001).await.unwrap().is_none());
}
