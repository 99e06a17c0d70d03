DROP INDEX audit_events_request, audit_events_actor, audit_events_list;
ALTER TABLE audit_events DROP id;
DROP TRIGGER chain ON audit_events;
DROP FUNCTION chain, link_hash, leaf_hash, framed;
DROP TABLE audit_links;
