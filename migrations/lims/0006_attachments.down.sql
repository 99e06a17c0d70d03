DROP TABLE attachment_uploads;
DROP TABLE attachments;
DROP TYPE entity_type;
