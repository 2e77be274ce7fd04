-- Room that the database keeps for itself on a full disk: a row is written and deleted, and its pages stay free
-- within the database.

CREATE TABLE database_reserve (
    id INTEGER PRIMARY KEY,
    room BLOB NOT NULL
) STRICT;
