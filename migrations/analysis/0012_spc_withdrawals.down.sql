DO $$ BEGIN
  EXECUTE format('REVOKE delete ON spc_imports FROM %I', 'spectra_' || current_schema());
END $$;
DROP INDEX spc_imports_age;

-- What is there already was closed by the rule that is taken back.
ALTER TABLE spc_alerts DROP CONSTRAINT spc_alerts_closed;
ALTER TABLE spc_alerts ADD CONSTRAINT spc_alerts_closed
  CHECK ((closed_at IS NULL) = (closed_by IS NULL) AND (closed_at IS NULL) = (resolution IS NULL)) NOT VALID;
