-- How much of what is measured is the instrument's own doing. Nothing of it ever changes.
CREATE TYPE gauge_method AS ENUM ('xbar_r', 'anova_crossed', 'anova_nested');

CREATE TABLE gauge_studies (
  organization_id uuid NOT NULL,
  id uuid NOT NULL,
  instrument_id uuid NOT NULL,
  metric text CHECK (length(metric) <= 100),
  method gauge_method NOT NULL,
  measurements jsonb NOT NULL DEFAULT '[]' CHECK (jsonb_typeof(measurements) = 'array'),
  tolerance double precision CHECK (tolerance > 0),
  alpha_to_pool double precision NOT NULL CHECK (alpha_to_pool BETWEEN 0 AND 1),
  study_width double precision NOT NULL CHECK (study_width > 0 AND study_width <= 100),
  variance jsonb NOT NULL DEFAULT '{}' CHECK (jsonb_typeof(variance) = 'object'),
  grr_percent double precision NOT NULL CHECK (grr_percent BETWEEN 0 AND 100.1),
  tolerance_percent double precision CHECK (tolerance_percent >= 0),
  ndc int CHECK (ndc >= 0),
  created_by uuid NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (organization_id, id),
  CONSTRAINT gauge_studies_instrument_fk FOREIGN KEY (organization_id, instrument_id) REFERENCES instruments ON DELETE RESTRICT,
  CONSTRAINT gauge_studies_tolerated CHECK ((tolerance IS NULL) = (tolerance_percent IS NULL))
);
CREATE INDEX gauge_studies_list ON gauge_studies (organization_id, created_at DESC, id DESC);
CREATE INDEX gauge_studies_instrument ON gauge_studies (organization_id, instrument_id, created_at DESC, id DESC);
CREATE INDEX gauge_studies_metric ON gauge_studies (organization_id, metric, created_at DESC, id DESC);
SELECT tenant('gauge_studies', 'insert');

-- %GRR of the gauge that a series is measured with, by the newest study of its instrument with its metric, else by the newest that names
-- none; `s.gauge_grr` in a statement.
CREATE FUNCTION gauge_grr(series spc_series) RETURNS float8 LANGUAGE sql STABLE SET search_path FROM CURRENT AS $$
  SELECT grr_percent FROM gauge_studies
   WHERE organization_id = series.organization_id
     AND instrument_id = coalesce(series.instrument_id, CASE series.entity_type WHEN 'instrument' THEN series.entity_id END)
     AND (metric = series.metric OR metric IS NULL)
   ORDER BY metric NULLS LAST, created_at DESC, id DESC LIMIT 1
$$;
