CREATE TYPE entity_type AS ENUM (
  'sample', 'wafer', 'device', 'material', 'recipe', 'sop', 'eln_entry', 'instrument', 'calibration', 'run'
);

-- Files that belong to records. What a row names is in the store of files, whole.
CREATE TABLE attachments (
  organization_id uuid NOT NULL,
  id uuid NOT NULL,
  -- Of several tables, some of them another service's: no foreign key can hold it.
  entity_type entity_type NOT NULL,
  entity_id uuid NOT NULL,
  filename text NOT NULL CHECK (length(filename) BETWEEN 1 AND 255),
  content_type text NOT NULL CHECK (length(content_type) BETWEEN 1 AND 200),
  size_bytes bigint NOT NULL CHECK (size_bytes > 0),
  sha256 text NOT NULL CHECK (sha256 ~ '^[0-9a-f]{64}$'),
  -- Where the file is, within the store.
  uri text NOT NULL CHECK (length(uri) BETWEEN 1 AND 200),
  uploaded_by uuid NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (organization_id, id)
);
CREATE INDEX attachments_list ON attachments (organization_id, created_at DESC, id DESC);
CREATE INDEX attachments_entity ON attachments (organization_id, entity_type, entity_id, created_at DESC, id DESC);
CREATE INDEX attachments_sha256 ON attachments (organization_id, sha256);
SELECT tenant('attachments', 'insert');

-- What may be in the store of files without a row in `attachments`: written before the first byte is, and gone in the transaction that
-- writes that row. An upload says now and then that it lives; one that was given up, or fell silent, is cleared away.
CREATE TABLE attachment_uploads (
  organization_id uuid NOT NULL,
  id uuid NOT NULL,
  alive_at timestamptz NOT NULL DEFAULT now(),
  given_up boolean NOT NULL DEFAULT false,
  PRIMARY KEY (organization_id, id)
);
CREATE INDEX attachment_uploads_age ON attachment_uploads (alive_at);
SELECT isolate('attachment_uploads', 'insert, update, delete');

-- Whoever clears away does so for all organizations: a transaction that says so sees these rows of all of them, and of no other table.
CREATE POLICY upkeep ON attachment_uploads FOR ALL TO spectra_lims
  USING (current_setting('app.upkeep', true) = 'attachment_uploads') WITH CHECK (current_setting('app.upkeep', true) = 'attachment_uploads');
