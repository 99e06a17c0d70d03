DROP FUNCTION followed, publish;
DROP TABLE outbox;
