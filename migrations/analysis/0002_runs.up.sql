CREATE TYPE run_status AS ENUM ('queued', 'running', 'succeeded', 'failed', 'blocked', 'cancelled');

CREATE TABLE runs (
  organization_id uuid NOT NULL,
  id uuid NOT NULL,
  instrument_id uuid NOT NULL,
  method text NOT NULL CHECK (length(method) BETWEEN 1 AND 100),
  params jsonb NOT NULL DEFAULT '{}' CHECK (jsonb_typeof(params) = 'object'),
  -- Another service's records: their ids, and what was learnt of the recipe when it was asked.
  recipe_id uuid,
  recipe_version text CHECK (length(recipe_version) <= 50),
  recipe_params_hash text CHECK (recipe_params_hash ~ '^[0-9a-f]{64}$'),
  sample_id uuid,
  status run_status NOT NULL,
  created_by uuid NOT NULL,
  operator_id uuid,
  -- The certificate in force when the run was queued, then when it was started, pinned by id and by content.
  calibration_id uuid,
  calibration_hash text CHECK (calibration_hash ~ '^[0-9a-f]{64}$'),
  started_at timestamptz,
  finished_at timestamptz,
  error_message text CHECK (length(error_message) <= 2000),
  blocked_reason text CHECK (length(blocked_reason) BETWEEN 1 AND 100),
  revision int NOT NULL DEFAULT 1,
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (organization_id, id),
  CONSTRAINT runs_instrument_fk FOREIGN KEY (organization_id, instrument_id) REFERENCES instruments ON DELETE RESTRICT,
  CONSTRAINT runs_calibration_fk FOREIGN KEY (organization_id, calibration_id) REFERENCES calibrations ON DELETE RESTRICT,
  CONSTRAINT runs_order CHECK (finished_at >= started_at),
  CONSTRAINT runs_blocked_why CHECK ((status = 'blocked') = (blocked_reason IS NOT NULL)),
  CONSTRAINT runs_started CHECK (status NOT IN ('running', 'succeeded', 'failed') OR started_at IS NOT NULL),
  CONSTRAINT runs_finished CHECK ((status IN ('succeeded', 'failed')) <= (finished_at IS NOT NULL)),
  -- No run waits, works or succeeds without the certificate that allowed it.
  CONSTRAINT runs_calibrated CHECK (status NOT IN ('queued', 'running', 'succeeded') OR calibration_id IS NOT NULL),
  CONSTRAINT runs_pinned CHECK ((calibration_id IS NULL) = (calibration_hash IS NULL)),
  CONSTRAINT runs_recipe CHECK ((recipe_id IS NULL) = (recipe_version IS NULL) AND (recipe_id IS NULL) = (recipe_params_hash IS NULL))
);
CREATE INDEX runs_list ON runs (organization_id, created_at DESC, id DESC);
-- Row security keeps comparisons of an enum out of an index's conditions, as they are not leakproof: an index per
-- state serves a list of one. Together they are as large as one index over all.
CREATE INDEX runs_queued ON runs (organization_id, created_at DESC, id DESC) WHERE status = 'queued';
CREATE INDEX runs_running ON runs (organization_id, created_at DESC, id DESC) WHERE status = 'running';
CREATE INDEX runs_succeeded ON runs (organization_id, created_at DESC, id DESC) WHERE status = 'succeeded';
CREATE INDEX runs_failed ON runs (organization_id, created_at DESC, id DESC) WHERE status = 'failed';
CREATE INDEX runs_blocked ON runs (organization_id, created_at DESC, id DESC) WHERE status = 'blocked';
CREATE INDEX runs_cancelled ON runs (organization_id, created_at DESC, id DESC) WHERE status = 'cancelled';
CREATE INDEX runs_instrument ON runs (organization_id, instrument_id, created_at DESC, id DESC);
CREATE INDEX runs_sample ON runs (organization_id, sample_id, created_at DESC, id DESC);
CREATE INDEX runs_recipe_id ON runs (organization_id, recipe_id, created_at DESC, id DESC);
CREATE INDEX runs_calibration ON runs (organization_id, calibration_id);
SELECT tenant('runs');
