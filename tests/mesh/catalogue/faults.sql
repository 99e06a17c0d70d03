-- Whatever in the services' schemas breaks a rule, with the rule.
-- $1: the tables whose rows the contract lists, as `schema.table`.
-- Exceptions are named where their rule is, each with its reason.
WITH
schemas AS (
  SELECT oid, nspname::text AS name, nspowner, nspacl, format('spectra_%s_owner', nspname) AS owner
    FROM pg_namespace WHERE nspname IN ('identity', 'lims', 'analysis')
),
-- What services connect as, and the one schema that each sees.
roles AS (
  SELECT r.*, r.rolname::text AS name, s.name AS schema
    FROM pg_roles r JOIN schemas s ON r.rolname IN ('spectra_' || s.name, 'spectra_' || s.name || '_system')
),
relations AS (
  SELECT c.*, s.name AS schema, c.relname::text AS table, format('%s.%s', s.name, c.relname) AS name
    FROM pg_class c JOIN schemas s ON s.oid = c.relnamespace
),
-- The migrations' own history is the migrator's and holds nothing of a lab. What holds of a table holds of its partitions, which nobody reaches
-- but through it.
tables AS (
  SELECT * FROM relations WHERE relkind IN ('r', 'p') AND NOT relispartition AND relname NOT IN ('migrations', 'migrations_common')
),
-- Keys are everyone's: the sign-in role alone reaches them.
tenants AS (
  SELECT *, CASE name WHEN 'identity.organizations' THEN 'id' ELSE 'organization_id' END AS key
    FROM tables WHERE name NOT IN ('identity.signing_keys', 'identity.sealed_secrets')
),
-- The rest is what the mesh writes down beside them: it has no revision and no trail of its own.
resources AS (
  SELECT * FROM tenants
   WHERE relname NOT IN ('audit_events', 'audit_links', 'idempotency_keys', 'outbox')
     AND name NOT IN ('identity.refresh_tokens', 'identity.revocations', 'lims.attachment_uploads', 'identity.proofs', 'identity.proof_misses', 'lims.eln_search', 'analysis.result_arrays')
     -- Points come by the million, and the rest follows from them: what people do about one is a record of its own.
     AND name NOT IN ('analysis.spc_points', 'analysis.spc_states', 'analysis.spc_spans', 'analysis.spc_imports')
),
columns AS (
  SELECT t.oid, t.name AS table, a.attnum, a.attname::text AS column, format('%s.%s', t.name, a.attname) AS name, a.attnotnull, y.typname,
         y.typcategory, pg_get_expr(d.adbin, d.adrelid) AS standard
    FROM tables t
    JOIN pg_attribute a ON a.attrelid = t.oid AND a.attnum > 0 AND NOT a.attisdropped
    JOIN pg_type y ON y.oid = a.atttypid
    LEFT JOIN pg_attrdef d ON d.adrelid = t.oid AND d.adnum = a.attnum
),
indexes AS (
  SELECT t.name AS table, t.table AS short, t.key, x.relname::text AS index, format('%s.%s', t.schema, x.relname) AS name, i.indrelid,
         i.indisprimary, i.indisunique, i.indisvalid AND i.indpred IS NULL AS whole, i.indnkeyatts,
         string_to_array(i.indkey::text, ' ')::smallint[] AS attnums,
         ARRAY(SELECT a.attname || CASE WHEN (i.indoption[n - 1] & 1) = 1 THEN ' desc' ELSE '' END
                 FROM generate_series(1, i.indnkeyatts) n
                 LEFT JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = i.indkey[n - 1] ORDER BY n) AS columns
    FROM tenants t JOIN pg_index i ON i.indrelid = t.oid JOIN pg_class x ON x.oid = i.indexrelid
),
checks AS (
  SELECT c.conrelid, c.conkey, pg_get_constraintdef(c.oid) AS says FROM pg_constraint c WHERE c.contype = 'c' AND c.convalidated
),
foreign_keys AS (
  SELECT t.schema, t.table, format('%s.%s', t.schema, c.conname) AS name, c.conname::text AS key, c.conrelid, c.confdeltype, c.confupdtype,
         c.conkey, o.relnamespace <> t.relnamespace AS abroad, format('%s.%s', o.relnamespace::regnamespace, o.relname) AS target,
         ARRAY(SELECT attname::text FROM unnest(c.conkey) WITH ORDINALITY k (n, at)
                 JOIN pg_attribute ON attrelid = c.conrelid AND attnum = k.n ORDER BY at) AS from_columns,
         ARRAY(SELECT attname::text FROM unnest(c.confkey) WITH ORDINALITY k (n, at)
                 JOIN pg_attribute ON attrelid = c.confrelid AND attnum = k.n ORDER BY at) AS to_columns
    FROM tables t JOIN pg_constraint c ON c.conrelid = t.oid AND c.contype = 'f' JOIN pg_class o ON o.oid = c.confrelid
),
-- What anyone but the owner holds, on a whole relation or (attnum) on one column.
grants AS (
  SELECT r.oid, r.schema, r.name, r.relkind, NULL::smallint AS attnum, a.grantee, a.privilege_type::text AS privilege, a.is_grantable
    FROM relations r, aclexplode(r.relacl) a WHERE a.grantee <> r.relowner
  UNION ALL
  SELECT r.oid, r.schema, r.name, r.relkind, c.attnum, a.grantee, a.privilege_type, a.is_grantable
    FROM relations r JOIN pg_attribute c ON c.attrelid = r.oid, aclexplode(c.attacl) a WHERE a.grantee <> r.relowner
),
updated AS (
  SELECT DISTINCT c.oid, c.attnum, c.column, c.name
    FROM columns c JOIN grants g ON g.oid = c.oid AND g.privilege = 'UPDATE' AND coalesce(g.attnum, c.attnum) = c.attnum
),
changed AS (SELECT oid FROM grants WHERE privilege IN ('UPDATE', 'DELETE')),
-- Triggers that work, whatever the row: which function, on what, on which columns.
triggers AS (
  SELECT t.tgrelid, p.proname::text AS does, t.tgtype::int AS type, t.tgattr::smallint[] AS attnums, encode(t.tgargs, 'escape') AS says
    FROM pg_trigger t JOIN pg_proc p ON p.oid = t.tgfoid JOIN relations r ON r.oid = t.tgrelid AND r.relnamespace = p.pronamespace
   WHERE NOT t.tgisinternal AND t.tgenabled IN ('O', 'A') AND t.tgqual IS NULL
),
-- BEFORE UPDATE FOR EACH ROW; AFTER INSERT OR DELETE OR UPDATE FOR EACH ROW; BEFORE UPDATE OR DELETE OR TRUNCATE.
kinds (does, type) AS (VALUES ('touch', 19), ('audit', 29), ('append_only', 58)),
working AS (SELECT t.* FROM triggers t JOIN kinds USING (does, type)),
faults (rule, thing) AS (

-- Row security

SELECT 'row security is enabled', name FROM tenants WHERE NOT relrowsecurity
UNION ALL
SELECT 'row security is forced', name FROM tenants WHERE NOT relforcerowsecurity
UNION ALL
SELECT 'one policy keeps every row in its organization', name
  FROM tenants t,
       LATERAL (SELECT format('(%s = (NULLIF(current_setting(''app.org''::text, true), ''''::text))::uuid)', t.key)) AS e (mine),
       LATERAL (SELECT count(*) FILTER (WHERE polcmd = '*' AND polpermissive AND pg_get_expr(polqual, polrelid) = e.mine
                                              AND pg_get_expr(polwithcheck, polrelid) = e.mine) AS good, count(*) AS all
                  FROM pg_policy WHERE polrelid = t.oid AND 0 = ANY (polroles)) AS p
 WHERE (p.good, p.all) <> (1, 1)
UNION ALL
SELECT 'no role but the sign-in role has a policy, in identity alone', format('%s.%s', r.name, p.polname)
  FROM relations r JOIN pg_policy p ON p.polrelid = r.oid
 WHERE NOT 0 = ANY (p.polroles) AND NOT (r.schema = 'identity' AND p.polroles::regrole[]::text[] = '{spectra_identity_system}')
   -- What uploads left behind is cleared away for all organizations, by transactions that do nothing else.
   AND NOT (r.name = 'lims.attachment_uploads' AND p.polname = 'upkeep' AND p.polroles::regrole[]::text[] = '{spectra_lims}'
            AND pg_get_expr(p.polqual, p.polrelid) = '(current_setting(''app.upkeep''::text, true) = ''attachment_uploads''::text)')
UNION ALL
SELECT 'the organization is the setting where it is not named', t.name
  FROM tenants t LEFT JOIN columns c ON c.oid = t.oid AND c.column = 'organization_id'
 WHERE t.key = 'organization_id' AND c.standard IS DISTINCT FROM '(NULLIF(current_setting(''app.org''::text, true), ''''::text))::uuid'

-- Keys

UNION ALL
SELECT 'the primary key leads with the organization', t.name FROM tenants t
 WHERE NOT EXISTS (SELECT FROM indexes i WHERE i.indrelid = t.oid AND i.indisprimary AND i.columns[1] = t.key)
UNION ALL
SELECT 'a resource is keyed by organization and id', t.name FROM resources t
 WHERE t.key = 'organization_id'
   AND NOT EXISTS (SELECT FROM indexes i WHERE i.indrelid = t.oid AND i.indisprimary AND i.columns = '{organization_id,id}')
UNION ALL
SELECT 'ids are uuids', name FROM columns WHERE (columns.column = 'id' OR columns.column LIKE '%\_id') AND typname <> 'uuid'
   AND name <> 'analysis.calibrations.certificate_id' -- the provider's own number, printed on the paper
   AND name <> 'lims.devices.design_id' -- the lab's own name of the design
   AND name <> 'lims.signatures.key_id' -- the hash of a key
UNION ALL
SELECT 'a foreign key stays in its schema', name FROM foreign_keys WHERE abroad
UNION ALL
SELECT 'a foreign key pairs the organization', name FROM foreign_keys
 WHERE target <> 'identity.organizations'
   AND NOT (cardinality(conkey) > 1 AND from_columns[1] = 'organization_id' AND to_columns[1] = 'organization_id')
UNION ALL
SELECT 'a foreign key restricts', name FROM foreign_keys WHERE confdeltype <> 'r' OR confupdtype NOT IN ('a', 'r')
UNION ALL
SELECT 'a foreign key has an index', f.name FROM foreign_keys f
 WHERE NOT EXISTS (SELECT FROM indexes i WHERE i.indrelid = f.conrelid AND i.whole AND i.indnkeyatts >= cardinality(f.conkey)
                      AND i.attnums[1:cardinality(f.conkey)] @> f.conkey)
UNION ALL
SELECT 'a foreign key is called <table>_<kind>_fk', name FROM foreign_keys f
 WHERE f.key <> f.table || '_' || regexp_replace(from_columns[cardinality(from_columns)], '_id$', '') || '_fk'
UNION ALL
SELECT 'what is unique is so in its organization', name FROM indexes
 WHERE indisunique AND NOT indisprimary AND columns[1] IS DISTINCT FROM key
   -- Organizations are told apart before one is known, and so is a refresh token, which nobody chooses.
   AND name NOT IN ('identity.organizations_name', 'identity.organizations_slug', 'identity.refresh_tokens_hash')
UNION ALL
SELECT 'a unique index is called <table>_<field>', name FROM indexes i
 WHERE indisunique AND NOT indisprimary
   AND NOT EXISTS (SELECT FROM columns c WHERE c.oid = i.indrelid AND i.index = i.short || '_' || c.column)
   AND name <> 'lims.recipes_approved' -- nobody meets it: approving a recipe retires its twin first
UNION ALL
SELECT 'a list has an index in its order', listed FROM unnest($1::text[]) listed
 WHERE NOT EXISTS (SELECT FROM indexes i WHERE i.table = listed AND i.whole AND i.columns IN (
   '{organization_id,created_at desc,id desc}'::text[],
   -- Listed for one person, model, recipe, procedure or version only.
   CASE listed WHEN 'identity.sessions' THEN '{organization_id,user_id,created_at desc,id desc}'::text[] END,
   CASE listed WHEN 'lims.signatures' THEN '{organization_id,entry_id,created_at desc,id desc}'::text[] END,
   CASE listed WHEN 'lims.recipe_approvals' THEN '{organization_id,recipe_id,created_at desc,id desc}'::text[] END,
   CASE listed WHEN 'analysis.ml_model_runs' THEN '{organization_id,model_id,created_at desc,id desc}'::text[] END,
   CASE listed WHEN 'lims.sop_acknowledgements' THEN '{organization_id,sop_id,created_at desc,id desc}'::text[] END,
   -- Listed for one series only, by the time of measurement, read backwards.
   CASE listed WHEN 'analysis.spc_points' THEN '{organization_id,series_id,ts,id}'::text[] END,
   -- Its time is that of the change.
   CASE listed WHEN 'lims.audit_events' THEN '{organization_id,at desc,id desc}'::text[] END))
UNION ALL
SELECT 'constraints and indexes are valid', format('%s.%s', t.schema, c.conname)
  FROM tables t JOIN pg_constraint c ON c.conrelid = t.oid WHERE NOT c.convalidated
UNION ALL
SELECT 'constraints and indexes are valid', format('%s.%s', t.schema, x.relname)
  FROM tables t JOIN pg_index i ON i.indrelid = t.oid JOIN pg_class x ON x.oid = i.indexrelid WHERE NOT i.indisvalid

-- Columns

UNION ALL
SELECT 'a resource keeps when it was made and changed, and its revision', format('%s.%s', t.name, e.column)
  FROM resources t
 CROSS JOIN (VALUES ('created_at', 'timestamptz', 'now()', false),
                    ('updated_at', 'timestamptz', 'now()', true),
                    ('revision', 'int4', '1', true)) e ("column", type, standard, change)
  LEFT JOIN columns c ON c.oid = t.oid AND c.column = e.column
 WHERE (NOT e.change OR t.oid IN (SELECT oid FROM updated))
   AND (c.typname, c.standard, c.attnotnull) IS DISTINCT FROM (e.type, e.standard, true)
UNION ALL
SELECT 'times have a zone', name FROM columns WHERE typname IN ('timestamp', 'time', 'timetz')
UNION ALL
SELECT 'JSON is an object unless it is said', name FROM columns
 WHERE typname IN ('json', 'jsonb') AND oid IN (SELECT oid FROM resources)
   AND (typname, attnotnull, standard) IS DISTINCT FROM ('jsonb', true, '''{}''::jsonb')
   AND name NOT IN ('analysis.gauge_studies.measurements', 'lims.sops.checklist') -- items in their order
UNION ALL
SELECT 'JSON is of the type that it is checked for', name FROM columns c
 WHERE typname IN ('json', 'jsonb') AND NOT EXISTS (
   SELECT FROM checks k
    WHERE k.conrelid = c.oid AND k.conkey = ARRAY[c.attnum] AND k.says = format('CHECK ((jsonb_typeof(%I) = %L::text))', c.column, CASE WHEN standard LIKE '''[]%' THEN 'array' ELSE 'object' END))
UNION ALL
SELECT 'text has a limit', name FROM columns c, LATERAL (SELECT quote_ident(c.column)) q (id)
 WHERE typcategory = 'S' AND NOT EXISTS (
   SELECT FROM checks k WHERE k.conrelid = c.oid AND k.conkey = ARRAY[c.attnum] AND k.says !~ ' OR ' AND (
     k.says ~ format('\(length\(%s\) <=? [0-9]+\)', q.id)
     OR k.says ~ format('\(%s = (''|ANY )', q.id)
     OR substring(k.says FROM format('\(%s ~ ''(\^.*\$)''', q.id)) !~ '[*+]|,\}'))
UNION ALL
SELECT 'labels are lower-case', format('%s.%s: %s', s.name, y.typname, e.enumlabel)
  FROM schemas s JOIN pg_type y ON y.typnamespace = s.oid JOIN pg_enum e ON e.enumtypid = y.oid
 WHERE e.enumlabel !~ '^[a-z][a-z0-9]*(_[a-z0-9]+)*$'

-- Changes

UNION ALL
SELECT 'a change raises the revision', u.name FROM updated u JOIN resources r USING (oid)
 WHERE NOT EXISTS (SELECT FROM working w
                    WHERE w.tgrelid = u.oid AND w.does = 'touch' AND (cardinality(w.attnums) = 0 OR u.attnum = ANY (w.attnums)))
   -- A sign-in is no change of the person and a renewal none of the session; the last moves with the role or the account.
   AND u.name NOT IN ('identity.users.last_login', 'identity.sessions.last_used_at', 'identity.users.authorized_after')
UNION ALL
SELECT 'a change is audited', u.name FROM updated u JOIN resources r USING (oid)
 WHERE NOT EXISTS (SELECT FROM working w
                    WHERE w.tgrelid = u.oid AND w.does = 'audit' AND (cardinality(w.attnums) = 0 OR u.attnum = ANY (w.attnums)))
   AND u.name NOT IN ('identity.users.last_login', 'identity.sessions.last_used_at', 'identity.users.authorized_after')
UNION ALL
SELECT 'a record is audited from its beginning', t.name FROM resources t
 WHERE t.name <> 'analysis.ml_model_runs' -- written with their model, whose row in the trail tells how many
   AND NOT EXISTS (SELECT FROM working w WHERE w.tgrelid = t.oid AND w.does = 'audit')
UNION ALL
SELECT 'the trail holds no secret', c.name FROM columns c JOIN working w ON w.tgrelid = c.oid AND w.does = 'audit'
 WHERE c.column ~ 'password|secret|sealed|token' AND NOT w.says ~ format('[{,]%s[},]', c.column)
UNION ALL
SELECT 'what nobody may change refuses to be changed', t.name FROM tenants t
 WHERE t.oid NOT IN (SELECT oid FROM changed) AND NOT EXISTS (SELECT FROM working w WHERE w.tgrelid = t.oid AND w.does = 'append_only')
UNION ALL
SELECT 'what is never changed may be changed by nobody', t.name
  FROM tenants t JOIN working w ON w.tgrelid = t.oid AND w.does = 'append_only'
 WHERE t.oid IN (SELECT oid FROM changed)
UNION ALL
SELECT 'no record is lost by a delete', format('%s by %s', g.name, g.grantee::regrole) FROM grants g
 WHERE g.privilege = 'DELETE'
   -- What has outlived its use, such as a proof that nobody used; and a recipe that was never approved, which its trigger sees to.
   AND g.name NOT LIKE '%.idempotency_keys' AND g.name NOT LIKE '%.outbox' AND g.name NOT IN ('identity.proofs', 'identity.revocations', 'lims.recipes', 'lims.attachment_uploads', 'analysis.spc_imports', 'analysis.spc_spans')

-- Rights

UNION ALL
SELECT 'a partition is reached through its table alone', format('%s: %s', g.name, g.privilege) FROM grants g JOIN relations r USING (oid)
 WHERE r.relispartition
UNION ALL
SELECT 'rows are read and written, nothing else', format('%s: %s', g.name, g.privilege) FROM grants g
 WHERE g.privilege NOT IN ('SELECT', 'INSERT', 'UPDATE', 'DELETE') OR g.is_grantable OR g.relkind NOT IN ('r', 'p', 'v')
UNION ALL
SELECT 'a table is for its own service', format('%s to %s', g.name, CASE g.grantee WHEN 0 THEN 'everyone' ELSE g.grantee::regrole::text END)
  FROM grants g
 WHERE NOT EXISTS (SELECT FROM roles r WHERE r.oid = g.grantee AND r.schema = g.schema)
UNION ALL
SELECT 'the history of migrations is read only', format('%s: %s', r.name, g.privilege) FROM relations r JOIN grants g USING (oid)
 WHERE r.relname IN ('migrations', 'migrations_common') AND g.privilege <> 'SELECT'
UNION ALL
SELECT 'secrets are for the sign-in role', format('%s to %s', c.name, r.name) FROM columns c, roles r
 WHERE r.name <> 'spectra_identity_system' AND has_column_privilege(r.oid, c.oid, c.attnum, 'SELECT')
   AND (c.column ~ 'password|secret|sealed' OR c.table IN ('identity.refresh_tokens', 'identity.signing_keys', 'identity.sealed_secrets'))
UNION ALL
SELECT 'a service sees its own schema alone', format('%s: %s', r.name, s.name) FROM roles r, schemas s
 WHERE has_schema_privilege(r.oid, s.oid, 'USAGE') <> (r.schema = s.name)
UNION ALL
SELECT 'a service makes nothing in the database', format('%s: %s', r.name, n.nspname) FROM roles r, pg_namespace n
 WHERE has_schema_privilege(r.oid, n.oid, 'CREATE')
UNION ALL
SELECT 'a service makes nothing in the database', format('%s: %s', r.name, p.right)
  FROM roles r, unnest(ARRAY['CREATE', 'TEMPORARY']) p ("right")
 WHERE has_database_privilege(r.oid, current_database(), p.right)
UNION ALL
SELECT 'a role has no power', r.rolname FROM pg_roles r
 WHERE (r.oid IN (SELECT oid FROM roles) OR r.rolname IN (SELECT owner FROM schemas))
   AND (r.rolsuper OR r.rolbypassrls OR r.rolcreaterole OR r.rolcreatedb OR r.rolreplication)
UNION ALL
SELECT 'an owner does not sign in', r.rolname FROM pg_roles r WHERE r.rolname IN (SELECT owner FROM schemas) AND r.rolcanlogin
UNION ALL
SELECT 'a role is nobody else', format('%s: %s', m.member::regrole, m.roleid::regrole) FROM pg_auth_members m
 WHERE m.member IN (SELECT oid FROM roles) OR m.member::regrole::text IN (SELECT owner FROM schemas)
UNION ALL
SELECT 'everything belongs to the owner of its schema', format('%s.%s', s.name, o.name)
  FROM schemas s, LATERAL (
    SELECT '' AS name, s.nspowner AS owner
    UNION ALL SELECT relname, relowner FROM pg_class WHERE relnamespace = s.oid
    UNION ALL SELECT proname, proowner FROM pg_proc WHERE pronamespace = s.oid
    UNION ALL SELECT typname, typowner FROM pg_type WHERE typnamespace = s.oid AND typtype <> 'c' AND typcategory <> 'A') o
 WHERE o.owner::regrole::text <> s.owner

-- Ways around row security

UNION ALL
SELECT 'a view asks as its caller', name FROM relations WHERE relkind = 'v' AND NOT coalesce(reloptions @> '{security_invoker=true}', false)
UNION ALL
SELECT 'nothing is materialized or foreign', name FROM relations WHERE relkind IN ('m', 'f')
UNION ALL
SELECT 'no function has the rights of its owner', format('%s.%s', s.name, p.proname)
  FROM schemas s JOIN pg_proc p ON p.pronamespace = s.oid WHERE p.prosecdef
   -- It makes tables of the months to come, and takes nothing from who calls it.
   AND (s.name, p.proname) <> ('analysis', 'make_partitions')
UNION ALL
SELECT 'no statement is rewritten', format('%s.%s', r.name, w.rulename)
  FROM relations r JOIN pg_rewrite w ON w.ev_class = r.oid WHERE w.rulename <> '_RETURN'
UNION ALL
SELECT 'tables outlive a crash', name FROM tables WHERE relpersistence <> 'p'
)
SELECT DISTINCT rule, thing FROM faults ORDER BY rule, thing
