DROP TRIGGER publish ON runs;
