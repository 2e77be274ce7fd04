-- What a pool's desktops share with the computers that show them.

ALTER TABLE pools ADD COLUMN clipboard TEXT NOT NULL DEFAULT 'both'
    CHECK (clipboard IN ('both', 'to-desktop', 'from-desktop', 'off'));
ALTER TABLE pools ADD COLUMN files TEXT NOT NULL DEFAULT 'both'
    CHECK (files IN ('both', 'to-desktop', 'from-desktop', 'off'));
