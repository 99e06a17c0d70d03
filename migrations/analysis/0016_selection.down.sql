DROP FUNCTION selected(results, runs, text[], text, text, run_status, uuid, uuid, uuid, timestamptz, timestamptz, boolean);
