-- Number and code of the newest line that retention removed from the audit log: the rest is verified from it. The mac is
-- made with the key of the log, which is not in the database.

CREATE TABLE audit_anchor (
    id    INTEGER PRIMARY KEY CHECK (id = 1),
    seq   INTEGER NOT NULL,
    hash  BLOB NOT NULL,
    keyed INTEGER NOT NULL,
    mac   BLOB NOT NULL
) STRICT;
