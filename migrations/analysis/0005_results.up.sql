-- What runs brought out.
CREATE TABLE results (
  organization_id uuid NOT NULL,
  id uuid NOT NULL,
  run_id uuid NOT NULL,
  result_type text NOT NULL CHECK (length(result_type) BETWEEN 1 AND 100),
  metrics jsonb NOT NULL DEFAULT '{}' CHECK (jsonb_typeof(metrics) = 'object'),
  data jsonb NOT NULL DEFAULT '{}' CHECK (jsonb_typeof(data) = 'object'),
  arrays_uri text CHECK (length(arrays_uri) <= 2000),
  images_uri text CHECK (length(images_uri) <= 2000),
  artifacts_uri text CHECK (length(artifacts_uri) <= 2000),
  report_uri text CHECK (length(report_uri) <= 2000),
  -- The columns of the arrays in their order, which all are of one length.
  array_names text[] NOT NULL DEFAULT '{}',
  array_rows int NOT NULL DEFAULT 0 CHECK (array_rows >= 0),
  -- The result that this one was computed from.
  derived_from uuid,
  -- What the run had pinned.
  calibration_id uuid,
  calibration_hash text CHECK (calibration_hash ~ '^[0-9a-f]{64}$'),
  created_by uuid NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (organization_id, id),
  CONSTRAINT results_run_fk FOREIGN KEY (organization_id, run_id) REFERENCES runs ON DELETE RESTRICT,
  CONSTRAINT results_derived_from_fk FOREIGN KEY (organization_id, derived_from) REFERENCES results ON DELETE RESTRICT,
  CONSTRAINT results_calibration_fk FOREIGN KEY (organization_id, calibration_id) REFERENCES calibrations ON DELETE RESTRICT,
  CONSTRAINT results_pinned CHECK ((calibration_id IS NULL) = (calibration_hash IS NULL))
);
CREATE INDEX results_list ON results (organization_id, created_at DESC, id DESC);
CREATE INDEX results_run ON results (organization_id, run_id, created_at DESC, id DESC);
CREATE INDEX results_type ON results (organization_id, result_type, created_at DESC, id DESC);
CREATE INDEX results_derived_from ON results (organization_id, derived_from);
CREATE INDEX results_calibration ON results (organization_id, calibration_id);
SELECT tenant('results', 'insert');

-- The arrays of results, column by column. They are written with their result and have no trail of their own: it would hold them twice.
CREATE TABLE result_arrays (
  organization_id uuid NOT NULL,
  result_id uuid NOT NULL,
  place int NOT NULL CHECK (place >= 0),
  name text NOT NULL CHECK (length(name) BETWEEN 1 AND 200),
  -- NaN is a value that is missing; none is infinite.
  numbers double precision[] NOT NULL,
  PRIMARY KEY (organization_id, result_id, place),
  CONSTRAINT result_arrays_name UNIQUE (organization_id, result_id, name),
  CONSTRAINT result_arrays_result_fk FOREIGN KEY (organization_id, result_id) REFERENCES results ON DELETE RESTRICT
);
SELECT isolate('result_arrays', 'insert');
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON result_arrays FOR EACH STATEMENT EXECUTE FUNCTION append_only();
