CREATE TYPE alert_severity AS ENUM ('info', 'warning', 'critical');

-- One for each rule and episode of a series.
CREATE TABLE spc_alerts (
  organization_id uuid NOT NULL,
  id uuid NOT NULL,
  series_id uuid NOT NULL,
  -- The point that signalled first, whose time is `window_to`.
  point_id uuid NOT NULL,
  rule text NOT NULL CHECK (length(rule) BETWEEN 1 AND 50),
  window_from timestamptz NOT NULL,
  window_to timestamptz NOT NULL,
  severity alert_severity NOT NULL,
  summary text NOT NULL CHECK (length(summary) BETWEEN 1 AND 500),
  details jsonb NOT NULL DEFAULT '{}' CHECK (jsonb_typeof(details) = 'object'),
  opened_at timestamptz NOT NULL DEFAULT now(),
  acknowledged_at timestamptz,
  acknowledged_by uuid,
  acknowledged_comment text CHECK (length(acknowledged_comment) <= 2000),
  closed_at timestamptz,
  closed_by uuid,
  resolution text CHECK (length(resolution) BETWEEN 1 AND 2000),
  -- Of one that was signed for: what was signed, and by which key.
  manifest text CHECK (length(manifest) <= 20000),
  signature bytea,
  signature_key text CHECK (signature_key ~ '^[0-9a-f]{64}$'),
  revision int NOT NULL DEFAULT 1,
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (organization_id, id),
  CONSTRAINT spc_alerts_series_fk FOREIGN KEY (organization_id, series_id) REFERENCES spc_series ON DELETE RESTRICT,
  CONSTRAINT spc_alerts_window CHECK (window_from <= window_to),
  CONSTRAINT spc_alerts_acknowledged CHECK ((acknowledged_at IS NULL) = (acknowledged_by IS NULL)),
  CONSTRAINT spc_alerts_closed CHECK ((closed_at IS NULL) = (closed_by IS NULL) AND (closed_at IS NULL) = (resolution IS NULL)),
  CONSTRAINT spc_alerts_signed CHECK ((manifest IS NULL) = (signature IS NULL) AND (manifest IS NULL) = (signature_key IS NULL))
);
CREATE INDEX spc_alerts_list ON spc_alerts (organization_id, created_at DESC, id DESC);
CREATE INDEX spc_alerts_series ON spc_alerts (organization_id, series_id, created_at DESC, id DESC);
CREATE INDEX spc_alerts_open ON spc_alerts (organization_id, created_at DESC, id DESC) WHERE closed_at IS NULL;
-- What holds runs.
CREATE INDEX spc_alerts_holding ON spc_alerts (organization_id, series_id) WHERE closed_at IS NULL AND severity = 'critical';
-- Whether an episode has its alert already.
CREATE INDEX spc_alerts_episode ON spc_alerts (organization_id, series_id, window_to, rule);
SELECT tenant('spc_alerts');

-- Whether a series watches what such a run is about: what feeds a series is what it may hold.
CREATE FUNCTION watches(series spc_series, instruments uuid[], method text, recipe uuid, sample uuid, material uuid) RETURNS boolean
LANGUAGE sql IMMUTABLE AS $$
  SELECT (series.instrument_id IS NULL OR series.instrument_id = ANY(instruments))
     AND (series.method IS NULL OR series.method = watches.method)
     AND CASE series.entity_type
           WHEN 'method' THEN true
           WHEN 'instrument' THEN series.entity_id IS NULL OR series.entity_id = ANY(instruments)
           WHEN 'recipe' THEN recipe IS NOT NULL AND (series.entity_id IS NULL OR series.entity_id = recipe)
           WHEN 'sample' THEN sample IS NOT NULL AND (series.entity_id IS NULL OR series.entity_id = sample)
           WHEN 'material' THEN material IS NOT NULL AND (series.entity_id IS NULL OR series.entity_id = material)
         END
$$;
