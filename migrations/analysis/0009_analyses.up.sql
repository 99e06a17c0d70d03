CREATE TYPE analysis_kind AS ENUM (
  'mosfet_transfer', 'diode_iv', 'solar_cell_iv', 'four_point_probe', 'van_der_pauw', 'hall', 'cv_doping', 'cv_dit', 'xrd_bragg',
  'xrd_scherrer', 'ellipsometry', 'reflectometry', 'wafer_map'
);

-- What was found in what runs measured. The outputs are a result of the run; here is how they came about.
CREATE TABLE analyses (
  organization_id uuid NOT NULL,
  id uuid NOT NULL,
  kind analysis_kind NOT NULL,
  method text NOT NULL CHECK (length(method) BETWEEN 1 AND 100),
  version text NOT NULL CHECK (length(version) BETWEEN 1 AND 20),
  params jsonb NOT NULL DEFAULT '{}' CHECK (jsonb_typeof(params) = 'object'),
  flags text[] NOT NULL DEFAULT '{}',
  run_id uuid NOT NULL,
  -- The result that holds the outputs, and the one that was analysed, if it was one.
  result_id uuid NOT NULL,
  input_result_id uuid,
  created_by uuid NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (organization_id, id),
  CONSTRAINT analyses_result_id UNIQUE (organization_id, result_id),
  CONSTRAINT analyses_run_fk FOREIGN KEY (organization_id, run_id) REFERENCES runs ON DELETE RESTRICT,
  CONSTRAINT analyses_result_fk FOREIGN KEY (organization_id, result_id) REFERENCES results ON DELETE RESTRICT,
  CONSTRAINT analyses_input_result_fk FOREIGN KEY (organization_id, input_result_id) REFERENCES results ON DELETE RESTRICT
);
CREATE INDEX analyses_list ON analyses (organization_id, created_at DESC, id DESC);
CREATE INDEX analyses_run ON analyses (organization_id, run_id, created_at DESC, id DESC);
CREATE INDEX analyses_input_result ON analyses (organization_id, input_result_id, created_at DESC, id DESC);
SELECT tenant('analyses', 'insert');
