CREATE OR REPLACE FUNCTION recipe_frozen() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF OLD.status IN ('approved', 'retired') AND (
    TG_OP = 'DELETE'
    OR (NEW.name, NEW.version, NEW.method, NEW.description, NEW.params, NEW.params_hash, NEW.owner_id, NEW.edited_by, NEW.id)
       IS DISTINCT FROM (OLD.name, OLD.version, OLD.method, OLD.description, OLD.params, OLD.params_hash, OLD.owner_id, OLD.edited_by, OLD.id)
    OR NEW.status NOT IN (OLD.status, 'retired')
  ) THEN
    RAISE EXCEPTION 'an approved recipe is frozen' USING ERRCODE = 'restrict_violation';
  END IF;
  RETURN coalesce(NEW, OLD);
END $$;
ALTER TABLE recipes DROP sop_id;
DROP TABLE sop_acknowledgements, sops;
DROP FUNCTION sop_frozen;
DROP TYPE sop_status;
