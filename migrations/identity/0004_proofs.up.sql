-- The key that signs records is drawn once, and sealed beside the others.
ALTER TABLE sealed_secrets DROP CONSTRAINT sealed_secrets_name_check;
ALTER TABLE sealed_secrets ADD CONSTRAINT sealed_secrets_name_check CHECK (name IN ('pepper', 'renewal', 'records'));

CREATE TYPE signature_meaning AS ENUM ('author', 'witness', 'review', 'approve');

-- That a person showed their password again, for one signature. Used ones stay: they tell when it was.
CREATE TABLE proofs (
  organization_id uuid NOT NULL,
  id uuid NOT NULL,
  session_id uuid NOT NULL,
  user_id uuid NOT NULL,
  hash bytea NOT NULL CHECK (length(hash) = 32),
  content_hash text NOT NULL CHECK (content_hash ~ '^[0-9a-f]{64}$'),
  meaning signature_meaning NOT NULL,
  expires_at timestamptz NOT NULL,
  used_at timestamptz,
  created_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (organization_id, id),
  CONSTRAINT proofs_session_fk FOREIGN KEY (organization_id, session_id) REFERENCES sessions ON DELETE RESTRICT
);
CREATE UNIQUE INDEX proofs_hash ON proofs (organization_id, hash);
CREATE INDEX proofs_session ON proofs (organization_id, session_id);
-- Passwords are checked by the sign-in role alone.
SELECT isolate('proofs');
SELECT directory('proofs', 'select, insert, update (used_at)');

-- How many wrong passwords a session showed of late, and since when it is counted.
CREATE TABLE proof_misses (
  organization_id uuid NOT NULL,
  session_id uuid NOT NULL,
  misses int NOT NULL CHECK (misses > 0),
  since timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (organization_id, session_id),
  CONSTRAINT proof_misses_session_fk FOREIGN KEY (organization_id, session_id) REFERENCES sessions ON DELETE RESTRICT
);
SELECT isolate('proof_misses');
SELECT directory('proof_misses', 'select, insert, update (misses, since)');
