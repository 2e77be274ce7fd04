-- What people are given: pools of desktops, and each person's own.

CREATE TABLE settings (
    person_id      TEXT PRIMARY KEY REFERENCES persons (id) ON DELETE CASCADE,
    theme          TEXT NOT NULL,
    layout         TEXT NOT NULL,
    layout_variant TEXT NOT NULL,
    video_only     INTEGER,             -- NULL: as the pool says
    overlay        INTEGER NOT NULL
) STRICT;

CREATE TABLE pools (
    id         TEXT PRIMARY KEY,
    name       TEXT NOT NULL UNIQUE,
    image      TEXT NOT NULL,
    cpus       INTEGER NOT NULL,
    memory_mib INTEGER NOT NULL,
    machine    TEXT NOT NULL CHECK (machine IN ('auto', 'kvm', 'qemu')),
    video_only INTEGER NOT NULL,
    created_at INTEGER NOT NULL
) STRICT;

CREATE TABLE entitlements (
    pool_id   TEXT NOT NULL REFERENCES pools (id) ON DELETE CASCADE,
    person_id TEXT NOT NULL REFERENCES persons (id) ON DELETE CASCADE,
    PRIMARY KEY (pool_id, person_id)
) STRICT;

-- A desktop outlives an entitlement: taking one away hides the disk, it does not lose it.
CREATE TABLE desktops (
    id        TEXT PRIMARY KEY,
    person_id TEXT NOT NULL REFERENCES persons (id),
    pool_id   TEXT NOT NULL REFERENCES pools (id),
    state     TEXT NOT NULL CHECK (state IN ('stopped', 'starting', 'running', 'stopping', 'failed')),
    reason    TEXT,
    since     INTEGER NOT NULL,
    pid       INTEGER,                  -- leads the machine's process group while it is up
    UNIQUE (person_id, pool_id)
) STRICT;
