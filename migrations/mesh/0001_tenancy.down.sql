DROP TABLE idempotency_keys, audit_events;
DROP FUNCTION tenant, isolate, audit, append_only, touch;
DROP TYPE user_role;
