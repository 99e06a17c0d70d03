-- A label is never taken out of a type: another one takes its place, which refuses when there are files of results.
ALTER TYPE entity_type RENAME TO entity_type_with_results;
CREATE TYPE entity_type AS ENUM (
  'sample', 'wafer', 'device', 'material', 'recipe', 'sop', 'eln_entry', 'instrument', 'calibration', 'run'
);
-- A trigger that looks at a column keeps its type.
DROP TRIGGER attachable ON attachments;
ALTER TABLE attachments ALTER entity_type TYPE entity_type USING entity_type::text::entity_type;
DROP TYPE entity_type_with_results;
CREATE TRIGGER attachable BEFORE INSERT ON attachments FOR EACH ROW WHEN (NEW.entity_type = 'eln_entry') EXECUTE FUNCTION eln_attachable();
