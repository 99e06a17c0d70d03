//! The states of a run as the database keeps them, told to it in SQL as the service's role.

use serde_json::json;
use spectra_tests::{DEMO, Mesh};
use sqlx::{AssertSqlSafe, Connection, PgConnection};

use super::{RUNS, path, ready_tool};

/// What the database says to a change of the run in the demo organization; nothing of it lasts.
async fn attempt(conn: &mut PgConnection, organization: &str, change: &str) -> Result<u64, String> {
    let mut tx = conn.begin().await.unwrap();
    sqlx::query("SELECT set_config('app.org', $1, true)").bind(organization).execute(&mut *tx).await.unwrap();
    let done = sqlx::query(AssertSqlSafe(format!("UPDATE runs SET {change}"))).execute(&mut *tx).await;
    done.map(|done| done.rows_affected()).map_err(|error| error.as_database_error().unwrap().code().unwrap().into_owned())
}

#[tokio::test]
async fn the_database_lets_these_steps_be_taken_and_no_others() {
    let mesh = Mesh::start().await;
    let engineer = mesh.demo("engineer").await;
    let run = engineer.post(RUNS, json!({"instrument_id": ready_tool(&engineer).await, "method": "m"})).await.expect(201);
    let organization: String = sqlx::query_scalar("SELECT id::text FROM identity.organizations WHERE slug = $1")
        .bind(DEMO)
        .fetch_one(&mut mesh.sql().await)
        .await
        .unwrap();
    let mut conn = PgConnection::connect_with(&mesh.application("spectra_analysis").await).await.unwrap();
    let states = ["queued", "running", "succeeded", "failed", "blocked", "cancelled"];
    // What each state needs beside its name, so that the states alone are judged.
    let full = |state: &str, started: bool| {
        let started = if started { ", started_at = coalesce(started_at, now())" } else { "" };
        let ended = if ["succeeded", "failed"].contains(&state) { ", finished_at = coalesce(finished_at, now())" } else { "" };
        let why = if state == "blocked" { "'no_calibration'" } else { "NULL" };
        format!("status = '{state}', blocked_reason = {why}{started}{ended}")
    };
    let mut judge = async |from: &str, started: bool, allowed: &[&str]| {
        for to in states {
            let needs = ["running", "succeeded", "failed"].contains(&to);
            let outcome = attempt(&mut conn, &organization, &full(to, needs)).await;
            let expected = if to == from || allowed.contains(&to) { Ok(1) } else { Err("23001".to_owned()) };
            assert_eq!(outcome, expected, "from {from} (started: {started}) to {to}");
        }
        for rewritten in ["method = 'other'", "params = '{\"v\": 2}'", "sample_id = gen_random_uuid()", "created_by = gen_random_uuid()"] {
            assert_eq!(attempt(&mut conn, &organization, rewritten).await, Err("23001".to_owned()), "{rewritten}");
        }
        let pins = ["started_at = now() + interval '1 hour'", "operator_id = gen_random_uuid()", "calibration_hash = repeat('0', 64)"];
        for pin in pins.into_iter().filter(|_| started) {
            assert_eq!(attempt(&mut conn, &organization, pin).await, Err("23001".to_owned()), "{pin}");
        }
    };
    judge("queued", false, &["running", "blocked", "cancelled"]).await;
    engineer.act(&format!("{}/start", path(&run))).await.expect(200);
    judge("running", true, &["succeeded", "failed", "blocked"]).await;
    engineer.act(&format!("{}/complete", path(&run))).await.expect(200);
    judge("succeeded", true, &[]).await;
}
