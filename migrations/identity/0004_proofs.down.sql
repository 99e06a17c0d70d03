DROP TABLE proof_misses, proofs;
DROP TYPE signature_meaning;
DELETE FROM sealed_secrets WHERE name = 'records';
ALTER TABLE sealed_secrets DROP CONSTRAINT sealed_secrets_name_check;
ALTER TABLE sealed_secrets ADD CONSTRAINT sealed_secrets_name_check CHECK (name IN ('pepper', 'renewal'));
