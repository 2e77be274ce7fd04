-- What desktops may reach from a TAP interface are egress rules, in the table as everywhere.

ALTER TABLE pools RENAME COLUMN reach TO egress;
