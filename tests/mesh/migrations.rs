//! Migrations: up, up again, down and up, several at once; and who may then connect.

use std::path::Path;

use spectra_database::schema::{self, Schema};
use spectra_mesh::{Db, Pools, SystemDb};
use spectra_tests::{Mesh, empty_database};
use sqlx::{AssertSqlSafe, Connection, PgConnection, migrate::Migrator, postgres::PgConnectOptions};
use tokio::{runtime::Handle, task::JoinSet};

/// All that migrations make, as text.
const SNAPSHOT: &str = include_str!("migrations/snapshot.sql");

const POOLS: Pools = Pools { max: 1, min: 0 };

#[tokio::test]
async fn migrating_again_changes_nothing() {
    let admin = empty_database().await;
    assert!(progress(&admin).await.iter().all(|(applied, known)| *applied == 0 && *known > 1), "nothing is applied to an empty database");
    schema::migrate(&admin).await.unwrap();
    assert!(progress(&admin).await.iter().all(|(applied, known)| applied == known));
    let made = snapshot(&admin).await;
    println!("{} lines of catalogue", made.len());
    assert!(made.len() > 300);
    schema::migrate(&admin).await.unwrap();
    same(&snapshot(&admin).await, &made);
    assert!(progress(&admin).await.iter().all(|(applied, known)| applied == known));
}

#[tokio::test]
async fn the_last_step_of_each_schema_is_undone_and_made_again() {
    let admin = empty_database().await;
    schema::migrate(&admin).await.unwrap();
    let made = snapshot(&admin).await;
    for (nth, schema) in Schema::ALL.into_iter().enumerate() {
        schema::undo_last(&admin, schema).await.unwrap();
        for (other, (applied, known)) in progress(&admin).await.into_iter().enumerate() {
            assert_eq!(known - applied, usize::from(other == nth), "{schema:?} is one step behind, and it alone");
        }
        let undone = snapshot(&admin).await;
        let lost: Vec<_> = made.iter().filter(|line| !undone.contains(line)).collect();
        assert!(!lost.is_empty() && lost.iter().all(|line| line.contains(schema.name())), "{lost:#?}");
        schema::migrate(&admin).await.unwrap();
        same(&snapshot(&admin).await, &made);
    }
}

#[tokio::test]
async fn every_step_can_be_undone() {
    let admin = empty_database().await;
    schema::migrate(&admin).await.unwrap();
    let made = snapshot(&admin).await;
    for schema in Schema::ALL {
        undo_all(&admin, schema).await;
        let left = snapshot(&admin).await;
        let left: Vec<_> =
            left.iter().filter(|line| line.contains(&format!("{}.", schema.name())) && !line.contains("migrations")).collect();
        assert!(left.is_empty(), "{left:#?}");
    }
    assert!(progress(&admin).await.iter().all(|(applied, _)| *applied == 0));
    schema::migrate(&admin).await.unwrap();
    same(&snapshot(&admin).await, &made);
}

/// A step of a lower number may come to a database after one of a higher: it is made then, and all is as if it had come in order.
#[tokio::test]
async fn a_step_that_was_passed_over_is_made_later() {
    // What builds on it comes with it.
    const LATE: (Schema, i64, i64, &str) = (Schema::Identity, 4, 6, "identity.proofs");
    let (schema, late, upon, table) = LATE;
    let admin = empty_database().await;
    schema::migrate(&admin).await.unwrap();
    let made = snapshot(&admin).await;
    undo_all(&admin, schema).await;
    let mut conn = as_owner(&admin, schema).await;
    for (folder, history) in [("mesh", "migrations_common"), (schema.name(), "migrations")] {
        let all = migrator(folder, history).await;
        let kept = all.iter().filter(|step| folder == "mesh" || ![late, upon].contains(&step.version)).cloned().collect();
        let mut others = Migrator::with_migrations(kept);
        others.dangerous_set_table_name(history);
        others.run(&mut conn).await.unwrap();
    }
    let versions = "SELECT array_agg(version ORDER BY version) FROM identity.migrations";
    let before: Vec<i64> = sqlx::query_scalar(versions).fetch_one(&mut conn).await.unwrap();
    assert!(!before.contains(&late) && before.last().is_some_and(|last| *last > late), "{before:?}");
    assert!(!snapshot(&admin).await.iter().any(|line| line.contains(table)));
    schema::migrate(&admin).await.unwrap();
    let now: Vec<i64> = sqlx::query_scalar(versions).fetch_one(&mut conn).await.unwrap();
    assert_eq!(now, (1..=i64::try_from(now.len()).unwrap()).collect::<Vec<_>>());
    same(&snapshot(&admin).await, &made);
    assert!(progress(&admin).await.iter().all(|(applied, known)| applied == known));
}

/// Several instances start at once, on one database and on databases of one cluster, whose roles
/// are the same.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn several_migrate_at_once() {
    let mut databases = Vec::new();
    for _ in 0..4 {
        databases.push(empty_database().await);
    }
    let mut migrations = JoinSet::new();
    for admin in [databases.as_slice(), databases.as_slice()].concat() {
        migrations.spawn_blocking(move || Handle::current().block_on(schema::migrate(&admin)));
    }
    for outcome in migrations.join_all().await {
        outcome.unwrap();
    }
    let made = snapshot(&databases[0]).await;
    assert!(made.len() > 300);
    for other in &databases[1..] {
        same(&snapshot(other).await, &made);
    }
}

#[tokio::test]
async fn a_service_connects_as_its_application_role_alone() {
    let mesh = Mesh::start().await;
    let admin = mesh.admin();
    for role in Schema::ALL.iter().flat_map(|schema| schema.applications()) {
        let options = mesh.application(role).await;
        Db::connect(options.clone(), POOLS).await.unwrap_or_else(|error| panic!("{role}: {error:?}")).close().await;
        SystemDb::connect(options, POOLS).await.unwrap_or_else(|error| panic!("{role}: {error:?}")).close().await;
    }

    let mut conn = mesh.sql().await;
    let name: String = sqlx::query_scalar("SELECT current_user::text").fetch_one(&mut conn).await.unwrap();
    refused(admin.clone(), &name).await;
    for schema in Schema::ALL {
        let owner = format!("spectra_{}_owner", schema.name());
        refused(admin.clone().options([("role", &owner)]), &owner).await;
    }
    let name = format!("t_{}", spectra_mesh::new_id().simple());
    run(&mut conn, &format!("CREATE ROLE {name} LOGIN BYPASSRLS PASSWORD '{name}'")).await;
    let mighty = admin.clone().username(&name).password(&name);
    refused(mighty.clone(), &name).await;
    run(&mut conn, &format!("ALTER ROLE {name} NOBYPASSRLS")).await;
    Db::connect(mighty.clone(), POOLS).await.expect("without its power the role may connect").close().await;
    run(&mut conn, &format!("CREATE TABLE public.its_own (); ALTER TABLE public.its_own OWNER TO {name}")).await;
    refused(mighty, &name).await;
    run(&mut conn, &format!("DROP OWNED BY {name}; DROP ROLE {name}")).await;
}

/// Both kinds of pool refuse these options, and say which role it is and what to do.
async fn refused(options: PgConnectOptions, role: &str) {
    let refusals = [Db::connect(options.clone(), POOLS).await.unwrap_err(), SystemDb::connect(options, POOLS).await.unwrap_err()];
    for refusal in refusals {
        let cause = std::error::Error::source(&refusal).expect("a cause").to_string();
        assert!(cause.contains(&format!("`{role}`")) && cause.contains("connects as its application role"), "{cause}");
    }
}

/// Undoes all that a schema's migrations did.
async fn undo_all(admin: &PgConnectOptions, schema: Schema) {
    let mut conn = as_owner(admin, schema).await;
    for (folder, history) in [(schema.name(), "migrations"), ("mesh", "migrations_common")] {
        migrator(folder, history).await.undo(&mut conn, 0).await.unwrap();
    }
}

/// A connection that migrates a schema.
async fn as_owner(admin: &PgConnectOptions, schema: Schema) -> PgConnection {
    let mut conn = PgConnection::connect_with(admin).await.unwrap();
    let name = schema.name();
    run(&mut conn, &format!("SET ROLE spectra_{name}_owner; SET search_path = {name}")).await;
    conn
}

/// The steps in a folder, and the table that records them.
async fn migrator(folder: &str, history: &'static str) -> Migrator {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../migrations").join(folder);
    let mut migrator = Migrator::new(folder).await.unwrap();
    migrator.dangerous_set_table_name(history);
    migrator
}

/// How many steps of each schema are applied, and how many are known.
async fn progress(admin: &PgConnectOptions) -> Vec<(usize, usize)> {
    let status = schema::status(admin).await.unwrap();
    assert_eq!(status.iter().map(|progress| progress.schema).collect::<Vec<_>>(), Schema::ALL);
    status.iter().map(|progress| (progress.applied, progress.known)).collect()
}

async fn snapshot(admin: &PgConnectOptions) -> Vec<String> {
    let mut conn = PgConnection::connect_with(admin).await.unwrap();
    sqlx::query_scalar(SNAPSHOT).fetch_all(&mut conn).await.unwrap()
}

/// The difference reads better than two snapshots do.
#[track_caller]
fn same(now: &[String], before: &[String]) {
    let lost: Vec<_> = before.iter().filter(|line| !now.contains(line)).collect();
    let new: Vec<_> = now.iter().filter(|line| !before.contains(line)).collect();
    assert!(lost.is_empty() && new.is_empty(), "lost: {lost:#?}\nnew: {new:#?}");
}

async fn run(conn: &mut PgConnection, sql: &str) {
    sqlx::raw_sql(AssertSqlSafe(sql)).execute(conn).await.unwrap();
}
