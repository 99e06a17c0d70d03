CREATE TYPE spc_entity_type AS ENUM ('method', 'instrument', 'recipe', 'material', 'sample');
CREATE TYPE spc_chart_type AS ENUM (
  'i_mr', 'xbar_r', 'xbar_s', 'p', 'np', 'c', 'u', 'laney_p', 'laney_u', 'ewma', 'cusum', 't2', 'mewma', 'z_mr'
);
CREATE TYPE spc_ruleset AS ENUM (
  'western_electric', 'western_electric_supplementary', 'nelson', 'aiag', 'juran', 'hughes', 'westgard', 'custom'
);

-- What is charted. Its limits and rules are those of the stage in force, which is the last of `spc_stages`.
CREATE TABLE spc_series (
  organization_id uuid NOT NULL,
  id uuid NOT NULL,
  name text NOT NULL CHECK (length(name) BETWEEN 1 AND 200),
  -- Posted again and again by whoever sets up a lab: not unique.
  path text NOT NULL CHECK (length(path) BETWEEN 1 AND 500),
  entity_type spc_entity_type NOT NULL,
  -- Of several tables, some of them another service's: no foreign key can hold it.
  entity_id uuid,
  method text CHECK (length(method) BETWEEN 1 AND 100),
  instrument_id uuid,
  metric text NOT NULL CHECK (length(metric) BETWEEN 1 AND 100),
  chart_type spc_chart_type NOT NULL DEFAULT 'i_mr',
  subgroup_size int NOT NULL DEFAULT 1 CHECK (subgroup_size BETWEEN 1 AND 25),
  spec_lcl float8,
  spec_ucl float8,
  target float8,
  ctrl_lcl float8,
  ctrl_ucl float8,
  centre float8,
  sigma float8 CHECK (sigma >= 0),
  limits_frozen_at timestamptz,
  ruleset spc_ruleset NOT NULL DEFAULT 'western_electric',
  ruleset_version int NOT NULL CHECK (ruleset_version >= 1),
  ruleset_options jsonb NOT NULL DEFAULT '{}' CHECK (jsonb_typeof(ruleset_options) = 'object'),
  chart_options jsonb NOT NULL DEFAULT '{}' CHECK (jsonb_typeof(chart_options) = 'object'),
  -- The number of the stage in force.
  stage int NOT NULL DEFAULT 1 CHECK (stage >= 1),
  hold boolean NOT NULL DEFAULT false,
  is_active boolean NOT NULL DEFAULT true,
  revision int NOT NULL DEFAULT 1,
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (organization_id, id),
  CONSTRAINT spc_series_instrument_fk FOREIGN KEY (organization_id, instrument_id) REFERENCES instruments ON DELETE RESTRICT,
  CONSTRAINT spc_series_spec CHECK (spec_lcl < spec_ucl),
  CONSTRAINT spc_series_ctrl CHECK (ctrl_lcl < ctrl_ucl)
);
CREATE INDEX spc_series_list ON spc_series (organization_id, created_at DESC, id DESC);
CREATE INDEX spc_series_path ON spc_series (organization_id, path, created_at DESC, id DESC);
CREATE INDEX spc_series_instrument ON spc_series (organization_id, instrument_id, created_at DESC, id DESC);
-- What a result feeds, and what may hold a run.
CREATE INDEX spc_series_metric ON spc_series (organization_id, metric) WHERE is_active;
CREATE INDEX spc_series_hold ON spc_series (organization_id, id) WHERE hold;
SELECT tenant('spc_series');

-- By which limits and rules the points of a series are judged from a time on. A series has at least one, and what was frozen stays.
CREATE TABLE spc_stages (
  organization_id uuid NOT NULL,
  id uuid NOT NULL,
  series_id uuid NOT NULL,
  stage int NOT NULL CHECK (stage >= 1),
  -- The first stage begins with time itself, which is 1970.
  starts_at timestamptz NOT NULL,
  ctrl_lcl float8,
  ctrl_ucl float8,
  centre float8,
  sigma float8 CHECK (sigma >= 0),
  ruleset spc_ruleset NOT NULL,
  ruleset_version int NOT NULL CHECK (ruleset_version >= 1),
  ruleset_options jsonb NOT NULL DEFAULT '{}' CHECK (jsonb_typeof(ruleset_options) = 'object'),
  chart_options jsonb NOT NULL DEFAULT '{}' CHECK (jsonb_typeof(chart_options) = 'object'),
  -- What the engine makes of all that, so that a chart is drawn the same as long as it is kept; empty as long as there are no limits.
  plan jsonb NOT NULL DEFAULT '{}' CHECK (jsonb_typeof(plan) = 'object'),
  -- What the limits were estimated from, if they were.
  estimator text CHECK (length(estimator) <= 20),
  estimated_from timestamptz,
  estimated_to timestamptz,
  estimated_points int CHECK (estimated_points >= 0),
  reason text CHECK (length(reason) BETWEEN 1 AND 1000),
  created_by uuid NOT NULL,
  revision int NOT NULL DEFAULT 1,
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (organization_id, id),
  CONSTRAINT spc_stages_series_fk FOREIGN KEY (organization_id, series_id) REFERENCES spc_series ON DELETE RESTRICT,
  CONSTRAINT spc_stages_stage UNIQUE (organization_id, series_id, stage),
  CONSTRAINT spc_stages_starts_at UNIQUE (organization_id, series_id, starts_at)
);
SELECT tenant('spc_stages');
