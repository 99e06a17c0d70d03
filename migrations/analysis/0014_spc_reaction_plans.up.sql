-- What whoever gets an alert of the series is to do. An alert keeps what was to be done when it was opened.
ALTER TABLE spc_series ADD COLUMN reaction_plan text CHECK (length(reaction_plan) BETWEEN 1 AND 4000);
ALTER TABLE spc_alerts ADD COLUMN reaction_plan text CHECK (length(reaction_plan) BETWEEN 1 AND 4000);
