CREATE TABLE sessions (
  organization_id uuid NOT NULL,
  id uuid NOT NULL,
  user_id uuid NOT NULL,
  client text NOT NULL CHECK (length(client) BETWEEN 1 AND 200),
  last_used_at timestamptz NOT NULL DEFAULT now(),
  expires_at timestamptz NOT NULL,
  ended_at timestamptz,
  ended_why text CHECK (ended_why IN ('signed_out', 'ended', 'reuse', 'disabled')),
  revision int NOT NULL DEFAULT 1,
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (organization_id, id),
  CONSTRAINT sessions_user_fk FOREIGN KEY (organization_id, user_id) REFERENCES users ON DELETE RESTRICT,
  CONSTRAINT sessions_ended CHECK ((ended_at IS NULL) = (ended_why IS NULL))
);
CREATE INDEX sessions_list ON sessions (organization_id, user_id, created_at DESC, id DESC);
-- A renewal is no change of the session: the trail keeps when it began and how it ended.
SELECT tenant('sessions', 'update (ended_at, ended_why)', watched => '{ended_at, ended_why}');
SELECT directory('sessions', 'select, insert, update (last_used_at, ended_at, ended_why)');

-- One row a generation; a token is used once, and its use again later ends the session.
CREATE TABLE refresh_tokens (
  organization_id uuid NOT NULL,
  session_id uuid NOT NULL,
  generation int NOT NULL CHECK (generation > 0),
  hash bytea NOT NULL CONSTRAINT refresh_tokens_hash UNIQUE CHECK (length(hash) = 32),
  expires_at timestamptz NOT NULL,
  used_at timestamptz,
  -- The client that used it, whose retry gets the same successor.
  used_by text CHECK (length(used_by) BETWEEN 1 AND 200),
  created_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (organization_id, session_id, generation),
  CONSTRAINT refresh_tokens_session_fk FOREIGN KEY (organization_id, session_id) REFERENCES sessions ON DELETE RESTRICT,
  CONSTRAINT refresh_tokens_used CHECK ((used_at IS NULL) = (used_by IS NULL))
);
-- Tokens are given out and used before a caller is known: they are for the sign-in role alone.
SELECT isolate('refresh_tokens');
SELECT directory('refresh_tokens', 'select, insert, update (used_at, used_by)');

-- What services must refuse before its tokens run out by themselves; read by every identity
-- instance and streamed on. Rows are written with the change that makes them true.
CREATE TYPE revocation_kind AS ENUM ('session', 'user', 'signing_key');
CREATE TABLE revocations (
  organization_id uuid NOT NULL,
  seq bigint GENERATED ALWAYS AS IDENTITY,
  kind revocation_kind NOT NULL,
  subject text NOT NULL CHECK (length(subject) BETWEEN 1 AND 100),
  -- The clock and not the transaction's beginning: readers look back from now by this time.
  at timestamptz NOT NULL DEFAULT clock_timestamp(),
  until timestamptz NOT NULL,
  PRIMARY KEY (organization_id, seq)
);
CREATE INDEX revocations_at ON revocations (at);
CREATE INDEX revocations_until ON revocations (until);
SELECT isolate('revocations', 'insert');
SELECT directory('revocations', 'select, insert, delete');
