CREATE TYPE signature_meaning AS ENUM ('author', 'witness', 'review', 'approve');

-- A row is one version of an entry; the versions of an entry have its number in common.
CREATE TABLE eln_entries (
  organization_id uuid NOT NULL,
  id uuid NOT NULL,
  entry_no int NOT NULL CHECK (entry_no > 0),
  entry_version int NOT NULL DEFAULT 1 CHECK (entry_version > 0),
  supersedes uuid,
  author_id uuid NOT NULL,
  -- Whoever wrote in the entry or attached a file to it, in this version or one before. None of them witnesses it.
  writers uuid[] NOT NULL CHECK (cardinality(writers) >= 1),
  title text NOT NULL CHECK (length(title) BETWEEN 1 AND 300),
  body_markdown text NOT NULL CHECK (length(body_markdown) BETWEEN 1 AND 200000),
  tags text[] NOT NULL DEFAULT '{}' CHECK (cardinality(tags) <= 50 AND length(array_to_string(tags, '')) <= 2500),
  linked_samples uuid[] NOT NULL DEFAULT '{}' CHECK (cardinality(linked_samples) <= 100),
  linked_runs uuid[] NOT NULL DEFAULT '{}' CHECK (cardinality(linked_runs) <= 100),
  linked_recipes uuid[] NOT NULL DEFAULT '{}' CHECK (cardinality(linked_recipes) <= 100),
  content_hash text NOT NULL CHECK (content_hash ~ '^[0-9a-f]{64}$'),
  signed boolean NOT NULL DEFAULT false,
  signed_at timestamptz,
  revision int NOT NULL DEFAULT 1,
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (organization_id, id),
  CONSTRAINT eln_entries_supersedes_fk FOREIGN KEY (organization_id, supersedes) REFERENCES eln_entries ON DELETE RESTRICT,
  CONSTRAINT eln_entries_signed CHECK (signed = (signed_at IS NOT NULL)),
  CONSTRAINT eln_entries_first CHECK ((entry_version = 1) = (supersedes IS NULL))
);
CREATE UNIQUE INDEX eln_entries_entry_version ON eln_entries (organization_id, entry_no, entry_version);
-- Each version is followed by one.
CREATE UNIQUE INDEX eln_entries_supersedes ON eln_entries (organization_id, supersedes);
-- What signatures refer to: a version as it was when it was signed.
CREATE UNIQUE INDEX eln_entries_content_hash ON eln_entries (organization_id, content_hash, id);
CREATE INDEX eln_entries_list ON eln_entries (organization_id, created_at DESC, id DESC);
SELECT tenant('eln_entries');

CREATE TABLE signatures (
  organization_id uuid NOT NULL,
  id uuid NOT NULL,
  entry_type text NOT NULL CHECK (entry_type = 'eln_entry'),
  entry_id uuid NOT NULL,
  signer_id uuid NOT NULL,
  signer_name text NOT NULL CHECK (length(signer_name) BETWEEN 1 AND 200),
  signer_role user_role NOT NULL,
  meaning signature_meaning NOT NULL,
  reason text CHECK (length(reason) <= 1000),
  method text NOT NULL CHECK (method IN ('password', 'proof')),
  content_hash text NOT NULL CHECK (content_hash ~ '^[0-9a-f]{64}$'),
  manifest text NOT NULL CHECK (length(manifest) <= 20000),
  signature bytea NOT NULL CHECK (length(signature) = 64),
  key_id text NOT NULL CHECK (key_id ~ '^[0-9a-f]{64}$'),
  signed_at timestamptz NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (organization_id, id),
  -- Whatever is signed is what the version holds, and stays it.
  CONSTRAINT signatures_entry_fk FOREIGN KEY (organization_id, content_hash, entry_id)
    REFERENCES eln_entries (organization_id, content_hash, id) ON DELETE RESTRICT
);
CREATE UNIQUE INDEX signatures_meaning ON signatures (organization_id, entry_id, signer_id, meaning);
CREATE INDEX signatures_list ON signatures (organization_id, entry_id, created_at DESC, id DESC);
CREATE INDEX signatures_content ON signatures (organization_id, content_hash, entry_id);
SELECT tenant('signatures', 'insert');

-- A signed version is what was signed, for whoever asks; and it is signed when there is a signature, no sooner.
CREATE FUNCTION eln_frozen() RETURNS trigger LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
DECLARE
  has_signature boolean := EXISTS (SELECT FROM signatures WHERE organization_id = NEW.organization_id AND entry_id = NEW.id);
BEGIN
  IF TG_OP = 'DELETE' OR (TG_OP = 'UPDATE' AND OLD.signed) THEN
    RAISE EXCEPTION 'an entry stays on record, and a signed one as it is' USING ERRCODE = 'restrict_violation';
  END IF;
  IF NEW.signed <> has_signature THEN
    RAISE EXCEPTION 'an entry is signed by a signature alone' USING ERRCODE = 'restrict_violation';
  END IF;
  IF has_signature AND to_jsonb(NEW) - '{signed,signed_at,revision,updated_at}'::text[]
     IS DISTINCT FROM to_jsonb(OLD) - '{signed,signed_at,revision,updated_at}'::text[] THEN
    RAISE EXCEPTION 'an entry is signed as it is' USING ERRCODE = 'restrict_violation';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER frozen BEFORE INSERT OR UPDATE OR DELETE ON eln_entries FOR EACH ROW EXECUTE FUNCTION eln_frozen();
CREATE TRIGGER never_emptied BEFORE TRUNCATE ON eln_entries FOR EACH STATEMENT EXECUTE FUNCTION append_only();

-- The files of a version are part of what is signed: a signed one takes no more, and who attaches one has the version to themselves.
CREATE FUNCTION eln_attachable() RETURNS trigger LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
BEGIN
  PERFORM FROM eln_entries WHERE organization_id = NEW.organization_id AND id = NEW.entity_id FOR UPDATE;
  IF EXISTS (SELECT FROM signatures WHERE organization_id = NEW.organization_id AND entry_id = NEW.entity_id) THEN
    RAISE EXCEPTION 'an entry is signed with the files that it has' USING ERRCODE = 'restrict_violation';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER attachable BEFORE INSERT ON attachments FOR EACH ROW WHEN (NEW.entity_type = 'eln_entry') EXECUTE FUNCTION eln_attachable();

-- The words of each version, beside it and in few pages. Row security lets no index of words answer, as the operator
-- that asks is not proof against leaks: a search passes over the words of an organization, newest first.
CREATE TABLE eln_search (
  organization_id uuid NOT NULL,
  entry_id uuid NOT NULL,
  words tsvector NOT NULL,
  PRIMARY KEY (organization_id, entry_id),
  CONSTRAINT eln_search_entry_fk FOREIGN KEY (organization_id, entry_id) REFERENCES eln_entries ON DELETE RESTRICT
);
ALTER TABLE eln_search SET (toast_tuple_target = 8160);
SELECT isolate('eln_search', 'insert, update');

-- PostgreSQL holds a megabyte of words, and 100,000 characters are fewer whatever they are.
CREATE FUNCTION eln_words() RETURNS trigger LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
BEGIN
  INSERT INTO eln_search (organization_id, entry_id, words)
  VALUES (NEW.organization_id, NEW.id,
          setweight(to_tsvector('pg_catalog.english', NEW.title), 'A')
          || setweight(to_tsvector('pg_catalog.english', left(NEW.body_markdown, 100000)), 'B'))
  ON CONFLICT (organization_id, entry_id) DO UPDATE SET words = excluded.words;
  RETURN NULL;
END $$;
CREATE TRIGGER words AFTER INSERT OR UPDATE OF title, body_markdown ON eln_entries FOR EACH ROW EXECUTE FUNCTION eln_words();

-- What the notebook is filtered by; what is null does not count. A version that another follows is shown only when all are.
CREATE FUNCTION eln_matches(
  entry eln_entries, followed boolean, tag text, author_id uuid, signed boolean, sample_id uuid, run_id uuid, recipe_id uuid, entry_no int
) RETURNS boolean LANGUAGE sql IMMUTABLE AS $$
  SELECT NOT followed
     AND (tag IS NULL OR tag = ANY (entry.tags))
     AND (author_id IS NULL OR entry.author_id = author_id)
     AND (signed IS NULL OR entry.signed = signed)
     AND (sample_id IS NULL OR sample_id = ANY (entry.linked_samples))
     AND (run_id IS NULL OR run_id = ANY (entry.linked_runs))
     AND (recipe_id IS NULL OR recipe_id = ANY (entry.linked_recipes))
     AND (entry_no IS NULL OR entry.entry_no = entry_no)
$$;
