CREATE TYPE instrument_status AS ENUM ('online', 'offline', 'maintenance', 'error');

CREATE TABLE instruments (
  organization_id uuid NOT NULL,
  id uuid NOT NULL,
  name text NOT NULL CHECK (length(name) BETWEEN 1 AND 200),
  vendor text NOT NULL CHECK (length(vendor) BETWEEN 1 AND 100),
  model text NOT NULL CHECK (length(model) BETWEEN 1 AND 100),
  serial text CHECK (length(serial) <= 100),
  interface text NOT NULL CHECK (length(interface) BETWEEN 1 AND 50),
  category text CHECK (length(category) <= 100),
  location text CHECK (length(location) <= 200),
  status instrument_status NOT NULL DEFAULT 'online',
  capabilities jsonb NOT NULL DEFAULT '{}' CHECK (jsonb_typeof(capabilities) = 'object'),
  metadata jsonb NOT NULL DEFAULT '{}' CHECK (jsonb_typeof(metadata) = 'object'),
  revision int NOT NULL DEFAULT 1,
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (organization_id, id),
  CONSTRAINT instruments_name UNIQUE (organization_id, name)
);
CREATE INDEX instruments_list ON instruments (organization_id, created_at DESC, id DESC);
SELECT tenant('instruments');

CREATE TABLE calibrations (
  organization_id uuid NOT NULL,
  id uuid NOT NULL,
  instrument_id uuid NOT NULL,
  certificate_id text NOT NULL CHECK (length(certificate_id) BETWEEN 1 AND 100),
  issued_at timestamptz NOT NULL,
  expires_at timestamptz NOT NULL,
  provider text CHECK (length(provider) <= 200),
  results jsonb NOT NULL DEFAULT '{}' CHECK (jsonb_typeof(results) = 'object'),
  standards_used jsonb NOT NULL DEFAULT '{}' CHECK (jsonb_typeof(standards_used) = 'object'),
  uncertainty jsonb NOT NULL DEFAULT '{}' CHECK (jsonb_typeof(uncertainty) = 'object'),
  content_hash text NOT NULL CHECK (content_hash ~ '^[0-9a-f]{64}$'),
  revoked_at timestamptz,
  revoked_reason text CHECK (length(revoked_reason) BETWEEN 1 AND 2000),
  revision int NOT NULL DEFAULT 1,
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (organization_id, id),
  CONSTRAINT calibrations_certificate_id UNIQUE (organization_id, instrument_id, certificate_id),
  CONSTRAINT calibrations_instrument_fk FOREIGN KEY (organization_id, instrument_id) REFERENCES instruments ON DELETE RESTRICT,
  CONSTRAINT calibrations_span CHECK (expires_at > issued_at),
  CONSTRAINT calibrations_revoked CHECK ((revoked_at IS NULL) = (revoked_reason IS NULL))
);
CREATE INDEX calibrations_list ON calibrations (organization_id, created_at DESC, id DESC);
CREATE INDEX calibrations_in_force ON calibrations (organization_id, instrument_id, issued_at DESC);
CREATE INDEX calibrations_expiry ON calibrations (organization_id, expires_at);
SELECT tenant('calibrations');

-- A certificate says what was found on the day; only its revocation is added later.
CREATE FUNCTION certificate_frozen() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF (NEW.id, NEW.instrument_id, NEW.certificate_id, NEW.issued_at, NEW.expires_at, NEW.provider, NEW.results, NEW.standards_used, NEW.uncertainty, NEW.content_hash)
     IS DISTINCT FROM (OLD.id, OLD.instrument_id, OLD.certificate_id, OLD.issued_at, OLD.expires_at, OLD.provider, OLD.results, OLD.standards_used, OLD.uncertainty, OLD.content_hash)
     OR OLD.revoked_at IS NOT NULL THEN
    RAISE EXCEPTION 'a certificate is never rewritten' USING ERRCODE = 'restrict_violation';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER frozen BEFORE UPDATE ON calibrations FOR EACH ROW EXECUTE FUNCTION certificate_frozen();
