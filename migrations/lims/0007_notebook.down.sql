DROP FUNCTION eln_matches(eln_entries, boolean, text, uuid, boolean, uuid, uuid, uuid, int);
DROP TRIGGER attachable ON attachments;
DROP TABLE eln_search, signatures, eln_entries;
DROP FUNCTION eln_words(), eln_attachable(), eln_frozen();
DROP TYPE signature_meaning;
