ALTER TABLE spc_points DROP COLUMN lines, DROP COLUMN spread;
