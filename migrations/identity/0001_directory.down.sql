DROP TABLE users, organizations;
DROP POLICY sign_in ON audit_events;
REVOKE ALL ON audit_events FROM spectra_identity_system;
DROP FUNCTION directory;
