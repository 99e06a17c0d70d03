CREATE TYPE sop_status AS ENUM ('draft', 'effective', 'retired');

CREATE TABLE sops (
  organization_id uuid NOT NULL,
  id uuid NOT NULL,
  number text NOT NULL CHECK (length(number) BETWEEN 1 AND 50),
  title text NOT NULL CHECK (length(title) BETWEEN 1 AND 200),
  version text NOT NULL CHECK (length(version) BETWEEN 1 AND 50),
  body_markdown text CHECK (length(body_markdown) BETWEEN 1 AND 200000),
  body_md_uri text CHECK (length(body_md_uri) BETWEEN 1 AND 2000),
  method text CHECK (length(method) <= 100),
  hazard_level text CHECK (length(hazard_level) <= 50),
  checklist jsonb NOT NULL DEFAULT '[]' CHECK (jsonb_typeof(checklist) = 'array'),
  status sop_status NOT NULL DEFAULT 'draft',
  author_id uuid NOT NULL,
  effective_date date,
  review_date date,
  retired_at timestamptz,
  revision int NOT NULL DEFAULT 1,
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (organization_id, id),
  CONSTRAINT sops_body CHECK (num_nonnulls(body_markdown, body_md_uri) = 1),
  CONSTRAINT sops_dated CHECK (status = 'draft' OR effective_date IS NOT NULL),
  CONSTRAINT sops_retired CHECK ((status = 'retired') = (retired_at IS NOT NULL))
);
CREATE UNIQUE INDEX sops_version ON sops (organization_id, number, version);
-- What the lab works by is one version.
CREATE UNIQUE INDEX sops_number ON sops (organization_id, number) WHERE status = 'effective';
CREATE INDEX sops_list ON sops (organization_id, created_at DESC, id DESC);
CREATE INDEX sops_status ON sops (organization_id, status, created_at DESC, id DESC);
SELECT tenant('sops');

-- What people acknowledged is what was published: an effective SOP only ever retires.
CREATE FUNCTION sop_frozen() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF OLD.status <> 'draft' AND (
    TG_OP = 'DELETE'
    OR (NEW.id, NEW.number, NEW.title, NEW.version, NEW.body_markdown, NEW.body_md_uri, NEW.method, NEW.hazard_level, NEW.checklist,
        NEW.author_id, NEW.effective_date, NEW.review_date)
       IS DISTINCT FROM (OLD.id, OLD.number, OLD.title, OLD.version, OLD.body_markdown, OLD.body_md_uri, OLD.method, OLD.hazard_level,
        OLD.checklist, OLD.author_id, OLD.effective_date, OLD.review_date)
    OR NEW.status NOT IN (OLD.status, 'retired')
    OR (OLD.status = 'retired' AND NEW.retired_at IS DISTINCT FROM OLD.retired_at)
  ) THEN
    RAISE EXCEPTION 'a published SOP is frozen' USING ERRCODE = 'restrict_violation';
  END IF;
  RETURN coalesce(NEW, OLD);
END $$;
CREATE TRIGGER frozen BEFORE UPDATE OR DELETE ON sops FOR EACH ROW EXECUTE FUNCTION sop_frozen();

CREATE TABLE sop_acknowledgements (
  organization_id uuid NOT NULL,
  id uuid NOT NULL,
  sop_id uuid NOT NULL,
  user_id uuid NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (organization_id, id),
  CONSTRAINT sop_acknowledgements_sop_fk FOREIGN KEY (organization_id, sop_id) REFERENCES sops ON DELETE RESTRICT
);
CREATE UNIQUE INDEX sop_acknowledgements_user_id ON sop_acknowledgements (organization_id, sop_id, user_id);
CREATE INDEX sop_acknowledgements_list ON sop_acknowledgements (organization_id, sop_id, created_at DESC, id DESC);
SELECT tenant('sop_acknowledgements', 'insert');

-- A recipe may say which SOP whoever runs it works by; approved with the rest.
ALTER TABLE recipes
  ADD sop_id uuid,
  ADD CONSTRAINT recipes_sop_fk FOREIGN KEY (organization_id, sop_id) REFERENCES sops ON DELETE RESTRICT;
CREATE INDEX recipes_sop ON recipes (organization_id, sop_id);

CREATE OR REPLACE FUNCTION recipe_frozen() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF OLD.status IN ('approved', 'retired') AND (
    TG_OP = 'DELETE'
    OR (NEW.name, NEW.version, NEW.method, NEW.description, NEW.params, NEW.params_hash, NEW.owner_id, NEW.edited_by, NEW.id, NEW.sop_id)
       IS DISTINCT FROM (OLD.name, OLD.version, OLD.method, OLD.description, OLD.params, OLD.params_hash, OLD.owner_id, OLD.edited_by,
         OLD.id, OLD.sop_id)
    OR NEW.status NOT IN (OLD.status, 'retired')
  ) THEN
    RAISE EXCEPTION 'an approved recipe is frozen' USING ERRCODE = 'restrict_violation';
  END IF;
  RETURN coalesce(NEW, OLD);
END $$;
