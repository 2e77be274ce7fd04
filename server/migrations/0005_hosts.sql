-- Desktops run on hosts, which keep what they know of a desktop in its folder; these tables mirror it. New states and
-- machines come without a migration, and a user may have several desktops of one pool.
--
-- SQLite changes no constraint of a table that is there, so both tables are made anew. Dropping a table deletes its rows
-- first, and with them what refers to them: so whatever refers to a pool is copied before the pools go. The last renames
-- carry the references along (https://www.sqlite.org/lang_altertable.html).

CREATE TABLE pools_new (
    id                  TEXT PRIMARY KEY,
    name                TEXT NOT NULL UNIQUE,
    image               TEXT NOT NULL,
    cpus                INTEGER NOT NULL,
    memory_mib          INTEGER NOT NULL,
    machine             TEXT NOT NULL,
    video_only          INTEGER NOT NULL,
    created_at          INTEGER NOT NULL,
    network             TEXT NOT NULL DEFAULT 'passt',
    reach               TEXT NOT NULL DEFAULT 'any',      -- for TAP interfaces only
    -- NULL: no limit.
    disk_mib_s          INTEGER,
    disk_iops           INTEGER,
    network_mbit_s      INTEGER,
    cpu_limit_percent   INTEGER,                          -- of its processors
    memory_overhead_mib INTEGER,                          -- NULL: as its machine needs
    sound               INTEGER NOT NULL DEFAULT 1,
    agents              INTEGER NOT NULL DEFAULT 1,
    screens             INTEGER NOT NULL DEFAULT 4,
    require_jail        INTEGER NOT NULL DEFAULT 0,
    clipboard           TEXT NOT NULL DEFAULT 'both',
    files               TEXT NOT NULL DEFAULT 'both'
) STRICT;
INSERT INTO pools_new (id, name, image, cpus, memory_mib, machine, video_only, created_at, network, reach, disk_mib_s,
        disk_iops, network_mbit_s, cpu_limit_percent, memory_overhead_mib, sound, agents, screens, require_jail,
        clipboard, files)
    SELECT id, name, image, cpus, memory_mib, machine, video_only, created_at, network, reach, disk_mib_s,
        disk_iops, network_mbit_s, cpu_limit_percent, memory_overhead_mib, sound, agents, screens, require_jail,
        clipboard, files
    FROM pools;

CREATE TABLE entitlements_new (
    pool_id   TEXT NOT NULL REFERENCES pools_new (id) ON DELETE CASCADE,
    person_id TEXT NOT NULL REFERENCES persons (id) ON DELETE CASCADE,
    PRIMARY KEY (pool_id, person_id)
) STRICT;
INSERT INTO entitlements_new (pool_id, person_id) SELECT pool_id, person_id FROM entitlements;

-- A desktop outlives an entitlement: taking one away hides the disk, it does not lose it.
CREATE TABLE desktops_new (
    id        TEXT PRIMARY KEY,
    person_id TEXT NOT NULL REFERENCES persons (id),
    pool_id   TEXT NOT NULL REFERENCES pools_new (id),
    host_id   TEXT NOT NULL DEFAULT 'local',
    parent    TEXT REFERENCES desktops_new (id),  -- the desktop that this one is a clone of
    -- As the host told last:
    state     TEXT NOT NULL,
    reason    TEXT,
    since     INTEGER NOT NULL,
    pid       INTEGER                             -- leads the machine's process group while it is up
) STRICT;
INSERT INTO desktops_new (id, person_id, pool_id, state, reason, since, pid)
    SELECT id, person_id, pool_id, state, reason, since, pid FROM desktops;

DROP TABLE desktops;
DROP TABLE entitlements;
DROP TABLE pools;
ALTER TABLE pools_new RENAME TO pools;
ALTER TABLE entitlements_new RENAME TO entitlements;
ALTER TABLE desktops_new RENAME TO desktops;
CREATE INDEX desktops_by_person ON desktops (person_id);
