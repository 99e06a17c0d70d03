ALTER TABLE spc_alerts DROP COLUMN reaction_plan;
ALTER TABLE spc_series DROP COLUMN reaction_plan;
