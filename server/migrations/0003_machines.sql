-- What a pool's desktops get of the host: networks, limits, devices, the jail.

ALTER TABLE pools ADD COLUMN network TEXT NOT NULL DEFAULT 'passt';
ALTER TABLE pools ADD COLUMN reach TEXT NOT NULL DEFAULT 'any';      -- for TAP interfaces only
-- NULL: no limit.
ALTER TABLE pools ADD COLUMN disk_mib_s INTEGER;
ALTER TABLE pools ADD COLUMN disk_iops INTEGER;
ALTER TABLE pools ADD COLUMN network_mbit_s INTEGER;
ALTER TABLE pools ADD COLUMN cpu_limit_percent INTEGER;              -- of its processors
ALTER TABLE pools ADD COLUMN memory_overhead_mib INTEGER;            -- NULL: as its machine needs
ALTER TABLE pools ADD COLUMN sound INTEGER NOT NULL DEFAULT 1;
ALTER TABLE pools ADD COLUMN agents INTEGER NOT NULL DEFAULT 1;
ALTER TABLE pools ADD COLUMN screens INTEGER NOT NULL DEFAULT 4;
ALTER TABLE pools ADD COLUMN require_jail INTEGER NOT NULL DEFAULT 0;
