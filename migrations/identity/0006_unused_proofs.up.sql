-- A proof that nobody used tells nothing: it goes after a day. Used ones stay, as they tell when it was.
CREATE INDEX proofs_unused ON proofs (organization_id, created_at) WHERE used_at IS NULL;
GRANT DELETE ON proofs TO spectra_identity_system;
