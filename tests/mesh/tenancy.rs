//! What the database alone keeps apart, told to it in SQL as each service's role: row security,
//! keys that pair the organization, grants, triggers.

use serde_json::Value;
use spectra_database::schema::{self, Schema};
use spectra_tests::{DEMO, Mesh, TEST};
use sqlx::{AssertSqlSafe, Connection, PgConnection};
use uuid::Uuid;

mod trail;

/// Records of every kind, in one organization.
const RECORDS: &str = include_str!("tenancy/records.sql");

/// The roles that work for one organization at a time.
const ROLES: [&str; 3] = ["spectra_identity", "spectra_lims", "spectra_analysis"];

/// What a role may do with each table of its schema.
const REACH: &str = "
SELECT format('%I.%I', n.nspname, c.relname) AS name, k.key,
       has_any_column_privilege($1, c.oid, 'SELECT') AS reads,
       (SELECT string_agg(quote_ident(attname), ', ') FROM pg_attribute
         WHERE attrelid = c.oid AND attnum > 0 AND attidentity = '' AND attgenerated = '' AND has_column_privilege($1, c.oid, attnum, 'INSERT')) AS adds,
       (SELECT min(attname::text) FROM pg_attribute
         WHERE attrelid = c.oid AND attnum > 0 AND attname NOT IN ('id', 'organization_id')
           AND has_column_privilege($1, c.oid, attnum, 'SELECT') AND has_column_privilege($1, c.oid, attnum, 'UPDATE')) AS changes,
       has_table_privilege($1, c.oid, 'DELETE') AS deletes,
       EXISTS (SELECT FROM pg_constraint WHERE conrelid = c.oid AND contype = 'f') AS refers
  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace,
       LATERAL (SELECT CASE c.relname WHEN 'organizations' THEN 'id' ELSE 'organization_id' END) k (key)
 WHERE n.nspname = split_part($1, '_', 2) AND c.relkind IN ('r', 'p') AND c.relrowsecurity
 ORDER BY 1";

#[derive(sqlx::FromRow)]
struct Table {
    name: String,
    key: String,
    reads: bool,
    /// The columns that may be inserted.
    adds: Option<String>,
    /// A column that may be updated.
    changes: Option<String>,
    deletes: bool,
    refers: bool,
}

/// A mesh with records of every kind in both organizations.
struct Lab {
    mesh: Mesh,
    mine: Uuid,
    theirs: Uuid,
}

impl Lab {
    async fn open() -> Self {
        let mesh = Mesh::start().await;
        let (mine, theirs) = (organization(&mesh, DEMO).await, organization(&mesh, TEST).await);
        for organization in [mine, theirs] {
            let mut conn = mesh.sql().await;
            let mut tx = conn.begin().await.unwrap();
            act_in(&mut tx, organization).await;
            sqlx::raw_sql(RECORDS).execute(&mut *tx).await.unwrap();
            tx.commit().await.unwrap();
        }
        Self { mesh, mine, theirs }
    }

    async fn role(&self, role: &str) -> PgConnection {
        PgConnection::connect_with(&self.mesh.application(role).await).await.unwrap()
    }

    async fn tables(&self, role: &str) -> Vec<Table> {
        let tables: Vec<Table> = sqlx::query_as(REACH).bind(role).fetch_all(&mut self.mesh.sql().await).await.unwrap();
        assert!(tables.len() >= 5, "{role} has {} tables", tables.len());
        tables
    }

    /// A record of an organization; every table has one, or this test proves nothing about it.
    async fn record(&self, table: &Table, organization: Uuid) -> Value {
        // A version that follows another refers to it; a first one refers to nothing.
        let sql = format!(
            "SELECT to_jsonb(t) FROM {} t WHERE {} = $1 ORDER BY to_jsonb(t) ->> 'supersedes' IS NULL LIMIT 1",
            table.name, table.key
        );
        let record = sqlx::query_scalar(AssertSqlSafe(sql)).bind(organization).fetch_optional(&mut self.mesh.sql().await).await.unwrap();
        record.unwrap_or_else(|| panic!("records.sql makes nothing in {}", table.name))
    }
}

async fn organization(mesh: &Mesh, slug: &str) -> Uuid {
    sqlx::query_scalar("SELECT id FROM identity.organizations WHERE slug = $1").bind(slug).fetch_one(&mut mesh.sql().await).await.unwrap()
}

/// Works for an organization until the transaction ends.
async fn act_in(conn: &mut PgConnection, organization: Uuid) {
    sqlx::query("SELECT set_config('app.org', $1, true)").bind(organization.to_string()).execute(conn).await.unwrap();
}

/// How many rows a statement met, or the code of its refusal.
type Outcome = Result<u64, String>;

fn denied() -> Outcome {
    Err("42501".to_owned())
}

/// What a statement comes to that meets no row, where the role may run it.
fn nothing(may: bool) -> Outcome {
    if may { Ok(0) } else { denied() }
}

/// What comes of a statement in an organization, or in none; nothing of it lasts.
async fn attempt(conn: &mut PgConnection, organization: Option<Uuid>, sql: &str, record: Option<&Value>) -> Outcome {
    let mut tx = conn.begin().await.unwrap();
    if let Some(organization) = organization {
        act_in(&mut tx, organization).await;
    }
    let mut query = sqlx::query(AssertSqlSafe(sql));
    if let Some(record) = record {
        query = query.bind(record);
    }
    let outcome = query.execute(&mut *tx).await;
    tx.rollback().await.unwrap();
    outcome.map(|done| done.rows_affected()).map_err(code)
}

#[expect(clippy::needless_pass_by_value, reason = "it maps errors")]
fn code(error: sqlx::Error) -> String {
    let told = error.as_database_error().unwrap_or_else(|| panic!("{error}"));
    told.code().unwrap_or_default().into_owned()
}

impl Table {
    fn select(&self) -> String {
        format!("SELECT FROM {}", self.name)
    }

    fn insert(&self) -> String {
        let columns = self.adds.as_deref().unwrap_or(&self.key);
        format!("INSERT INTO {name} ({columns}) SELECT {columns} FROM jsonb_populate_record(NULL::{name}, $1)", name = self.name)
    }

    fn update(&self) -> String {
        let column = self.changes.as_deref().unwrap_or(&self.key);
        format!("UPDATE {} SET {column} = {column}", self.name)
    }

    fn delete(&self) -> String {
        format!("DELETE FROM {}", self.name)
    }
}

#[tokio::test]
async fn without_an_organization_nothing_is_seen_or_written() {
    let lab = Lab::open().await;
    let ended = format!("BEGIN; SET LOCAL app.org = '{}'; COMMIT", lab.mine);
    let reset = format!("SET app.org = '{}'; RESET app.org", lab.mine);
    for role in ROLES {
        for state in ["SELECT 1", "SET app.org = ''", &ended, &reset] {
            let conn = &mut lab.role(role).await;
            sqlx::raw_sql(AssertSqlSafe(state)).execute(&mut *conn).await.unwrap();
            for table in lab.tables(role).await {
                let place = format!("{} as {role} after {state}", table.name);
                let record = lab.record(&table, lab.mine).await;
                assert_eq!(attempt(conn, None, &table.select(), None).await, nothing(table.reads), "{place}");
                assert_eq!(attempt(conn, None, &table.update(), None).await, nothing(table.changes.is_some()), "{place}");
                assert_eq!(attempt(conn, None, &table.delete(), None).await, nothing(table.deletes), "{place}");
                assert_eq!(attempt(conn, None, &table.insert(), Some(&record)).await, denied(), "{place}");
            }
        }
    }
}

#[tokio::test]
async fn another_organization_is_out_of_sight_and_out_of_reach() {
    let lab = Lab::open().await;
    for role in ROLES {
        let conn = &mut lab.role(role).await;
        for table in lab.tables(role).await {
            let place = format!("{} as {role}", table.name);
            let theirs = format!(" WHERE {} = '{}'", table.key, lab.theirs);
            let all = sqlx::query_scalar(AssertSqlSafe(format!("SELECT count(*) FROM {} WHERE {} = $1", table.name, table.key)));
            let all: i64 = all.bind(lab.mine).fetch_one(&mut lab.mesh.sql().await).await.unwrap();
            let record = lab.record(&table, lab.theirs).await;

            let seen = if table.reads { Ok(u64::try_from(all).unwrap()) } else { denied() };
            assert!(all > 0, "records.sql makes nothing in {place}");
            assert_eq!(attempt(conn, Some(lab.mine), &table.select(), None).await, seen, "{place}: all of one's own, and no more");
            let select = table.select() + &theirs;
            assert_eq!(attempt(conn, Some(lab.mine), &select, None).await, nothing(table.reads), "{place}");
            let update = table.update() + &theirs;
            assert_eq!(attempt(conn, Some(lab.mine), &update, None).await, nothing(table.changes.is_some()), "{place}");
            let delete = table.delete() + &theirs;
            assert_eq!(attempt(conn, Some(lab.mine), &delete, None).await, nothing(table.deletes), "{place}");
            assert_eq!(attempt(conn, Some(lab.mine), &table.insert(), Some(&record)).await, denied(), "{place}");
            let give = format!("UPDATE {} SET {} = '{}'", table.name, table.key, lab.theirs);
            assert_eq!(attempt(conn, Some(lab.mine), &give, None).await, denied(), "{place}: nothing is given away");
        }
    }
}

/// A record with another organization's ids and names is refused only where it refers to the other
/// organization's records, and then as if there were none: no unique key tells that they exist.
#[tokio::test]
async fn nothing_is_learnt_of_another_organization() {
    let lab = Lab::open().await;
    let mut twins = 0;
    for role in ROLES {
        let conn = &mut lab.role(role).await;
        for table in lab.tables(role).await.into_iter().filter(|table| table.adds.is_some()) {
            let mut record = lab.record(&table, lab.theirs).await;
            record[&table.key] = lab.mine.to_string().into();
            if let Some(place) = record.get_mut("link") {
                // Every organization has a chain of its own, which begins alike.
                *place = 1_000_000.into();
            }
            let expected = if table.refers { Err("23503".to_owned()) } else { Ok(1) };
            assert_eq!(attempt(conn, Some(lab.mine), &table.insert(), Some(&record)).await, expected, "{}", table.name);
            let quietly = table.insert() + " ON CONFLICT DO NOTHING";
            assert_eq!(attempt(conn, Some(lab.mine), &quietly, Some(&record)).await, expected, "{}", table.name);
            twins += 1;
        }
    }
    assert!(twins >= 12, "only {twins} tables were tried");

    // What the planner knows of all rows is told to nobody who may see only some.
    let mut admin = lab.mesh.sql().await;
    sqlx::raw_sql("ANALYZE").execute(&mut admin).await.unwrap();
    let known = "SELECT FROM pg_stats WHERE schemaname IN ('identity', 'lims', 'analysis') AND tablename NOT LIKE 'migrations%'";
    assert!(attempt(&mut admin, None, known, None).await.unwrap() > 100);
    for role in ROLES {
        assert_eq!(attempt(&mut lab.role(role).await, Some(lab.mine), known, None).await, Ok(0), "{role}");
    }
}

/// Statements that row security does not cover, or that would end it; `{own}` and `{other}` are schemas.
const FORBIDDEN: &[(&str, &str)] = &[
    ("TRUNCATE {own}.audit_events", "42501"),
    ("TRUNCATE {own}.idempotency_keys", "42501"),
    ("UPDATE {own}.audit_events SET kind = 'k'", "42501"),
    ("DELETE FROM {own}.audit_events", "42501"),
    ("COPY {own}.audit_events FROM STDIN", "0A000"),
    ("COPY {own}.audit_events FROM '/etc/hostname'", "42501"),
    ("COPY (SELECT 1) TO PROGRAM 'true'", "42501"),
    ("DO $$ BEGIN LOCK TABLE {own}.audit_events IN ACCESS EXCLUSIVE MODE; END $$", "42501"),
    ("SELECT setval('{own}.audit_events_seq_seq', 1)", "42501"),
    ("CREATE TABLE {own}.mine ()", "42501"),
    ("CREATE TABLE public.mine ()", "42501"),
    ("CREATE TEMPORARY TABLE mine ()", "42501"),
    ("CREATE SCHEMA mine", "42501"),
    ("CREATE VIEW {own}.mine AS SELECT 1 AS one", "42501"),
    ("CREATE FUNCTION {own}.mine() RETURNS int LANGUAGE sql AS 'SELECT 1'", "42501"),
    ("CREATE INDEX ON {own}.audit_events (kind)", "42501"),
    ("CREATE TRIGGER mine BEFORE INSERT ON {own}.audit_events EXECUTE FUNCTION {own}.touch()", "42501"),
    ("ALTER TABLE {own}.audit_events DISABLE ROW LEVEL SECURITY", "42501"),
    ("ALTER TABLE {own}.audit_events NO FORCE ROW LEVEL SECURITY", "42501"),
    ("ALTER TABLE {own}.audit_events DISABLE TRIGGER ALL", "42501"),
    ("ALTER POLICY organization ON {own}.audit_events USING (true)", "42501"),
    ("DROP POLICY organization ON {own}.audit_events", "42501"),
    ("DROP TRIGGER append_only ON {own}.audit_events", "42501"),
    ("DROP TABLE {own}.audit_events", "42501"),
    ("DROP SCHEMA {own} CASCADE", "42501"),
    ("SELECT {own}.isolate('audit_events', 'update')", "42501"),
    ("SET row_security = off; SELECT FROM {own}.audit_events", "42501"),
    ("SET session_replication_role = replica", "42501"),
    ("SET ROLE spectra_{own}_owner", "42501"),
    ("SET SESSION AUTHORIZATION spectra_{own}_owner", "42501"),
    ("ALTER ROLE CURRENT_USER BYPASSRLS", "42501"),
    ("CREATE ROLE mine", "42501"),
    ("SELECT rolpassword FROM pg_authid", "42501"),
    ("SELECT FROM pg_statistic", "42501"),
    ("SELECT pg_read_file('PG_VERSION')", "42501"),
    ("SELECT FROM {other}.audit_events", "42501"),
    ("SELECT FROM {other}.idempotency_keys", "42501"),
    ("INSERT INTO {other}.audit_events (action) VALUES ('insert')", "42501"),
    ("UPDATE {own}.migrations SET success = false", "42501"),
];

#[tokio::test]
async fn what_row_security_does_not_cover_is_denied() {
    let mesh = Mesh::start().await;
    // The mesh's database is a copy, and a copy has not the rights on the database itself.
    schema::migrate(mesh.admin()).await.unwrap();
    let mine = organization(&mesh, DEMO).await;
    let mut tried = 0;
    for own in Schema::ALL {
        for role in own.applications() {
            let conn = &mut PgConnection::connect_with(&mesh.application(role).await).await.unwrap();
            sqlx::query("SELECT set_config('app.org', $1, false)").bind(mine.to_string()).execute(&mut *conn).await.unwrap();
            for other in Schema::ALL.into_iter().filter(|other| *other != own) {
                for (statement, expected) in FORBIDDEN {
                    let statement = statement.replace("{own}", own.name()).replace("{other}", other.name());
                    let outcome = sqlx::raw_sql(AssertSqlSafe(statement.as_str())).execute(&mut *conn).await;
                    assert_eq!(outcome.map(|_| ()).map_err(code), Err((*expected).to_owned()), "{statement} as {role}");
                    tried += 1;
                }
            }
        }
    }
    println!("{tried} statements denied");
}
