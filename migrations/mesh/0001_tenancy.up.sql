-- What every service's schema has: the tenant helper, the audit trail, the remembered replies.
-- Runs with the schema alone on the search path, as the schema's owner.

CREATE TYPE user_role AS ENUM ('viewer', 'technician', 'engineer', 'pi', 'admin');

-- Raises the revision, which is the ETag, and the time of change; an update that changes nothing is none.
CREATE FUNCTION touch() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  NEW.created_at := OLD.created_at;
  IF NEW IS DISTINCT FROM OLD THEN
    NEW.revision := OLD.revision + 1;
    NEW.updated_at := now();
  END IF;
  RETURN NEW;
END $$;

-- Who did what to which record, in the transaction that did it. Append-only for everyone.
CREATE TABLE audit_events (
  organization_id uuid NOT NULL,
  seq bigint GENERATED ALWAYS AS IDENTITY,
  at timestamptz NOT NULL DEFAULT now(),
  actor_id uuid,
  session_id uuid,
  request_id uuid,
  method text CHECK (length(method) <= 200),
  action text NOT NULL CHECK (action IN ('insert', 'update', 'delete')),
  kind text NOT NULL CHECK (length(kind) <= 100),
  record_id uuid NOT NULL,
  before jsonb CHECK (jsonb_typeof(before) = 'object'),
  after jsonb CHECK (jsonb_typeof(after) = 'object'),
  reason text CHECK (length(reason) <= 1000),
  PRIMARY KEY (organization_id, seq)
);
CREATE INDEX audit_events_record ON audit_events (organization_id, record_id, seq);

CREATE FUNCTION append_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION 'rows of % are never changed', TG_TABLE_NAME USING ERRCODE = 'restrict_violation';
END $$;

CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON audit_events
  FOR EACH STATEMENT EXECUTE FUNCTION append_only();

-- Writes the audit row of one change. The trigger's argument names columns that hold secrets.
-- An update keeps the changed columns alone, so that a reader sees the change and not the record.
CREATE FUNCTION audit() RETURNS trigger LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
DECLARE
  secret text[] := coalesce(TG_ARGV[0], '{}')::text[];
  old_row jsonb := CASE WHEN TG_OP = 'INSERT' THEN NULL ELSE to_jsonb(OLD) - secret END;
  new_row jsonb := CASE WHEN TG_OP = 'DELETE' THEN NULL ELSE to_jsonb(NEW) - secret END;
  record jsonb := coalesce(new_row, old_row);
BEGIN
  IF TG_OP = 'UPDATE' THEN
    IF NEW IS NOT DISTINCT FROM OLD THEN
      RETURN NULL;
    END IF;
    SELECT jsonb_object_agg(key, old_row -> key), jsonb_object_agg(key, new_row -> key)
      INTO old_row, new_row
      FROM jsonb_object_keys(record) AS key
     WHERE old_row -> key IS DISTINCT FROM new_row -> key;
  END IF;
  INSERT INTO audit_events (organization_id, actor_id, session_id, request_id, method, action, kind, record_id, before, after, reason)
  VALUES (
    coalesce(record ->> 'organization_id', record ->> 'id')::uuid,
    nullif(current_setting('app.actor', true), '')::uuid,
    nullif(current_setting('app.session', true), '')::uuid,
    nullif(current_setting('app.request', true), '')::uuid,
    nullif(current_setting('app.method', true), ''),
    lower(TG_OP), TG_TABLE_NAME, (record ->> 'id')::uuid, old_row, new_row,
    nullif(current_setting('app.reason', true), '')
  );
  RETURN NULL;
END $$;

-- Shuts a table into its organization: row security that the owner cannot pass either, and the
-- service's grants. `writes` is what the application may do besides reading; without it, it may not read either.
CREATE FUNCTION isolate(name text, writes text DEFAULT NULL, key text DEFAULT 'organization_id')
RETURNS void LANGUAGE plpgsql AS $$
DECLARE
  mine text := format('%I = nullif(current_setting(''app.org'', true), '''')::uuid', key);
  application text := 'spectra_' || current_schema();
BEGIN
  IF key = 'organization_id' THEN
    EXECUTE format('ALTER TABLE %I ALTER organization_id SET DEFAULT nullif(current_setting(''app.org'', true), '''')::uuid', name);
  END IF;
  EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', name);
  EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', name);
  EXECUTE format('CREATE POLICY organization ON %I FOR ALL USING (%s) WITH CHECK (%s)', name, mine, mine);
  IF writes IS NOT NULL THEN
    EXECUTE format('GRANT select, %s ON %I TO %I', writes, name, application);
  END IF;
END $$;

-- Makes a table a tenant's: isolation, touch and audit. Every table of a resource is passed through it.
-- `watched` are the columns whose change is one of the record; without it, they all are.
CREATE FUNCTION tenant(
  name text, writes text DEFAULT 'insert, update', secret text[] DEFAULT '{}', key text DEFAULT 'organization_id', watched text[] DEFAULT NULL
) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
  change text := 'UPDATE' || coalesce(' OF ' || (SELECT string_agg(quote_ident(field), ', ') FROM unnest(watched) AS field), '');
BEGIN
  PERFORM isolate(name, writes, key);
  IF writes ~ 'update' THEN
    EXECUTE format('CREATE TRIGGER touch BEFORE %s ON %I FOR EACH ROW EXECUTE FUNCTION touch()', change, name);
  ELSE
    EXECUTE format('CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON %I FOR EACH STATEMENT EXECUTE FUNCTION append_only()', name);
  END IF;
  EXECUTE format('CREATE TRIGGER audit AFTER INSERT OR DELETE OR %s ON %I FOR EACH ROW EXECUTE FUNCTION audit(%L)', change, name, secret);
END $$;

SELECT isolate('audit_events', 'insert');

-- The first answer to each idempotency key, replayed to the same message for a day.
CREATE TABLE idempotency_keys (
  organization_id uuid NOT NULL,
  caller_id uuid NOT NULL,
  method text NOT NULL CHECK (length(method) <= 200),
  key text NOT NULL CHECK (length(key) BETWEEN 1 AND 255),
  digest bytea NOT NULL CHECK (length(digest) = 32),
  code int,
  message text CHECK (length(message) <= 10000),
  reply bytea,
  created_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (organization_id, caller_id, method, key)
);
CREATE INDEX idempotency_keys_age ON idempotency_keys (organization_id, created_at);
SELECT isolate('idempotency_keys', 'insert, update, delete');
