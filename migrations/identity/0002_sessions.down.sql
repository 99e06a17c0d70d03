DROP TABLE signing_keys, revocations, refresh_tokens, sessions;
DROP TYPE revocation_kind;
