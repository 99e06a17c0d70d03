-- How an instrument is set up, beside what it can do.
ALTER TABLE instruments ADD config jsonb NOT NULL DEFAULT '{}' CHECK (jsonb_typeof(config) = 'object');
CREATE INDEX instruments_category ON instruments (organization_id, category, created_at DESC, id DESC);

-- The paper itself: kept by LIMS, or elsewhere.
ALTER TABLE calibrations
  ADD attachment_id uuid,
  ADD file_uri text CHECK (length(file_uri) <= 2000);
CREATE OR REPLACE FUNCTION certificate_frozen() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF (NEW.id, NEW.instrument_id, NEW.certificate_id, NEW.issued_at, NEW.expires_at, NEW.provider, NEW.results, NEW.standards_used, NEW.uncertainty, NEW.content_hash, NEW.attachment_id, NEW.file_uri)
     IS DISTINCT FROM (OLD.id, OLD.instrument_id, OLD.certificate_id, OLD.issued_at, OLD.expires_at, OLD.provider, OLD.results, OLD.standards_used, OLD.uncertainty, OLD.content_hash, OLD.attachment_id, OLD.file_uri)
     OR OLD.revoked_at IS NOT NULL THEN
    RAISE EXCEPTION 'a certificate is never rewritten' USING ERRCODE = 'restrict_violation';
  END IF;
  RETURN NEW;
END $$;

ALTER TABLE runs
  -- What the sample was of when the run was queued.
  ADD material_id uuid,
  ADD wafer_id uuid,
  ADD device_id uuid,
  ADD log_uri text CHECK (length(log_uri) <= 2000),
  -- No certificate was in force when the run was to be completed.
  ADD calibration_lapsed boolean NOT NULL DEFAULT false;
CREATE INDEX runs_wafer ON runs (organization_id, wafer_id, created_at DESC, id DESC);
CREATE INDEX runs_device ON runs (organization_id, device_id, created_at DESC, id DESC);
CREATE INDEX runs_measured ON runs (organization_id, instrument_id, started_at DESC, id DESC) WHERE started_at IS NOT NULL;

-- The instruments that a run measures with besides its own, each with the certificate that it pins.
CREATE TABLE run_instruments (
  organization_id uuid NOT NULL,
  id uuid NOT NULL,
  run_id uuid NOT NULL,
  instrument_id uuid NOT NULL,
  calibration_id uuid,
  calibration_hash text CHECK (calibration_hash ~ '^[0-9a-f]{64}$'),
  revision int NOT NULL DEFAULT 1,
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (organization_id, id),
  CONSTRAINT run_instruments_instrument_id UNIQUE (organization_id, run_id, instrument_id),
  CONSTRAINT run_instruments_run_fk FOREIGN KEY (organization_id, run_id) REFERENCES runs ON DELETE RESTRICT,
  CONSTRAINT run_instruments_instrument_fk FOREIGN KEY (organization_id, instrument_id) REFERENCES instruments ON DELETE RESTRICT,
  CONSTRAINT run_instruments_calibration_fk FOREIGN KEY (organization_id, calibration_id) REFERENCES calibrations ON DELETE RESTRICT,
  CONSTRAINT run_instruments_pinned CHECK ((calibration_id IS NULL) = (calibration_hash IS NULL))
);
CREATE INDEX run_instruments_instrument ON run_instruments (organization_id, instrument_id, run_id);
CREATE INDEX run_instruments_calibration ON run_instruments (organization_id, calibration_id);
SELECT tenant('run_instruments');

-- The states of a run, whoever moves it; what it is about never changes, nor what it was measured under.
CREATE FUNCTION run_moved() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF TG_OP = 'INSERT' THEN
    IF NEW.status NOT IN ('queued', 'blocked') OR NEW.started_at IS NOT NULL THEN
      RAISE EXCEPTION 'a run begins queued or blocked' USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
  END IF;
  IF (NEW.status <> OLD.status AND NOT CASE OLD.status
       WHEN 'queued' THEN NEW.status IN ('running', 'blocked', 'cancelled')
       WHEN 'running' THEN NEW.status IN ('succeeded', 'failed', 'blocked')
       WHEN 'blocked' THEN NEW.status::text = CASE WHEN OLD.started_at IS NULL THEN 'queued' ELSE 'running' END
       ELSE false
     END) THEN
    RAISE EXCEPTION 'a run that is % does not become %', OLD.status, NEW.status USING ERRCODE = 'restrict_violation';
  END IF;
  IF (NEW.id, NEW.instrument_id, NEW.method, NEW.params, NEW.recipe_id, NEW.recipe_version, NEW.recipe_params_hash, NEW.sample_id, NEW.material_id, NEW.wafer_id, NEW.device_id, NEW.created_by)
     IS DISTINCT FROM (OLD.id, OLD.instrument_id, OLD.method, OLD.params, OLD.recipe_id, OLD.recipe_version, OLD.recipe_params_hash, OLD.sample_id, OLD.material_id, OLD.wafer_id, OLD.device_id, OLD.created_by)
     OR OLD.started_at IS NOT NULL
        AND (NEW.started_at, NEW.operator_id, NEW.calibration_id, NEW.calibration_hash)
            IS DISTINCT FROM (OLD.started_at, OLD.operator_id, OLD.calibration_id, OLD.calibration_hash)
     OR OLD.finished_at IS NOT NULL AND NEW.finished_at IS DISTINCT FROM OLD.finished_at
     OR OLD.calibration_lapsed AND NOT NEW.calibration_lapsed THEN
    RAISE EXCEPTION 'what a run was is never rewritten' USING ERRCODE = 'restrict_violation';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER moved BEFORE INSERT OR UPDATE ON runs FOR EACH ROW EXECUTE FUNCTION run_moved();

-- What a revocation calls into question: whatever its instrument measured in this time, or under this certificate. Of runs and results
-- that is told from here and not written to each: one row is one audited fact, however much was measured.
CREATE TABLE recalls (
  organization_id uuid NOT NULL,
  id uuid NOT NULL,
  calibration_id uuid NOT NULL,
  instrument_id uuid NOT NULL,
  -- From the issue of the certificate until that of the next one that stands, or until the revocation.
  since timestamptz NOT NULL,
  until timestamptz NOT NULL,
  -- How much that was on the day.
  runs bigint NOT NULL CHECK (runs >= 0),
  results bigint NOT NULL CHECK (results >= 0),
  created_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (organization_id, id),
  CONSTRAINT recalls_calibration_id UNIQUE (organization_id, calibration_id),
  CONSTRAINT recalls_calibration_fk FOREIGN KEY (organization_id, calibration_id) REFERENCES calibrations ON DELETE RESTRICT,
  CONSTRAINT recalls_instrument_fk FOREIGN KEY (organization_id, instrument_id) REFERENCES instruments ON DELETE RESTRICT,
  CONSTRAINT recalls_span CHECK (until >= since)
);
CREATE INDEX recalls_instrument ON recalls (organization_id, instrument_id, since);
SELECT tenant('recalls', 'insert');

-- Whether what a run measured is in question; `runs.calibration_suspect` in a statement.
CREATE FUNCTION calibration_suspect(run runs) RETURNS boolean LANGUAGE plpgsql STABLE SET search_path FROM CURRENT AS $$
BEGIN
  RETURN run.calibration_lapsed OR run.started_at IS NOT NULL AND (
    EXISTS (
      SELECT FROM recalls k
       WHERE k.organization_id = run.organization_id AND k.instrument_id = run.instrument_id
         AND (k.calibration_id = run.calibration_id OR k.since <= run.started_at AND run.started_at < k.until))
    OR EXISTS (
      SELECT FROM run_instruments f
        JOIN recalls k ON k.organization_id = f.organization_id AND k.instrument_id = f.instrument_id
         AND (k.calibration_id = f.calibration_id OR k.since <= run.started_at AND run.started_at < k.until)
       WHERE f.organization_id = run.organization_id AND f.run_id = run.id));
END $$;

-- What a run has pinned of its further instruments; `runs.further` in a statement.
CREATE FUNCTION further(run runs) RETURNS jsonb LANGUAGE plpgsql STABLE SET search_path FROM CURRENT AS $$
BEGIN
  RETURN coalesce((
    SELECT jsonb_agg(jsonb_build_object('instrument_id', f.instrument_id, 'calibration_id', f.calibration_id,
                                        'calibration_hash', f.calibration_hash, 'certificate_id', c.certificate_id) ORDER BY f.id)
      FROM run_instruments f LEFT JOIN calibrations c ON c.organization_id = f.organization_id AND c.id = f.calibration_id
     WHERE f.organization_id = run.organization_id AND f.run_id = run.id), '[]');
END $$;
