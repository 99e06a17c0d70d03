DROP TABLE revocations, refresh_tokens, sessions;
DROP TYPE revocation_kind;
