-- People, their sessions, and what was done. Times are seconds since 1970 UTC unless said otherwise.

CREATE TABLE persons (
    id            TEXT PRIMARY KEY,
    name          TEXT NOT NULL UNIQUE,
    display_name  TEXT NOT NULL,
    role          TEXT NOT NULL CHECK (role IN ('admin', 'person')),
    password_hash TEXT NOT NULL,
    created_at    INTEGER NOT NULL
) STRICT;

-- token_hash is the SHA-256 of the cookie's value: a stolen database opens no session.
CREATE TABLE sessions (
    token_hash   BLOB PRIMARY KEY,
    person_id    TEXT NOT NULL REFERENCES persons (id) ON DELETE CASCADE,
    address      TEXT NOT NULL,
    created_at   INTEGER NOT NULL,
    last_seen_at INTEGER NOT NULL,
    expires_at   INTEGER NOT NULL
) STRICT;

CREATE INDEX sessions_by_person ON sessions (person_id);

-- Each line's hash covers the line before it, so that a changed or missing line shows.
CREATE TABLE audit (
    seq     INTEGER PRIMARY KEY,
    at_ms   INTEGER NOT NULL,
    actor   TEXT NOT NULL,
    action  TEXT NOT NULL,
    subject TEXT NOT NULL,
    address TEXT NOT NULL,
    detail  TEXT NOT NULL,
    hash    BLOB NOT NULL
) STRICT;
