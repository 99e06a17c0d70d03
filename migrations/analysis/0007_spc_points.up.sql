-- What was measured, by month. A million points an upload are written, so that none is audited for itself: what people do about a point,
-- and the marks of a revoked certificate, are on record elsewhere. For the same reason no foreign keys are looked up row by row: whoever
-- writes points holds their series, and has looked for their runs; nobody may delete either.
CREATE TABLE spc_points (
  organization_id uuid NOT NULL,
  series_id uuid NOT NULL,
  ts timestamptz NOT NULL,
  -- Made of the time and of the point's number of arrival: points of a series sort by it as they are judged.
  id uuid NOT NULL,
  value float8 CHECK (value <> 'Infinity' AND value <> '-Infinity' AND value <> 'NaN'),
  -- What is plotted, where that is not the value itself: of a subgroup, at its last point.
  statistic float8,
  subgroup int,
  n int CHECK (n >= 1),
  part text CHECK (length(part) <= 100),
  components float8[],
  run_id uuid,
  triggered_rules text[] NOT NULL DEFAULT '{}',
  excluded boolean NOT NULL DEFAULT false,
  excluded_reason text CHECK (length(excluded_reason) <= 1000),
  calibration_suspect boolean NOT NULL DEFAULT false,
  metadata jsonb NOT NULL DEFAULT '{}' CHECK (jsonb_typeof(metadata) = 'object'),
  PRIMARY KEY (organization_id, series_id, ts, id)
) PARTITION BY RANGE (ts);
-- What a chart shows of a million points, whatever it leaves out.
CREATE INDEX spc_points_marked ON spc_points (organization_id, series_id, ts, id)
  WHERE triggered_rules <> '{}' OR excluded OR calibration_suspect;
-- What was measured in a run, for whoever revokes its certificate.
CREATE INDEX spc_points_run ON spc_points (organization_id, run_id) WHERE run_id IS NOT NULL;
SELECT isolate('spc_points', 'insert, update');
-- Times of which nobody thought.
CREATE TABLE spc_points_other PARTITION OF spc_points DEFAULT;

-- Makes the partitions of the months from a year ago to two years ahead that are not there yet. Migrating calls it, which is what every
-- start and every new version does: the services may make no tables. A month whose points are in the rest already stays there.
CREATE FUNCTION make_partitions() RETURNS void LANGUAGE plpgsql SET search_path FROM CURRENT SET timezone = 'UTC' AS $$
DECLARE
  month timestamptz := date_trunc('month', now()) - interval '12 months';
  name text;
BEGIN
  FOR i IN 0 .. 36 LOOP
    name := 'spc_points_' || to_char(month, 'YYYY_MM');
    IF to_regclass(name) IS NULL THEN
      BEGIN
        EXECUTE format('CREATE TABLE %I PARTITION OF spc_points FOR VALUES FROM (%L) TO (%L)', name, month, month + interval '1 month');
      EXCEPTION WHEN check_violation THEN
        RAISE NOTICE 'the points of % stay where they are', name;
      END;
    END IF;
    month := month + interval '1 month';
  END LOOP;
END $$;
SELECT make_partitions();

-- Where the judging of a series stands. It is locked by whoever adds points to the series or changes its limits, and by nobody else.
CREATE TABLE spc_states (
  organization_id uuid NOT NULL,
  series_id uuid NOT NULL,
  -- How many points there are.
  points bigint NOT NULL DEFAULT 0,
  last_ts timestamptz,
  -- What was judged last, in the form of the engine; made anew from the points when it does not read.
  walk jsonb NOT NULL DEFAULT '{}' CHECK (jsonb_typeof(walk) = 'object'),
  PRIMARY KEY (organization_id, series_id),
  CONSTRAINT spc_states_series_fk FOREIGN KEY (organization_id, series_id) REFERENCES spc_series ON DELETE RESTRICT
);
SELECT isolate('spc_states', 'insert, update');

-- Some hundred points one after another, summed up for whoever draws all of them.
CREATE TABLE spc_spans (
  organization_id uuid NOT NULL,
  series_id uuid NOT NULL,
  from_ts timestamptz NOT NULL,
  from_id uuid NOT NULL,
  to_ts timestamptz NOT NULL,
  points int NOT NULL CHECK (points >= 1),
  present int NOT NULL CHECK (present BETWEEN 0 AND points),
  lowest float8,
  lowest_ts timestamptz,
  highest float8,
  highest_ts timestamptz,
  PRIMARY KEY (organization_id, series_id, from_ts, from_id),
  CONSTRAINT spc_spans_series_fk FOREIGN KEY (organization_id, series_id) REFERENCES spc_series ON DELETE RESTRICT
);
SELECT isolate('spc_spans', 'insert, update, delete');

-- How much of a stream of points is stored, for whoever sends it again.
CREATE TABLE spc_imports (
  organization_id uuid NOT NULL,
  series_id uuid NOT NULL,
  caller_id uuid NOT NULL,
  key text NOT NULL CHECK (length(key) BETWEEN 1 AND 255),
  messages bigint NOT NULL DEFAULT 0,
  points bigint NOT NULL DEFAULT 0,
  alerts bigint NOT NULL DEFAULT 0,
  -- The SHA-256 of what is stored, message by message.
  digest bytea NOT NULL CHECK (length(digest) = 32),
  created_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (organization_id, series_id, caller_id, key),
  CONSTRAINT spc_imports_series_fk FOREIGN KEY (organization_id, series_id) REFERENCES spc_series ON DELETE RESTRICT
);
SELECT isolate('spc_imports', 'insert, update');

-- What people said of a point: that limits are estimated without it, or with it again.
CREATE TABLE spc_exclusions (
  organization_id uuid NOT NULL,
  id uuid NOT NULL,
  series_id uuid NOT NULL,
  point_id uuid NOT NULL,
  ts timestamptz NOT NULL,
  excluded boolean NOT NULL,
  reason text NOT NULL CHECK (length(reason) BETWEEN 1 AND 1000),
  created_by uuid NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (organization_id, id),
  CONSTRAINT spc_exclusions_series_fk FOREIGN KEY (organization_id, series_id) REFERENCES spc_series ON DELETE RESTRICT
);
CREATE INDEX spc_exclusions_series ON spc_exclusions (organization_id, series_id, created_at DESC, id DESC);
SELECT tenant('spc_exclusions', 'insert');
