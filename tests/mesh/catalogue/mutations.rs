//! One break of each rule, and what is to be told of it.

/// A statement that breaks the catalogue, and the faults that it makes: rule and thing.
pub(crate) type Mutation = (&'static str, &'static [(&'static str, &'static str)]);

/// Every rule of `faults.sql` is broken here at least once.
pub(crate) const MUTATIONS: &[Mutation] = &[
    // Row security
    ("ALTER TABLE lims.samples DISABLE ROW LEVEL SECURITY", &[("row security is enabled", "lims.samples")]),
    ("ALTER TABLE lims.samples NO FORCE ROW LEVEL SECURITY", &[("row security is forced", "lims.samples")]),
    ("DROP POLICY organization ON lims.samples", &[("one policy keeps every row in its organization", "lims.samples")]),
    ("CREATE POLICY more ON lims.samples USING (true)", &[("one policy keeps every row in its organization", "lims.samples")]),
    ("ALTER POLICY organization ON lims.samples WITH CHECK (true)", &[("one policy keeps every row in its organization", "lims.samples")]),
    (
        "ALTER POLICY organization ON lims.samples USING (organization_id = current_setting('app.org')::uuid)",
        &[("one policy keeps every row in its organization", "lims.samples")],
    ),
    (
        "DROP POLICY organization ON lims.samples;
         CREATE POLICY organization ON lims.samples FOR SELECT USING (organization_id = nullif(current_setting('app.org', true), '')::uuid)",
        &[("one policy keeps every row in its organization", "lims.samples")],
    ),
    (
        "CREATE POLICY all_of_it ON lims.samples TO spectra_lims USING (true)",
        &[("no role but the sign-in role has a policy, in identity alone", "lims.samples.all_of_it")],
    ),
    (
        "CREATE POLICY sign_in ON lims.samples TO spectra_identity_system USING (true)",
        &[("no role but the sign-in role has a policy, in identity alone", "lims.samples.sign_in")],
    ),
    (
        "ALTER POLICY upkeep ON lims.attachment_uploads USING (true)",
        &[("no role but the sign-in role has a policy, in identity alone", "lims.attachment_uploads.upkeep")],
    ),
    (
        "ALTER TABLE lims.samples ALTER organization_id DROP DEFAULT",
        &[("the organization is the setting where it is not named", "lims.samples")],
    ),
    // Keys
    (
        "ALTER TABLE analysis.recalls DROP CONSTRAINT recalls_pkey; ALTER TABLE analysis.recalls ADD PRIMARY KEY (id, organization_id)",
        &[("a resource is keyed by organization and id", "analysis.recalls"), ("the primary key leads with the organization", "analysis.recalls")],
    ),
    (
        "ALTER TABLE lims.idempotency_keys DROP CONSTRAINT idempotency_keys_pkey",
        &[("the primary key leads with the organization", "lims.idempotency_keys")],
    ),
    ("ALTER TABLE lims.samples ADD supplier_id text CHECK (length(supplier_id) < 9)", &[("ids are uuids", "lims.samples.supplier_id")]),
    (
        "ALTER TABLE lims.samples ADD owner_id uuid;
         ALTER TABLE lims.samples ADD CONSTRAINT samples_owner_fk
           FOREIGN KEY (organization_id, owner_id) REFERENCES identity.users ON DELETE RESTRICT;
         CREATE INDEX samples_owner ON lims.samples (organization_id, owner_id)",
        &[("a foreign key stays in its schema", "lims.samples_owner_fk")],
    ),
    (
        "CREATE UNIQUE INDEX materials_id ON lims.materials (id);
         ALTER TABLE lims.samples DROP CONSTRAINT samples_material_fk;
         ALTER TABLE lims.samples ADD CONSTRAINT samples_material_fk
           FOREIGN KEY (material_id) REFERENCES lims.materials (id) ON DELETE RESTRICT;
         CREATE INDEX samples_by_material ON lims.samples (material_id)",
        &[("a foreign key pairs the organization", "lims.samples_material_fk"), ("what is unique is so in its organization", "lims.materials_id")],
    ),
    (
        "ALTER TABLE analysis.runs DROP CONSTRAINT runs_instrument_fk;
         ALTER TABLE analysis.runs ADD CONSTRAINT runs_instrument_fk
           FOREIGN KEY (organization_id, instrument_id) REFERENCES analysis.instruments ON DELETE CASCADE",
        &[("a foreign key restricts", "analysis.runs_instrument_fk")],
    ),
    ("DROP INDEX analysis.runs_calibration", &[("a foreign key has an index", "analysis.runs_calibration_fk")]),
    (
        "DROP INDEX lims.samples_material; CREATE INDEX samples_material ON lims.samples (organization_id, material_id) WHERE NOT is_deleted",
        &[("a foreign key has an index", "lims.samples_material_fk")],
    ),
    (
        "ALTER TABLE analysis.runs RENAME CONSTRAINT runs_instrument_fk TO runs_on_an_instrument",
        &[("a foreign key is called <table>_<kind>_fk", "analysis.runs_on_an_instrument")],
    ),
    ("CREATE UNIQUE INDEX instruments_serial ON analysis.instruments (serial)", &[("what is unique is so in its organization", "analysis.instruments_serial")]),
    (
        "CREATE UNIQUE INDEX instruments_vendor ON analysis.instruments (lower(vendor), organization_id)",
        &[("what is unique is so in its organization", "analysis.instruments_vendor")],
    ),
    ("ALTER INDEX lims.samples_barcode RENAME TO samples_twin", &[("a unique index is called <table>_<field>", "lims.samples_twin")]),
    ("DROP INDEX lims.samples_list_all", &[("a list has an index in its order", "lims.samples")]),
    (
        "DROP INDEX analysis.runs_list; CREATE INDEX runs_list ON analysis.runs (organization_id, created_at, id)",
        &[("a list has an index in its order", "analysis.runs")],
    ),
    (
        "ALTER TABLE lims.samples ADD CONSTRAINT samples_later CHECK (revision > 0) NOT VALID",
        &[("constraints and indexes are valid", "lims.samples_later")],
    ),
    (
        "UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'lims.samples_lot'::regclass",
        &[("constraints and indexes are valid", "lims.samples_lot")],
    ),
    // Columns
    (
        "ALTER TABLE lims.samples ALTER created_at DROP DEFAULT",
        &[("a resource keeps when it was made and changed, and its revision", "lims.samples.created_at")],
    ),
    (
        "ALTER TABLE lims.samples ALTER updated_at DROP NOT NULL",
        &[("a resource keeps when it was made and changed, and its revision", "lims.samples.updated_at")],
    ),
    (
        "ALTER TABLE lims.samples ALTER revision TYPE bigint",
        &[("a resource keeps when it was made and changed, and its revision", "lims.samples.revision")],
    ),
    ("ALTER TABLE lims.samples ALTER deleted_at TYPE timestamp", &[("times have a zone", "lims.samples.deleted_at")]),
    ("ALTER TABLE lims.samples ALTER metadata DROP NOT NULL", &[("JSON is an object unless it is said", "lims.samples.metadata")]),
    (
        "ALTER TABLE lims.samples DROP CONSTRAINT samples_metadata_check",
        &[("JSON is of the type that it is checked for", "lims.samples.metadata")],
    ),
    ("ALTER TABLE lims.samples DROP CONSTRAINT samples_name_check", &[("text has a limit", "lims.samples.name")]),
    (
        "ALTER TABLE lims.recipes DROP CONSTRAINT recipes_params_hash_check, ADD CHECK (params_hash ~ '^[0-9a-f]+$')",
        &[("text has a limit", "lims.recipes.params_hash")],
    ),
    ("ALTER TYPE lims.recipe_status RENAME VALUE 'draft' TO 'Draft'", &[("labels are lower-case", "lims.recipe_status: Draft")]),
    // Changes
    (
        "DROP TRIGGER touch ON analysis.instruments;
         CREATE TRIGGER touch BEFORE UPDATE OF name ON analysis.instruments FOR EACH ROW EXECUTE FUNCTION analysis.touch();
         REVOKE UPDATE ON analysis.instruments FROM spectra_analysis;
         GRANT UPDATE (name, vendor) ON analysis.instruments TO spectra_analysis",
        &[("a change raises the revision", "analysis.instruments.vendor")],
    ),
    (
        "REVOKE UPDATE ON analysis.runs FROM spectra_analysis; GRANT UPDATE (status) ON analysis.runs TO spectra_analysis;
         DROP TRIGGER touch ON analysis.runs",
        &[("a change raises the revision", "analysis.runs.status")],
    ),
    (
        "DROP TRIGGER audit ON identity.sessions;
         CREATE TRIGGER audit AFTER INSERT OR DELETE OR UPDATE OF ended_at ON identity.sessions
           FOR EACH ROW EXECUTE FUNCTION identity.audit('{}')",
        &[("a change is audited", "identity.sessions.ended_why")],
    ),
    (
        "ALTER TABLE identity.organizations DISABLE TRIGGER audit",
        &[
            ("a change is audited", "identity.organizations.name"),
            ("a change is audited", "identity.organizations.settings"),
            ("a record is audited from its beginning", "identity.organizations"),
        ],
    ),
    ("DROP TRIGGER audit ON lims.recipe_approvals", &[("a record is audited from its beginning", "lims.recipe_approvals")]),
    (
        "DROP TRIGGER audit ON identity.users;
         CREATE TRIGGER audit AFTER INSERT OR DELETE OR UPDATE ON identity.users FOR EACH ROW EXECUTE FUNCTION identity.audit('{}')",
        &[("the trail holds no secret", "identity.users.password_hash")],
    ),
    ("DROP TRIGGER append_only ON analysis.audit_events", &[("what nobody may change refuses to be changed", "analysis.audit_events")]),
    (
        "ALTER TABLE lims.audit_events ENABLE REPLICA TRIGGER append_only",
        &[("what nobody may change refuses to be changed", "lims.audit_events")],
    ),
    (
        "GRANT UPDATE ON lims.audit_events TO spectra_lims",
        &[("what is never changed may be changed by nobody", "lims.audit_events")],
    ),
    ("GRANT DELETE ON lims.samples TO spectra_lims", &[("no record is lost by a delete", "lims.samples by spectra_lims")]),
    // Rights
    (
        "GRANT SELECT ON analysis.spc_points_other TO spectra_analysis",
        &[("a partition is reached through its table alone", "analysis.spc_points_other: SELECT")],
    ),
    ("GRANT TRUNCATE ON lims.samples TO spectra_lims", &[("rows are read and written, nothing else", "lims.samples: TRUNCATE")]),
    ("GRANT REFERENCES (id) ON lims.samples TO spectra_lims", &[("rows are read and written, nothing else", "lims.samples: REFERENCES")]),
    ("GRANT SELECT ON lims.samples TO spectra_lims WITH GRANT OPTION", &[("rows are read and written, nothing else", "lims.samples: SELECT")]),
    (
        "GRANT UPDATE ON SEQUENCE lims.audit_events_seq_seq TO spectra_lims",
        &[("rows are read and written, nothing else", "lims.audit_events_seq_seq: UPDATE")],
    ),
    ("GRANT SELECT ON lims.samples TO spectra_analysis", &[("a table is for its own service", "lims.samples to spectra_analysis")]),
    ("GRANT SELECT (name) ON lims.samples TO PUBLIC", &[("a table is for its own service", "lims.samples to everyone")]),
    (
        "GRANT INSERT ON lims.migrations TO spectra_lims",
        &[("the history of migrations is read only", "lims.migrations: INSERT")],
    ),
    (
        "GRANT SELECT ON identity.users TO spectra_identity",
        &[("secrets are for the sign-in role", "identity.users.password_hash to spectra_identity")],
    ),
    (
        "GRANT SELECT (hash) ON identity.refresh_tokens TO spectra_identity",
        &[("secrets are for the sign-in role", "identity.refresh_tokens.hash to spectra_identity")],
    ),
    ("GRANT USAGE ON SCHEMA lims TO spectra_analysis", &[("a service sees its own schema alone", "spectra_analysis: lims")]),
    ("GRANT CREATE ON SCHEMA lims TO spectra_lims", &[("a service makes nothing in the database", "spectra_lims: lims")]),
    ("GRANT CREATE ON SCHEMA public TO spectra_lims", &[("a service makes nothing in the database", "spectra_lims: public")]),
    (
        "DO $$ BEGIN EXECUTE format('GRANT TEMPORARY ON DATABASE %I TO spectra_lims', current_database()); END $$",
        &[("a service makes nothing in the database", "spectra_lims: TEMPORARY")],
    ),
    // Roles are the cluster's: ALTER ROLE would fail beside another test's, an UPDATE waits for it.
    ("UPDATE pg_authid SET rolbypassrls = true WHERE rolname = 'spectra_lims'", &[("a role has no power", "spectra_lims")]),
    ("UPDATE pg_authid SET rolcreaterole = true WHERE rolname = 'spectra_analysis_owner'", &[("a role has no power", "spectra_analysis_owner")]),
    ("UPDATE pg_authid SET rolcanlogin = true WHERE rolname = 'spectra_lims_owner'", &[("an owner does not sign in", "spectra_lims_owner")]),
    ("GRANT pg_read_all_stats TO spectra_lims", &[("a role is nobody else", "spectra_lims: pg_read_all_stats")]),
    ("ALTER TYPE lims.recipe_status OWNER TO CURRENT_USER", &[("everything belongs to the owner of its schema", "lims.recipe_status")]),
    // Ways around row security
    (
        "CREATE VIEW lims.live AS SELECT * FROM lims.samples; ALTER VIEW lims.live OWNER TO spectra_lims_owner",
        &[("a view asks as its caller", "lims.live")],
    ),
    (
        "CREATE MATERIALIZED VIEW lims.totals AS SELECT 1 AS one; ALTER MATERIALIZED VIEW lims.totals OWNER TO spectra_lims_owner",
        &[("nothing is materialized or foreign", "lims.totals")],
    ),
    ("ALTER FUNCTION lims.audit() SECURITY DEFINER", &[("no function has the rights of its owner", "lims.audit")]),
    ("CREATE RULE quiet AS ON DELETE TO lims.samples DO INSTEAD NOTHING", &[("no statement is rewritten", "lims.samples.quiet")]),
    ("ALTER TABLE lims.recipe_approvals SET UNLOGGED", &[("tables outlive a crash", "lims.recipe_approvals")]),
    // A table that nobody passed through the helper.
    (
        "CREATE TABLE lims.loose (id uuid PRIMARY KEY, note text); ALTER TABLE lims.loose OWNER TO spectra_lims_owner",
        &[
            ("a record is audited from its beginning", "lims.loose"),
            ("a resource is keyed by organization and id", "lims.loose"),
            ("a resource keeps when it was made and changed, and its revision", "lims.loose.created_at"),
            ("one policy keeps every row in its organization", "lims.loose"),
            ("row security is enabled", "lims.loose"),
            ("row security is forced", "lims.loose"),
            ("text has a limit", "lims.loose.note"),
            ("the organization is the setting where it is not named", "lims.loose"),
            ("the primary key leads with the organization", "lims.loose"),
            ("what nobody may change refuses to be changed", "lims.loose"),
        ],
    ),
];
