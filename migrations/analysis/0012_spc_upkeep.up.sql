-- An alert that points which came late took the pattern from is closed by nobody.
ALTER TABLE spc_alerts DROP CONSTRAINT spc_alerts_closed;
ALTER TABLE spc_alerts ADD CONSTRAINT spc_alerts_closed
  CHECK ((closed_at IS NULL) = (resolution IS NULL) AND (closed_by IS NULL OR closed_at IS NOT NULL));

-- A chart lists each kind of marked points for itself: of many that signal, few are excluded.
CREATE INDEX spc_points_signalling ON spc_points (organization_id, series_id, ts, id) WHERE triggered_rules <> '{}';
CREATE INDEX spc_points_excluded ON spc_points (organization_id, series_id, ts, id) WHERE excluded;
CREATE INDEX spc_points_suspect ON spc_points (organization_id, series_id, ts, id) WHERE calibration_suspect;
DROP INDEX spc_points_marked;

-- Nobody sends a stream again after a month.
CREATE INDEX spc_imports_age ON spc_imports (organization_id, created_at);
DO $$ BEGIN
  EXECUTE format('GRANT delete ON spc_imports TO %I', 'spectra_' || current_schema());
END $$;
