-- What identity keeps sealed, by a key-encryption key that is never in the database: `sealed_by` is that key's id.

-- A key is published before it signs, and for as long as a token that it signed may live.
CREATE TABLE signing_keys (
  kid text PRIMARY KEY CHECK (length(kid) BETWEEN 1 AND 100),
  alg text NOT NULL CHECK (alg = 'EdDSA'),
  public_key bytea NOT NULL CHECK (length(public_key) = 32),
  sealed_private_key bytea,
  sealed_by text NOT NULL CHECK (length(sealed_by) <= 16),
  state text NOT NULL CHECK (state IN ('next', 'active', 'retiring', 'gone')),
  created_at timestamptz NOT NULL DEFAULT now(),
  sign_until timestamptz,
  publish_until timestamptz,
  CONSTRAINT signing_keys_signs CHECK ((state = 'active') <= (sign_until IS NOT NULL)),
  CONSTRAINT signing_keys_published CHECK ((state = 'retiring') <= (publish_until IS NOT NULL)),
  -- A key that has signed can sign nothing any more.
  CONSTRAINT signing_keys_private CHECK ((state IN ('next', 'active')) = (sealed_private_key IS NOT NULL))
);
CREATE UNIQUE INDEX signing_keys_one ON signing_keys (state) WHERE state IN ('next', 'active');
GRANT select, insert, update ON signing_keys TO spectra_identity_system;

-- Random keys that live as long as the database: hashes and tokens follow from them.
CREATE TABLE sealed_secrets (
  name text PRIMARY KEY CHECK (name IN ('pepper', 'renewal')),
  sealed bytea NOT NULL,
  sealed_by text NOT NULL CHECK (length(sealed_by) <= 16),
  created_at timestamptz NOT NULL DEFAULT now()
);
GRANT select, insert, update ON sealed_secrets TO spectra_identity_system;
