-- All that migrations make, in words that do not depend on the order or the time of making.
WITH
schemas AS (SELECT oid, nspname::text AS name, nspowner, nspacl FROM pg_namespace WHERE nspname IN ('identity', 'lims', 'analysis')),
relations AS (SELECT c.*, format('%s.%s', s.name, c.relname) AS name FROM pg_class c JOIN schemas s ON s.oid = c.relnamespace),
lines (line) AS (
  SELECT format('schema %s of %s: %s', name, nspowner::regrole, nspacl) FROM schemas
  UNION ALL
  SELECT format('%s %s of %s: %s %s %s %s', relkind, name, relowner::regrole, relacl, reloptions, relrowsecurity, relforcerowsecurity) FROM relations
  UNION ALL
  SELECT format('column %s %s.%s %s%s %s %s %s', row_number() OVER (PARTITION BY r.oid ORDER BY a.attnum), r.name, a.attname, format_type(a.atttypid, a.atttypmod),
                CASE WHEN a.attnotnull THEN ' not null' END, pg_get_expr(d.adbin, d.adrelid), a.attidentity, a.attacl)
    FROM relations r JOIN pg_attribute a ON a.attrelid = r.oid AND a.attnum > 0 AND NOT a.attisdropped
    LEFT JOIN pg_attrdef d ON d.adrelid = r.oid AND d.adnum = a.attnum WHERE r.relkind IN ('r', 'p', 'v')
  UNION ALL
  SELECT format('constraint %s %s: %s %s', r.name, c.conname, pg_get_constraintdef(c.oid), c.convalidated)
    FROM relations r JOIN pg_constraint c ON c.conrelid = r.oid
  UNION ALL
  SELECT pg_get_indexdef(i.indexrelid) FROM relations r JOIN pg_index i ON i.indrelid = r.oid
  UNION ALL
  SELECT format('policy %s %s %s %s %s: %s; %s', r.name, p.polname, p.polcmd, p.polpermissive, p.polroles::regrole[],
                pg_get_expr(p.polqual, p.polrelid), pg_get_expr(p.polwithcheck, p.polrelid))
    FROM relations r JOIN pg_policy p ON p.polrelid = r.oid
  UNION ALL
  SELECT format('%s %s', pg_get_triggerdef(t.oid), t.tgenabled) FROM relations r JOIN pg_trigger t ON t.tgrelid = r.oid WHERE NOT t.tgisinternal
  UNION ALL
  SELECT format('function %s of %s: %s %s', p.oid::regprocedure, p.proowner::regrole, p.proacl, pg_get_functiondef(p.oid))
    FROM schemas s JOIN pg_proc p ON p.pronamespace = s.oid
  UNION ALL
  SELECT format('type %s.%s of %s: %s', s.name, t.typname, t.typowner::regrole,
                (SELECT string_agg(enumlabel, ', ' ORDER BY enumsortorder) FROM pg_enum WHERE enumtypid = t.oid))
    FROM schemas s JOIN pg_type t ON t.typnamespace = s.oid WHERE t.typtype = 'e'
)
SELECT line FROM lines ORDER BY line COLLATE "C"
