-- The control plane's tables name users as those of authentication do.

ALTER TABLE settings RENAME COLUMN person_id TO user_id;
ALTER TABLE entitlements RENAME COLUMN person_id TO user_id;
ALTER TABLE desktops RENAME COLUMN person_id TO user_id;
DROP INDEX IF EXISTS desktops_by_person;
CREATE INDEX desktops_by_user ON desktops (user_id);
