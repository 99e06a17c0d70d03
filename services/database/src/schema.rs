//! One schema a service, with an owner that migrates it and an application role that cannot.

#![expect(
    clippy::disallowed_types,
    reason = "statements about schemas and roles take no parameters; they are put together of the names in this file"
)]

use std::time::Duration;

use anyhow::{Context, Result, bail};
use sqlx::{
    AssertSqlSafe, Connection, PgConnection,
    migrate::{Migrate, Migrator},
    postgres::PgConnectOptions,
};

/// What every schema has, before its own.
static COMMON: Migrator = sqlx::migrate!("../../migrations/mesh");
static IDENTITY: Migrator = sqlx::migrate!("../../migrations/identity");
static LIMS: Migrator = sqlx::migrate!("../../migrations/lims");
static ANALYSIS: Migrator = sqlx::migrate!("../../migrations/analysis");

/// Makes the partitions of the months to come, in a schema that has any, so that they are there before its service looks after them.
const AHEAD: &str = "DO $$ BEGIN IF to_regprocedure('make_partitions()') IS NOT NULL THEN PERFORM make_partitions(); END IF; END $$";

/// What PostgreSQL answers to a wrong password.
const INVALID_PASSWORD: &str = "28P01";

/// A service's schema.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "each is the service of that name")]
pub enum Schema {
    Identity,
    Lims,
    Analysis,
}

impl Schema {
    /// Every schema.
    pub const ALL: [Self; 3] = [Self::Identity, Self::Lims, Self::Analysis];

    /// Its name in the database.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Identity => "identity",
            Self::Lims => "lims",
            Self::Analysis => "analysis",
        }
    }

    /// The roles that services connect as.
    #[must_use]
    pub fn applications(self) -> &'static [&'static str] {
        match self {
            Self::Identity => &["spectra_identity", "spectra_identity_system"],
            Self::Lims => &["spectra_lims"],
            Self::Analysis => &["spectra_analysis"],
        }
    }

    fn owner(self) -> String {
        format!("spectra_{}_owner", self.name())
    }

    /// The schema's histories: the table that records each, and its migrations.
    fn histories(self) -> [(&'static str, &'static Migrator); 2] {
        let own = match self {
            Self::Identity => &IDENTITY,
            Self::Lims => &LIMS,
            Self::Analysis => &ANALYSIS,
        };
        [("migrations_common", &COMMON), ("migrations", own)]
    }
}

/// How far a schema's migrations are applied.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress {
    /// The schema.
    pub schema: Schema,
    /// How many are applied.
    pub applied: usize,
    /// How many this program knows.
    pub known: usize,
}

/// Makes roles, schemas and tables as this program knows them. May be run again, and by several at
/// once: the database's lock lets one go first.
pub async fn migrate(admin: &PgConnectOptions) -> Result<()> {
    let mut conn = connect(admin).await?;
    run(&mut conn, "SELECT pg_advisory_lock(727110)").await?;
    run(&mut conn, "DO $$ BEGIN EXECUTE format('REVOKE TEMPORARY ON DATABASE %I FROM PUBLIC', current_database()); END $$").await?;
    for schema in Schema::ALL {
        prepare(&mut conn, schema).await?;
        for (table, migrator) in schema.histories() {
            as_owner(&mut conn, schema).await?;
            named(table, migrator).run(&mut conn).await.with_context(|| format!("migrating {}", schema.name()))?;
            run(&mut conn, &format!("GRANT SELECT ON {table} TO {}", schema.applications().join(", "))).await?;
        }
        run(&mut conn, AHEAD).await?;
        run(&mut conn, "RESET ROLE").await?;
    }
    conn.close().await?;
    Ok(())
}

/// Tells the planner what there is. A session that plans over tables that were just made, and are filled at once, would keep to plans
/// that read all of an organization's rows where one is asked for, until the database looks by itself.
pub async fn analyze(admin: &PgConnectOptions) -> Result<()> {
    let mut conn = connect(admin).await?;
    run(&mut conn, "ANALYZE").await?;
    conn.close().await?;
    Ok(())
}

/// Undoes the last migration of a schema.
pub async fn undo_last(admin: &PgConnectOptions, schema: Schema) -> Result<()> {
    let mut conn = connect(admin).await?;
    as_owner(&mut conn, schema).await?;
    let [_, (table, migrator)] = schema.histories();
    let mut versions: Vec<i64> = migrator.iter().filter(|step| step.migration_type.is_up_migration()).map(|step| step.version).collect();
    versions.pop();
    named(table, migrator).undo(&mut conn, versions.last().copied().unwrap_or(0)).await?;
    conn.close().await?;
    Ok(())
}

/// How far each schema is.
pub async fn status(admin: &PgConnectOptions) -> Result<Vec<Progress>> {
    let mut conn = connect(admin).await?;
    let mut all = Vec::new();
    for schema in Schema::ALL {
        let mut progress = Progress { schema, applied: 0, known: 0 };
        for (table, migrator) in schema.histories() {
            progress.known += migrator.iter().filter(|step| step.migration_type.is_up_migration()).count();
            let there: Option<String> =
                sqlx::query_scalar("SELECT to_regclass($1)::text").bind(format!("{}.{table}", schema.name())).fetch_one(&mut conn).await?;
            if there.is_some() {
                let table = format!("{}.{table}", schema.name());
                progress.applied += conn.list_applied_migrations(&table).await?.len();
            }
        }
        all.push(progress);
    }
    Ok(all)
}

/// Lets every application role sign in with the password that is told for it. Refused when a role
/// signs in with another one already: whoever serves this database with it would be cut off.
pub async fn admit(admin: &PgConnectOptions, password: impl Fn(&str) -> String) -> Result<()> {
    let mut conn = connect(admin).await?;
    for &role in Schema::ALL.iter().flat_map(|schema| schema.applications()) {
        if signs_in(&mut conn, admin, role, &password(role)).await? {
            continue;
        }
        // The password is quoted by the database itself; ALTER ROLE takes no parameters.
        let alter: String = sqlx::query_scalar("SELECT format('ALTER ROLE %I LOGIN PASSWORD %L', $1::text, $2::text)")
            .bind(role)
            .bind(password(role))
            .fetch_one(&mut conn)
            .await?;
        cluster_wide(&mut conn, &alter).await?;
    }
    conn.close().await?;
    Ok(())
}

/// Whether a role signs in with a password; not yet, when it may not sign in at all.
async fn signs_in(conn: &mut PgConnection, admin: &PgConnectOptions, role: &str, password: &str) -> Result<bool> {
    let admitted: bool = sqlx::query_scalar("SELECT rolcanlogin FROM pg_roles WHERE rolname = $1").bind(role).fetch_one(conn).await?;
    if !admitted {
        return Ok(false);
    }
    match PgConnection::connect_with(&admin.clone().username(role).password(password)).await {
        Ok(conn) => conn.close().await?,
        Err(sqlx::Error::Database(told)) if told.code().as_deref() == Some(INVALID_PASSWORD) => {
            bail!(
                "the role {role} signs in with another password than this installation's; whoever serves this database with it would be cut off"
            )
        }
        Err(error) => return Err(error).with_context(|| format!("signing in as {role}")),
    }
    Ok(true)
}

async fn prepare(conn: &mut PgConnection, schema: Schema) -> Result<()> {
    let (name, owner) = (schema.name(), schema.owner());
    cluster_wide(conn, &role(&owner)).await?;
    cluster_wide(conn, &format!("GRANT {owner} TO CURRENT_USER")).await?;
    for application in schema.applications() {
        cluster_wide(conn, &role(application)).await?;
        cluster_wide(conn, &format!("ALTER ROLE {application} SET search_path = {name}")).await?;
    }
    run(conn, &format!("CREATE SCHEMA IF NOT EXISTS {name} AUTHORIZATION {owner}")).await?;
    run(conn, &format!("GRANT USAGE ON SCHEMA {name} TO {}", schema.applications().join(", "))).await
}

/// Makes a role, unless there is one.
fn role(name: &str) -> String {
    format!("DO $$ BEGIN CREATE ROLE {name} NOINHERIT; EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL; END $$")
}

/// Runs a statement about roles. They belong to the whole cluster, where another database's migration
/// may be at the same one just now; the database's lock does not reach so far.
async fn cluster_wide(conn: &mut PgConnection, sql: &str) -> Result<()> {
    for _ in 0..20 {
        match sqlx::raw_sql(AssertSqlSafe(sql)).execute(&mut *conn).await {
            Err(sqlx::Error::Database(told)) if told.message() == "tuple concurrently updated" => {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
            outcome => return Ok(outcome.map(|_| ())?),
        }
    }
    run(conn, sql).await
}

async fn as_owner(conn: &mut PgConnection, schema: Schema) -> Result<()> {
    run(conn, &format!("SET ROLE {}", schema.owner())).await?;
    run(conn, &format!("SET search_path = {}", schema.name())).await
}

fn named(table: &'static str, migrator: &Migrator) -> Migrator {
    let mut named = Migrator::with_migrations(migrator.migrations.to_vec());
    named.dangerous_set_table_name(table);
    // Several databases of one cluster may migrate at once; ours is the lock taken before.
    named.set_locking(false);
    named
}

async fn connect(admin: &PgConnectOptions) -> Result<PgConnection> {
    let mut conn = PgConnection::connect_with(admin).await.context("the database cannot be reached")?;
    let version: i32 = sqlx::query_scalar("SELECT current_setting('server_version_num')::int").fetch_one(&mut conn).await?;
    if version < 150_000 {
        bail!("PostgreSQL 15 or newer is needed; this one is {}", version / 10_000);
    }
    Ok(conn)
}

/// Runs a statement made of names that stand in this file, never of anyone's input.
async fn run(conn: &mut PgConnection, sql: &str) -> Result<()> {
    sqlx::raw_sql(AssertSqlSafe(sql)).execute(conn).await?;
    Ok(())
}
