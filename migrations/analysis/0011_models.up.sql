-- Which metrics of which results a model learns from. A version is never rewritten, as models name it.
CREATE TABLE feature_sets (
  organization_id uuid NOT NULL,
  id uuid NOT NULL,
  name text NOT NULL CHECK (length(name) BETWEEN 1 AND 200),
  spec jsonb NOT NULL DEFAULT '{}' CHECK (jsonb_typeof(spec) = 'object'),
  set_version int NOT NULL CHECK (set_version > 0),
  created_by uuid NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (organization_id, id)
);
CREATE UNIQUE INDEX feature_sets_set_version ON feature_sets (organization_id, name, set_version);
CREATE INDEX feature_sets_list ON feature_sets (organization_id, created_at DESC, id DESC);
SELECT tenant('feature_sets', 'insert');

CREATE TYPE model_stage AS ENUM ('none', 'staging', 'production', 'archived');

CREATE TABLE ml_models (
  organization_id uuid NOT NULL,
  id uuid NOT NULL,
  name text NOT NULL CHECK (length(name) BETWEEN 1 AND 200),
  version text NOT NULL CHECK (length(version) BETWEEN 1 AND 50),
  framework text NOT NULL CHECK (length(framework) BETWEEN 1 AND 100),
  model_type text CHECK (length(model_type) <= 100),
  metrics jsonb NOT NULL DEFAULT '{}' CHECK (jsonb_typeof(metrics) = 'object'),
  uri text NOT NULL CHECK (length(uri) BETWEEN 1 AND 2000),
  content_hash text CHECK (content_hash ~ '^[0-9a-f]{64}$'),
  feature_set_id uuid,
  trained_on_runs int NOT NULL DEFAULT 0 CHECK (trained_on_runs >= 0),
  stage model_stage NOT NULL DEFAULT 'none',
  retired_at timestamptz,
  -- Whether it was trained on what rests on a certificate that was revoked since.
  calibration_suspect boolean NOT NULL DEFAULT false,
  created_by uuid NOT NULL,
  revision int NOT NULL DEFAULT 1,
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (organization_id, id),
  CONSTRAINT ml_models_feature_set_fk FOREIGN KEY (organization_id, feature_set_id) REFERENCES feature_sets ON DELETE RESTRICT,
  CONSTRAINT ml_models_retired CHECK (retired_at IS NULL OR stage = 'archived')
);
CREATE UNIQUE INDEX ml_models_version ON ml_models (organization_id, name, version);
-- What the lab works by is one version.
CREATE UNIQUE INDEX ml_models_name ON ml_models (organization_id, name) WHERE stage = 'production';
CREATE INDEX ml_models_list ON ml_models (organization_id, created_at DESC, id DESC);
CREATE INDEX ml_models_feature_set ON ml_models (organization_id, feature_set_id, created_at DESC, id DESC);
SELECT tenant('ml_models');

-- What a model is, and what it was trained on, stays; it moves from stage to stage until it is retired.
CREATE FUNCTION model_frozen() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF (NEW.id, NEW.name, NEW.version, NEW.framework, NEW.model_type, NEW.metrics, NEW.uri, NEW.content_hash, NEW.feature_set_id,
      NEW.trained_on_runs, NEW.created_by)
     IS DISTINCT FROM (OLD.id, OLD.name, OLD.version, OLD.framework, OLD.model_type, OLD.metrics, OLD.uri, OLD.content_hash,
      OLD.feature_set_id, OLD.trained_on_runs, OLD.created_by)
     OR (OLD.retired_at IS NOT NULL AND (NEW.retired_at, NEW.stage) IS DISTINCT FROM (OLD.retired_at, OLD.stage))
     OR (OLD.calibration_suspect AND NOT NEW.calibration_suspect) THEN
    RAISE EXCEPTION 'a model is never rewritten' USING ERRCODE = 'restrict_violation';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER frozen BEFORE UPDATE ON ml_models FOR EACH ROW EXECUTE FUNCTION model_frozen();

-- The runs that a model was trained on: many at once, and told by the model's own row in the trail.
CREATE TABLE ml_model_runs (
  organization_id uuid NOT NULL,
  id uuid NOT NULL,
  model_id uuid NOT NULL,
  run_id uuid NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (organization_id, id),
  CONSTRAINT ml_model_runs_model_fk FOREIGN KEY (organization_id, model_id) REFERENCES ml_models ON DELETE RESTRICT,
  CONSTRAINT ml_model_runs_run_fk FOREIGN KEY (organization_id, run_id) REFERENCES runs ON DELETE RESTRICT
);
CREATE UNIQUE INDEX ml_model_runs_run_id ON ml_model_runs (organization_id, model_id, run_id);
CREATE INDEX ml_model_runs_list ON ml_model_runs (organization_id, model_id, created_at DESC, id DESC);
CREATE INDEX ml_model_runs_run ON ml_model_runs (organization_id, run_id);
SELECT isolate('ml_model_runs', 'insert');
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON ml_model_runs
  FOR EACH STATEMENT EXECUTE FUNCTION append_only();
