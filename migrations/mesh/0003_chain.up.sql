-- The audit trail, chained: each event is bound to the one before by a hash, so that none can be changed, taken out,
-- put in or moved without its being seen. Events are linked in the order in which their transactions commit.

CREATE TABLE audit_links (
  organization_id uuid NOT NULL,
  -- The place in the organization's chain: from 1 on, without gaps.
  link bigint NOT NULL CHECK (link > 0),
  event bigint NOT NULL,
  hash bytea NOT NULL CHECK (length(hash) = 32),
  PRIMARY KEY (organization_id, link),
  CONSTRAINT audit_links_event UNIQUE (organization_id, event),
  CONSTRAINT audit_links_event_fk FOREIGN KEY (organization_id, event) REFERENCES audit_events (organization_id, seq) ON DELETE RESTRICT
);

CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON audit_links
  FOR EACH STATEMENT EXECUTE FUNCTION append_only();

-- The fields one after another, each behind its length in bytes; what is missing has the length -1.
CREATE FUNCTION framed(VARIADIC fields text[]) RETURNS bytea LANGUAGE sql IMMUTABLE AS $$
  SELECT string_agg(
           CASE WHEN field IS NULL THEN int4send(-1) ELSE int4send(length(convert_to(field, 'UTF8'))) || convert_to(field, 'UTF8') END,
           ''::bytea ORDER BY place)
    FROM unnest(fields) WITH ORDINALITY AS listed (field, place)
$$;

-- SHA-256 of an event: over every column, the JSON ones in the normal form of jsonb.
CREATE FUNCTION leaf_hash(event audit_events) RETURNS bytea LANGUAGE sql STABLE AS $$
  SELECT sha256('\x00'::bytea || framed(
    event.organization_id::text, event.seq::text, (extract(epoch FROM event.at) * 1000000)::bigint::text, event.actor_id::text,
    event.session_id::text, event.request_id::text, event.method, event.action, event.kind, event.record_id::text, event.before::text,
    event.after::text, event.reason))
$$;

-- SHA-256 of a link: over the one before, or 32 zero bytes, its own number, and its event.
CREATE FUNCTION link_hash(previous bytea, link bigint, event audit_events) RETURNS bytea LANGUAGE sql STABLE AS $$
  SELECT sha256('\x01'::bytea || coalesce(previous, decode(repeat('00', 32), 'hex')) || int8send(link) || leaf_hash(event))
$$;

-- What was written before there was a chain is linked in the order of its numbers.
ALTER TABLE audit_events NO FORCE ROW LEVEL SECURITY;
DO $$
DECLARE
  event audit_events;
  organization uuid;
  place bigint;
  previous bytea;
BEGIN
  FOR event IN SELECT * FROM audit_events ORDER BY organization_id, seq LOOP
    IF event.organization_id IS DISTINCT FROM organization THEN
      organization := event.organization_id;
      place := 0;
      previous := NULL;
    END IF;
    place := place + 1;
    previous := link_hash(previous, place, event);
    INSERT INTO audit_links VALUES (organization, place, event.seq, previous);
  END LOOP;
END $$;
ALTER TABLE audit_events FORCE ROW LEVEL SECURITY;

SELECT isolate('audit_links', 'insert');

-- Links an event. It runs when its transaction commits, so that an organization's writers wait for one another no
-- longer than that; each sees the link of the one before, as every statement here looks anew.
CREATE FUNCTION chain() RETURNS trigger LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
DECLARE
  place bigint;
  previous bytea;
BEGIN
  PERFORM pg_advisory_xact_lock(hashtextextended(format('audit %s %s', TG_TABLE_SCHEMA, NEW.organization_id), 0));
  SELECT link, hash INTO place, previous FROM audit_links
   WHERE organization_id = NEW.organization_id ORDER BY link DESC LIMIT 1;
  place := coalesce(place, 0) + 1;
  INSERT INTO audit_links (organization_id, link, event, hash)
  VALUES (NEW.organization_id, place, NEW.seq, link_hash(previous, place, NEW));
  RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER chain AFTER INSERT ON audit_events DEFERRABLE INITIALLY DEFERRED
  FOR EACH ROW EXECUTE FUNCTION chain();

-- An event is listed by its time and an id made of its number.
ALTER TABLE audit_events ADD id uuid NOT NULL GENERATED ALWAYS AS (lpad(to_hex(seq), 32, '0')::uuid) STORED;
CREATE INDEX audit_events_list ON audit_events (organization_id, at DESC, id DESC);
CREATE INDEX audit_events_actor ON audit_events (organization_id, actor_id, at DESC, id DESC);
CREATE INDEX audit_events_request ON audit_events (organization_id, request_id);
