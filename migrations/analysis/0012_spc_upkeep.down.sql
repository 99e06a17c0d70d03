DO $$ BEGIN
  EXECUTE format('REVOKE delete ON spc_imports FROM %I', 'spectra_' || current_schema());
END $$;
DROP INDEX spc_imports_age;

CREATE INDEX spc_points_marked ON spc_points (organization_id, series_id, ts, id)
  WHERE triggered_rules <> '{}' OR excluded OR calibration_suspect;
DROP INDEX spc_points_signalling, spc_points_excluded, spc_points_suspect;

-- What is there already was closed by the rule that is taken back.
ALTER TABLE spc_alerts DROP CONSTRAINT spc_alerts_closed;
ALTER TABLE spc_alerts ADD CONSTRAINT spc_alerts_closed
  CHECK ((closed_at IS NULL) = (closed_by IS NULL) AND (closed_at IS NULL) = (resolution IS NULL)) NOT VALID;
