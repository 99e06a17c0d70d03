REVOKE DELETE ON proofs FROM spectra_identity_system;
DROP INDEX proofs_unused;
