-- A disabled user keeps everything and cannot log in. A deleted one waits for the deletion of their desktops.

ALTER TABLE users ADD COLUMN disabled_at INTEGER;   -- NULL: not disabled
ALTER TABLE users ADD COLUMN deleted_at INTEGER;    -- NULL: not deleted
