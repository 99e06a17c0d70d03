-- Whether a feature set selects a result of a run: what is null selects everything. Rows and lineage are told by this one text, which the planner
-- puts in its place.
CREATE FUNCTION selected(result results, run runs, metrics text[], result_type text, method text, status run_status, instrument uuid,
                         recipe uuid, sample uuid, since timestamptz, until timestamptz, include_suspect boolean) RETURNS boolean
LANGUAGE sql STABLE AS $$
  SELECT (metrics IS NULL OR result.metrics ?| metrics)
     AND (result_type IS NULL OR result.result_type = selected.result_type)
     AND (method IS NULL OR run.method = selected.method)
     AND (status IS NULL OR run.status = selected.status)
     AND (instrument IS NULL OR run.instrument_id = instrument)
     AND (recipe IS NULL OR run.recipe_id = recipe)
     AND (sample IS NULL OR run.sample_id = sample)
     AND (since IS NULL OR result.created_at >= since)
     AND (until IS NULL OR result.created_at < until)
     AND (include_suspect OR NOT calibration_suspect(run))
$$;
