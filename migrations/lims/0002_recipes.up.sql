CREATE TYPE recipe_status AS ENUM ('draft', 'pending_approval', 'approved', 'retired');
CREATE TYPE approval_state AS ENUM ('pending', 'approved', 'rejected');

CREATE TABLE recipes (
  organization_id uuid NOT NULL,
  id uuid NOT NULL,
  name text NOT NULL CHECK (length(name) BETWEEN 1 AND 200),
  version text NOT NULL CHECK (length(version) BETWEEN 1 AND 50),
  method text CHECK (length(method) <= 100),
  description text CHECK (length(description) <= 10000),
  params jsonb NOT NULL DEFAULT '{}' CHECK (jsonb_typeof(params) = 'object'),
  status recipe_status NOT NULL DEFAULT 'draft',
  owner_id uuid NOT NULL,
  -- Who wrote the text last; the owner when unset. Neither approves it.
  edited_by uuid,
  params_hash text NOT NULL CHECK (params_hash ~ '^[0-9a-f]{64}$'),
  revision int NOT NULL DEFAULT 1,
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (organization_id, id)
);
CREATE UNIQUE INDEX recipes_approved ON recipes (organization_id, name, version) WHERE status = 'approved';
CREATE INDEX recipes_list ON recipes (organization_id, created_at DESC, id DESC);
CREATE INDEX recipes_name ON recipes (organization_id, name, created_at DESC, id DESC);
CREATE INDEX recipes_status ON recipes (organization_id, status, created_at DESC, id DESC);
SELECT tenant('recipes', 'insert, update, delete');

-- What was approved is what will be run: an approved recipe only ever retires.
CREATE FUNCTION recipe_frozen() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF OLD.status IN ('approved', 'retired') AND (
    TG_OP = 'DELETE'
    OR (NEW.name, NEW.version, NEW.method, NEW.description, NEW.params, NEW.params_hash, NEW.owner_id, NEW.edited_by, NEW.id)
       IS DISTINCT FROM (OLD.name, OLD.version, OLD.method, OLD.description, OLD.params, OLD.params_hash, OLD.owner_id, OLD.edited_by, OLD.id)
    OR NEW.status NOT IN (OLD.status, 'retired')
  ) THEN
    RAISE EXCEPTION 'an approved recipe is frozen' USING ERRCODE = 'restrict_violation';
  END IF;
  RETURN coalesce(NEW, OLD);
END $$;
CREATE TRIGGER frozen BEFORE UPDATE OR DELETE ON recipes FOR EACH ROW EXECUTE FUNCTION recipe_frozen();

CREATE TABLE recipe_approvals (
  organization_id uuid NOT NULL,
  id uuid NOT NULL,
  recipe_id uuid NOT NULL,
  approver_id uuid NOT NULL,
  approver_role user_role NOT NULL,
  state approval_state NOT NULL,
  comment text CHECK (length(comment) <= 2000),
  self_approved boolean NOT NULL DEFAULT false,
  params_hash text NOT NULL CHECK (params_hash ~ '^[0-9a-f]{64}$'),
  signed_at timestamptz,
  created_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (organization_id, id),
  CONSTRAINT recipe_approvals_recipe_fk FOREIGN KEY (organization_id, recipe_id) REFERENCES recipes ON DELETE RESTRICT,
  -- A request is anyone's who may write recipes; a decision is a PI's or an admin's.
  CONSTRAINT recipe_approvals_role CHECK (state = 'pending' OR approver_role IN ('admin', 'pi')),
  CONSTRAINT recipe_approvals_signed CHECK ((state = 'pending') = (signed_at IS NULL)),
  -- Nobody but an admin approves what they wrote.
  CONSTRAINT recipe_approvals_self CHECK (NOT self_approved OR (state = 'approved' AND approver_role = 'admin'))
);
CREATE INDEX recipe_approvals_list ON recipe_approvals (organization_id, recipe_id, created_at DESC, id DESC);
SELECT tenant('recipe_approvals', 'insert');
