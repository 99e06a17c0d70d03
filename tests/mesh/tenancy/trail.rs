//! What stays as it was written: the audit trail, approved recipes, certificates.

use serde_json::{Value, json};
use spectra_database::schema::Schema;
use spectra_tests::{DEMO, Mesh};
use sqlx::{AssertSqlSafe, Connection, PgConnection};
use uuid::Uuid;

use super::{Lab, act_in, attempt, code, organization};

/// What is refused because a rule of the lab keeps the row.
fn kept() -> super::Outcome {
    Err("23001".to_owned())
}

#[derive(Debug, PartialEq, sqlx::FromRow)]
struct Event {
    actor_id: Option<Uuid>,
    session_id: Option<Uuid>,
    request_id: Option<Uuid>,
    method: Option<String>,
    reason: Option<String>,
    action: String,
    kind: String,
    before: Option<Value>,
    after: Option<Value>,
}

#[tokio::test]
async fn every_change_says_who_did_what_to_which_record() {
    let mesh = Mesh::start().await;
    let mine = organization(&mesh, DEMO).await;
    let [actor, session, request, recipe] = std::array::from_fn(|_| spectra_mesh::new_id());
    let mut conn = PgConnection::connect_with(&mesh.application("spectra_lims").await).await.unwrap();
    let mut tx = conn.begin().await.unwrap();
    act_in(&mut tx, mine).await;
    for (setting, value) in [
        ("actor", actor.to_string()),
        ("session", session.to_string()),
        ("request", request.to_string()),
        ("method", "/spectra.lims.v1.RecipeService/Any".to_owned()),
        ("reason", "because".to_owned()),
    ] {
        sqlx::query("SELECT set_config('app.' || $1, $2, true)").bind(setting).bind(value).execute(&mut *tx).await.unwrap();
    }
    for statement in [
        "INSERT INTO recipes (id, name, version, owner_id, params_hash) VALUES ($1, 'r', '1', $1, repeat('0', 64))",
        "UPDATE recipes SET name = 's', description = NULL WHERE id = $1",
        "DELETE FROM recipes WHERE id = $1",
    ] {
        assert_eq!(sqlx::query(statement).bind(recipe).execute(&mut *tx).await.unwrap().rows_affected(), 1);
    }
    tx.commit().await.unwrap();

    let events: Vec<Event> = sqlx::query_as(
        "SELECT actor_id, session_id, request_id, method, reason, action, kind, before, after FROM lims.audit_events
          WHERE organization_id = $1 AND record_id = $2 AND at BETWEEN now() - interval '1 minute' AND now() ORDER BY seq",
    )
    .bind(mine)
    .bind(recipe)
    .fetch_all(&mut mesh.sql().await)
    .await
    .unwrap();
    assert_eq!(events.iter().map(|event| event.action.as_str()).collect::<Vec<_>>(), ["insert", "update", "delete"]);
    for event in &events {
        assert_eq!((event.actor_id, event.session_id, event.request_id), (Some(actor), Some(session), Some(request)));
        let said = (event.kind.as_str(), event.method.as_deref(), event.reason.as_deref());
        assert_eq!(said, ("recipes", Some("/spectra.lims.v1.RecipeService/Any"), Some("because")));
    }
    let [inserted, updated, deleted] = events.as_slice() else { panic!("{events:?}") };
    let made = inserted.after.as_ref().unwrap();
    assert_eq!((&made["id"], &made["name"], &made["revision"]), (&json!(recipe.to_string()), &json!("r"), &json!(1)));
    assert_eq!(made["organization_id"], json!(mine.to_string()));
    assert_eq!(inserted.before, None);
    // Both times are the transaction's: only what differs is told.
    assert_eq!((&updated.before, &updated.after), (&Some(json!({"name": "r", "revision": 1})), &Some(json!({"name": "s", "revision": 2}))));
    assert_eq!(deleted.before.as_ref().unwrap()["name"], "s");
    assert_eq!(deleted.after, None);
}

#[tokio::test]
async fn the_trail_holds_no_password() {
    let mesh = Mesh::start().await;
    let mine = organization(&mesh, DEMO).await;
    let mut system = PgConnection::connect_with(&mesh.application("spectra_identity_system").await).await.unwrap();
    sqlx::query("UPDATE users SET password_hash = 'canary' WHERE organization_id = $1").bind(mine).execute(&mut system).await.unwrap();
    let mut admin = mesh.sql().await;
    let (users, changed): (i64, i64) = sqlx::query_as(
        "SELECT count(*) FILTER (WHERE action = 'insert'), count(*) FILTER (WHERE action = 'update')
           FROM identity.audit_events WHERE organization_id = $1 AND kind = 'users'",
    )
    .bind(mine)
    .fetch_one(&mut admin)
    .await
    .unwrap();
    assert_eq!((users, changed), (5, 5), "each person's beginning and change of password is told");
    let told: i64 = sqlx::query_scalar("SELECT count(*) FROM identity.audit_events e WHERE e::text ~ 'password_hash|argon2|canary'")
        .fetch_one(&mut admin)
        .await
        .unwrap();
    assert_eq!(told, 0);
    // Nor does the sign-in role find it by a way round: it adds to the trail and does not read it.
    let read = sqlx::query("SELECT FROM audit_events").execute(&mut system).await;
    assert_eq!(read.map(|_| ()).map_err(code), Err("42501".to_owned()));
}

/// Grants keep the application from the trail, and a trigger everyone else.
#[tokio::test]
async fn not_even_its_owner_changes_the_trail() {
    let lab = Lab::open().await;
    let mut tried = 0;
    for schema in Schema::ALL {
        let name = schema.name();
        let mut tables = vec![format!("{name}.audit_events"), format!("{name}.audit_links")];
        if schema == Schema::Lims {
            tables.push("lims.recipe_approvals".to_owned());
        }
        for role in [format!("SET ROLE spectra_{name}_owner"), "RESET ROLE".to_owned()] {
            let conn = &mut lab.mesh.sql().await;
            sqlx::raw_sql(AssertSqlSafe(role)).execute(&mut *conn).await.unwrap();
            for table in &tables {
                for statement in [
                    format!("UPDATE {table} SET organization_id = organization_id"),
                    format!("DELETE FROM {table}"),
                    format!("TRUNCATE {table} CASCADE"),
                ] {
                    assert_eq!(attempt(conn, Some(lab.mine), &statement, None).await, kept(), "{statement}");
                    tried += 1;
                }
            }
        }
    }
    assert_eq!(tried, 42);
}

#[tokio::test]
async fn an_approved_recipe_only_retires() {
    let lab = Lab::open().await;
    let conn = &mut lab.role("spectra_lims").await;
    let contents = ["name", "version", "method", "description", "params", "params_hash", "owner_id", "edited_by", "sop_id", "id"];
    let free = ["organization_id", "status", "revision", "created_at", "updated_at"];
    assert_columns(&mut lab.mesh.sql().await, "lims.recipes", &contents, &free).await;
    let set = |what: &str| format!("UPDATE recipes SET {what}");
    for column in contents {
        let statement = set(&format!("{column} = {}", other(column)));
        assert_eq!(attempt(conn, Some(lab.mine), &statement, None).await, kept(), "{statement}");
    }
    for status in ["draft", "pending_approval"] {
        assert_eq!(attempt(conn, Some(lab.mine), &set(&format!("status = '{status}'")), None).await, kept());
    }
    assert_eq!(attempt(conn, Some(lab.mine), "DELETE FROM recipes", None).await, kept());
    assert_eq!(attempt(conn, Some(lab.mine), &set("status = 'retired'"), None).await, Ok(1));

    change(conn, lab.mine, &set("status = 'retired'")).await;
    for status in ["draft", "pending_approval", "approved"] {
        assert_eq!(attempt(conn, Some(lab.mine), &set(&format!("status = '{status}'")), None).await, kept());
    }
    assert_eq!(attempt(conn, Some(lab.mine), &set("params = '{\"a\": 1}'"), None).await, kept());
    assert_eq!(attempt(conn, Some(lab.mine), "DELETE FROM recipes", None).await, kept());

    change(conn, lab.mine, "INSERT INTO recipes (id, name, version, owner_id, params_hash) SELECT gen_random_uuid(), 'd', '1', owner_id, params_hash FROM recipes").await;
    assert_eq!(attempt(conn, Some(lab.mine), "UPDATE recipes SET name = 'e' WHERE status = 'draft'", None).await, Ok(1));
    assert_eq!(attempt(conn, Some(lab.mine), "DELETE FROM recipes WHERE status = 'draft'", None).await, Ok(1));
}

#[tokio::test]
async fn a_published_procedure_only_retires() {
    let lab = Lab::open().await;
    let conn = &mut lab.role("spectra_lims").await;
    let contents = [
        "number",
        "title",
        "version",
        "body_markdown",
        "method",
        "hazard_level",
        "checklist",
        "author_id",
        "effective_date",
        "review_date",
        "id",
    ];
    let free = ["organization_id", "body_md_uri", "status", "retired_at", "revision", "created_at", "updated_at"];
    assert_columns(&mut lab.mesh.sql().await, "lims.sops", &contents, &free).await;
    assert_eq!(attempt(conn, Some(lab.mine), "UPDATE sops SET title = 'draft'", None).await, Ok(1));
    change(conn, lab.mine, "UPDATE sops SET status = 'effective', effective_date = current_date").await;
    let moved = "UPDATE sops SET body_markdown = NULL, body_md_uri = 'elsewhere'";
    for retired in [false, true] {
        for column in contents {
            let statement = format!("UPDATE sops SET {column} = {}", other(column));
            assert_eq!(attempt(conn, Some(lab.mine), &statement, None).await, kept(), "{statement}");
        }
        assert_eq!(attempt(conn, Some(lab.mine), moved, None).await, kept());
        assert_eq!(attempt(conn, Some(lab.mine), "UPDATE sops SET status = 'draft', retired_at = NULL", None).await, kept());
        if !retired {
            change(conn, lab.mine, "UPDATE sops SET status = 'retired', retired_at = now()").await;
        }
    }
    assert_eq!(attempt(conn, Some(lab.mine), "UPDATE sops SET retired_at = now() + interval '1 day'", None).await, kept());
}

#[tokio::test]
async fn a_certificate_is_only_revoked() {
    let lab = Lab::open().await;
    let conn = &mut lab.role("spectra_analysis").await;
    let contents = [
        "id",
        "instrument_id",
        "certificate_id",
        "issued_at",
        "expires_at",
        "provider",
        "results",
        "standards_used",
        "uncertainty",
        "content_hash",
        "attachment_id",
        "file_uri",
    ];
    let free = ["organization_id", "revoked_at", "revoked_reason", "revision", "created_at", "updated_at"];
    assert_columns(&mut lab.mesh.sql().await, "analysis.calibrations", &contents, &free).await;
    for column in contents {
        let statement = format!("UPDATE calibrations SET {column} = {}", other(column));
        assert_eq!(attempt(conn, Some(lab.mine), &statement, None).await, kept(), "{statement}");
    }
    let revoke = "UPDATE calibrations SET revoked_at = now(), revoked_reason = 'dropped'";
    change(conn, lab.mine, revoke).await;
    for again in [revoke, "UPDATE calibrations SET revoked_at = NULL, revoked_reason = NULL", "UPDATE calibrations SET provider = 'p'"] {
        assert_eq!(attempt(conn, Some(lab.mine), again, None).await, kept(), "{again}");
    }
}

/// Another value for a column, of its type.
fn other(column: &str) -> &'static str {
    match column {
        "params" | "results" | "standards_used" | "uncertainty" => "'{\"other\": 1}'",
        "params_hash" | "content_hash" => "repeat('0', 64)",
        "id" | "owner_id" | "edited_by" | "sop_id" | "author_id" | "instrument_id" | "attachment_id" => "gen_random_uuid()",
        "checklist" => "'[1]'",
        "effective_date" | "review_date" => "current_date + 1",
        "body_markdown" => "body_markdown || 'other'",
        "issued_at" => "issued_at - interval '1 hour'",
        "expires_at" => "expires_at + interval '1 hour'",
        _ => "'other'",
    }
}

/// A column that is added later must be said to be kept, or to be free.
async fn assert_columns(admin: &mut PgConnection, table: &str, contents: &[&str], free: &[&str]) {
    let columns: Vec<String> = sqlx::query_scalar(
        "SELECT attname::text FROM pg_attribute WHERE attrelid = $1::regclass AND attnum > 0 AND NOT attisdropped ORDER BY attname COLLATE \"C\"",
    )
    .bind(table)
    .fetch_all(admin)
    .await
    .unwrap();
    let mut said = [contents, free].concat();
    said.sort_unstable();
    assert_eq!(columns, said, "{table}");
}

/// Changes one record of an organization for good.
async fn change(conn: &mut PgConnection, organization: Uuid, statement: &str) {
    let mut tx = conn.begin().await.unwrap();
    act_in(&mut tx, organization).await;
    assert_eq!(sqlx::query(AssertSqlSafe(statement)).execute(&mut *tx).await.unwrap().rows_affected(), 1, "{statement}");
    tx.commit().await.unwrap();
}
