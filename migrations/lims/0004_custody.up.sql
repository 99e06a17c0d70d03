-- Who had a sample, and where. Nothing of it ever changes.
CREATE TABLE custody_events (
  organization_id uuid NOT NULL,
  id uuid NOT NULL,
  sample_id uuid NOT NULL,
  event_type text NOT NULL CHECK (length(event_type) <= 50) CHECK (event_type ~ '^[a-z][a-z0-9_]*$'),
  -- A colleague is named by id and, as they were called then, by name; anyone else by name alone.
  from_user_id uuid,
  from_party text CHECK (length(from_party) <= 200),
  to_user_id uuid,
  to_party text NOT NULL CHECK (length(to_party) BETWEEN 1 AND 200),
  from_location text CHECK (length(from_location) <= 200),
  to_location text CHECK (length(to_location) <= 200),
  note text CHECK (length(note) <= 2000),
  occurred_at timestamptz NOT NULL,
  recorded_by uuid NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (organization_id, id),
  CONSTRAINT custody_events_sample_fk FOREIGN KEY (organization_id, sample_id) REFERENCES samples ON DELETE RESTRICT,
  CONSTRAINT custody_events_from CHECK (from_user_id IS NULL OR from_party IS NOT NULL),
  -- Clocks differ a little.
  CONSTRAINT custody_events_past CHECK (occurred_at <= created_at + interval '5 minutes')
);
CREATE INDEX custody_events_list ON custody_events (organization_id, created_at DESC, id DESC);
CREATE INDEX custody_events_sample ON custody_events (organization_id, sample_id, created_at DESC, id DESC);
CREATE INDEX custody_events_newest ON custody_events (organization_id, sample_id, occurred_at DESC, created_at DESC, id DESC);
CREATE INDEX custody_events_to ON custody_events (organization_id, to_user_id, created_at DESC, id DESC);
SELECT tenant('custody_events', 'insert');
