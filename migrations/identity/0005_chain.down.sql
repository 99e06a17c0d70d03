REVOKE ALL ON audit_links FROM spectra_identity_system;
DROP POLICY sign_in ON audit_links;
