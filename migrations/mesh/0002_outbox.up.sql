-- What changed, in the transaction that changed it, for whoever follows. Rows are kept for a day.
--
-- Numbers are given out in another order than transactions commit in, so a reader who remembered a number alone would
-- miss what commits late. `position` is the transaction: what lies below the oldest that still runs is whole.
CREATE TABLE outbox (
  organization_id uuid NOT NULL,
  position bigint NOT NULL DEFAULT pg_current_xact_id()::text::bigint,
  seq bigint GENERATED ALWAYS AS IDENTITY,
  kind text NOT NULL CHECK (length(kind) <= 63),
  record_id uuid NOT NULL,
  at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (organization_id, position, seq)
);
CREATE INDEX outbox_age ON outbox (organization_id, at);
-- Whoever deletes a row locks it, which takes the right to update.
SELECT isolate('outbox', 'insert, update, delete');

-- Tells of a change, and wakes those who follow; each new row takes a few old ones with it.
CREATE FUNCTION publish() RETURNS trigger LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
BEGIN
  IF TG_OP = 'UPDATE' AND NEW IS NOT DISTINCT FROM OLD THEN
    RETURN NULL;
  END IF;
  DELETE FROM outbox WHERE ctid IN (
    SELECT ctid FROM outbox WHERE organization_id = NEW.organization_id AND at < now() - interval '1 day'
     LIMIT 5 FOR UPDATE SKIP LOCKED);
  INSERT INTO outbox (organization_id, kind, record_id) VALUES (NEW.organization_id, TG_TABLE_NAME, NEW.id);
  PERFORM pg_notify(TG_TABLE_SCHEMA || '_outbox', NEW.organization_id::text);
  RETURN NULL;
END $$;

-- Lets the changes of a table be followed.
CREATE FUNCTION followed(name text) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  EXECUTE format('CREATE TRIGGER publish AFTER INSERT OR UPDATE ON %I FOR EACH ROW EXECUTE FUNCTION publish()', name);
END $$;
