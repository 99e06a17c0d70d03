-- The sign-in directory. The application sees its caller's organization; the sign-in role, which
-- must find a person before any organization is known, sees all of these few tables.

CREATE FUNCTION directory(name text, grants text) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  EXECUTE format('CREATE POLICY sign_in ON %I FOR ALL TO spectra_identity_system USING (true) WITH CHECK (true)', name);
  EXECUTE format('GRANT %s ON %I TO spectra_identity_system', grants, name);
END $$;

CREATE TABLE organizations (
  id uuid PRIMARY KEY,
  name text NOT NULL CONSTRAINT organizations_name UNIQUE CHECK (length(name) BETWEEN 1 AND 200),
  slug text NOT NULL CONSTRAINT organizations_slug UNIQUE CHECK (slug ~ '^[a-z0-9]+(-[a-z0-9]+)*$' AND length(slug) <= 63),
  settings jsonb NOT NULL DEFAULT '{}' CHECK (jsonb_typeof(settings) = 'object'),
  is_active boolean NOT NULL DEFAULT true,
  revision int NOT NULL DEFAULT 1,
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now()
);
SELECT tenant('organizations', 'update (name, settings)', key => 'id');
SELECT directory('organizations', 'select, insert');
SELECT directory('audit_events', 'insert');

CREATE TABLE users (
  organization_id uuid NOT NULL CONSTRAINT users_organization_fk REFERENCES organizations ON DELETE RESTRICT,
  id uuid NOT NULL,
  email text NOT NULL CHECK (length(email) BETWEEN 3 AND 320),
  name text NOT NULL CHECK (length(name) BETWEEN 1 AND 200),
  role user_role NOT NULL,
  password_hash text CHECK (length(password_hash) <= 500),
  is_active boolean NOT NULL DEFAULT true,
  last_login timestamptz,
  -- Tokens issued up to here are dead: the role changed or the account was shut.
  authorized_after timestamptz NOT NULL DEFAULT '-infinity',
  metadata jsonb NOT NULL DEFAULT '{}' CHECK (jsonb_typeof(metadata) = 'object'),
  revision int NOT NULL DEFAULT 1,
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (organization_id, id)
);
CREATE UNIQUE INDEX users_email ON users (organization_id, lower(email));
CREATE INDEX users_sign_in ON users (lower(email));
CREATE INDEX users_role ON users (organization_id, role);
CREATE INDEX users_list ON users (organization_id, created_at DESC, id DESC);
-- A sign-in is no change of the user: it does not raise the ETag.
SELECT tenant('users', 'update (name, role, is_active, authorized_after)',
  secret => '{password_hash}', watched => '{email, name, role, password_hash, is_active, metadata}');
-- Password hashes are for the sign-in role alone.
REVOKE select ON users FROM spectra_identity;
GRANT select (organization_id, id, email, name, role, is_active, last_login, authorized_after, metadata, revision, created_at, updated_at)
  ON users TO spectra_identity;
SELECT directory('users', 'select, insert, update (last_login, password_hash)');
