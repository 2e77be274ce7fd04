-- What a running server has to follow at once, whoever changed it: users, with their sessions and entitlements, and what a
-- pool lets cross. The server reads the newest rows four times a second. Triggers fill the table, so that no writer forgets.

CREATE TABLE changes (
    id      INTEGER PRIMARY KEY AUTOINCREMENT,  -- never reused, so that a reader finds what it missed
    kind    TEXT NOT NULL,                      -- 'user' or 'pool'
    subject TEXT NOT NULL                       -- its identifier
) STRICT;

CREATE TRIGGER changes_are_bounded AFTER INSERT ON changes BEGIN
    DELETE FROM changes WHERE id <= NEW.id - 10000;
END;

CREATE TRIGGER user_changed AFTER UPDATE OF role, disabled_at, deleted_at ON users BEGIN
    INSERT INTO changes (kind, subject) VALUES ('user', NEW.id);
END;
CREATE TRIGGER user_removed AFTER DELETE ON users BEGIN
    INSERT INTO changes (kind, subject) VALUES ('user', OLD.id);
END;
CREATE TRIGGER session_ended AFTER DELETE ON sessions BEGIN
    INSERT INTO changes (kind, subject) VALUES ('user', OLD.user_id);
END;
CREATE TRIGGER entitlement_given AFTER INSERT ON entitlements BEGIN
    INSERT INTO changes (kind, subject) VALUES ('user', NEW.user_id);
END;
CREATE TRIGGER entitlement_withdrawn AFTER DELETE ON entitlements BEGIN
    INSERT INTO changes (kind, subject) VALUES ('user', OLD.user_id);
END;
CREATE TRIGGER pool_policy_changed AFTER UPDATE OF clipboard, files ON pools
    WHEN OLD.clipboard <> NEW.clipboard OR OLD.files <> NEW.files
BEGIN
    INSERT INTO changes (kind, subject) VALUES ('pool', NEW.id);
END;
