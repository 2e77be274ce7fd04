-- Egress rules hold for passt as well. Before, they had no effect there: a pool that had none of its own gets
-- today's default, all public addresses and the host's name servers.

UPDATE pools SET egress = 'internet dns' WHERE network = 'passt' AND egress = 'any';
