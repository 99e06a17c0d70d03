DROP FUNCTION further(runs);
DROP FUNCTION calibration_suspect(runs);
DROP TABLE recalls;
DROP TRIGGER moved ON runs;
DROP FUNCTION run_moved;
DROP TABLE run_instruments;
ALTER TABLE runs DROP material_id, DROP wafer_id, DROP device_id, DROP log_uri, DROP calibration_lapsed;
DROP INDEX runs_measured;
CREATE OR REPLACE FUNCTION certificate_frozen() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF (NEW.id, NEW.instrument_id, NEW.certificate_id, NEW.issued_at, NEW.expires_at, NEW.provider, NEW.results, NEW.standards_used, NEW.uncertainty, NEW.content_hash)
     IS DISTINCT FROM (OLD.id, OLD.instrument_id, OLD.certificate_id, OLD.issued_at, OLD.expires_at, OLD.provider, OLD.results, OLD.standards_used, OLD.uncertainty, OLD.content_hash)
     OR OLD.revoked_at IS NOT NULL THEN
    RAISE EXCEPTION 'a certificate is never rewritten' USING ERRCODE = 'restrict_violation';
  END IF;
  RETURN NEW;
END $$;
ALTER TABLE calibrations DROP attachment_id, DROP file_uri;
DROP INDEX instruments_category;
ALTER TABLE instruments DROP config;
