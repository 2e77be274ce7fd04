-- Whoever has a login is a user. Renames carry references and indices along
-- (https://www.sqlite.org/lang_altertable.html); the role's list of values goes with its old column.

ALTER TABLE persons RENAME TO users;
ALTER TABLE users RENAME COLUMN role TO old_role;
ALTER TABLE users ADD COLUMN role TEXT NOT NULL DEFAULT 'user';     -- 'user' or 'admin'
UPDATE users SET role = 'admin' WHERE old_role = 'admin';
ALTER TABLE users DROP COLUMN old_role;

ALTER TABLE sessions RENAME COLUMN person_id TO user_id;
DROP INDEX sessions_by_person;
CREATE INDEX sessions_by_user ON sessions (user_id);
