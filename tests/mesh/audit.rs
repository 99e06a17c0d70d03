//! The audit trail: every change leaves who, what, before, after and why, in its own transaction.

use serde_json::{Value, json};
use spectra_mesh::audit::{Fault, Head, Verdict, head, organizations, verify};
use spectra_tests::{Mesh, TEST};
use sqlx::{AssertSqlSafe, Connection, PgConnection, Row};
use tokio::task::JoinSet;
use uuid::Uuid;

const AUDIT: &str = "/api/lims/audit";

/// An example request of each method, in proto3 JSON.
pub(crate) fn example(method: &str, id: impl Fn(&str) -> Value) -> Option<Value> {
    Some(match method {
        "ListAuditEvents" => json!({"recordId": id("sample"), "actorId": id("user"), "requestId": id("request")}),
        _ => return None,
    })
}

#[tokio::test]
async fn a_change_leaves_its_trace() {
    let mesh = Mesh::start().await;
    let engineer = mesh.demo("engineer").await;
    let me = engineer.get("/auth/me").await.expect(200);
    let made = engineer.post("/api/lims/samples", json!({"name": "before", "lot_code": "L"})).await;
    let path = made.header("location").to_owned();
    let id = made.expect(201)["id"].as_str().unwrap().to_owned();
    let request = spectra_mesh::new_id();
    let because = engineer.with("x-change-reason", "typing error in the lot").with("x-request-id", &request.to_string());
    because.put(&path, json!({"name": "after"})).await.expect(200);
    engineer.put(&path, json!({"name": ""})).await.refused(422, "invalid");

    let rows = sqlx::query("SELECT * FROM lims.audit_events WHERE record_id = $1::uuid ORDER BY seq")
        .bind(&id)
        .fetch_all(&mut mesh.sql().await)
        .await
        .unwrap();
    assert_eq!(rows.len(), 2, "what was refused left nothing");
    let (insert, update) = (&rows[0], &rows[1]);
    assert_eq!((insert.get::<&str, _>("action"), insert.get::<&str, _>("kind")), ("insert", "samples"));
    assert_eq!(insert.get::<Value, _>("after")["name"], "before");
    assert_eq!(update.get::<&str, _>("method"), "/spectra.lims.v1.SampleService/UpdateSample");
    assert_eq!(update.get::<Value, _>("before")["name"], "before");
    assert_eq!(update.get::<Value, _>("after")["name"], "after");
    assert_eq!(update.get::<Value, _>("after").get("lot_code"), None, "only what changed");
    assert_eq!(update.get::<&str, _>("reason"), "typing error in the lot");
    assert_eq!(update.get::<uuid::Uuid, _>("request_id"), request);
    for row in [insert, update] {
        assert_eq!(row.get::<uuid::Uuid, _>("actor_id").to_string(), me["id"].as_str().unwrap());
        assert_eq!(row.get::<uuid::Uuid, _>("organization_id").to_string(), me["organization_id"].as_str().unwrap());
        assert!(row.get::<Option<uuid::Uuid>, _>("session_id").is_some());
    }
}

#[tokio::test]
async fn the_trail_is_read_by_those_who_answer_for_it() {
    let mesh = Mesh::start().await;
    let (engineer, pi) = (mesh.demo("engineer").await, mesh.demo("pi").await);
    let me = engineer.get("/auth/me").await.expect(200)["id"].clone();
    let path = engineer.post("/api/lims/samples", json!({"name": "before"})).await.header("location").to_owned();
    let id = path.rsplit('/').next().unwrap().to_owned();
    engineer.with("x-change-reason", "it was wrong").put(&path, json!({"name": "after"})).await.expect(200);
    engineer.post("/api/lims/materials", json!({"name": "Silicon", "type": "semiconductor"})).await.expect(201);

    engineer.get(AUDIT).await.refused(403, "role_required");
    let listed = pi.get(AUDIT).await.expect(200);
    let kinds: Vec<_> = listed["items"].as_array().unwrap().iter().map(|event| event["kind"].as_str().unwrap()).collect();
    assert_eq!(kinds, ["materials", "samples", "samples"]);
    let of_it = mesh.demo("admin").await.get(&format!("{AUDIT}?record_id={id}&count=true")).await.expect(200);
    assert_eq!(of_it["pagination"]["total"], 2);
    let (update, insert) = (&of_it["items"][0], &of_it["items"][1]);
    assert_eq!((&insert["action"], &insert["link"], &insert["after"]["name"]), (&json!("insert"), &json!("1"), &json!("before")));
    assert_eq!((&update["action"], &update["link"], &update["reason"]), (&json!("update"), &json!("2"), &json!("it was wrong")));
    assert_eq!((&update["before"]["name"], &update["after"]["name"]), (&json!("before"), &json!("after")));
    assert_eq!((&update["actor_id"], update["hash"].as_str().unwrap().len()), (&me, 64));

    let by = async |query: String| pi.get(&format!("{AUDIT}?{query}")).await.expect(200)["items"].as_array().unwrap().len();
    let request = update["request_id"].as_str().unwrap();
    let (at, later) = (insert["at"].as_str().unwrap(), "2999-01-01T00:00:00Z");
    for (query, found) in [
        ("kind=samples".to_owned(), 2),
        ("kind=sample".to_owned(), 0),
        ("action=insert".to_owned(), 2),
        (format!("request_id={request}"), 1),
        (format!("actor_id={}", me.as_str().unwrap()), 3),
        (format!("from={at}"), 3),
        (format!("from={later}"), 0),
        (format!("to={at}"), 0),
        (format!("to={later}&kind=samples&action=update"), 1),
    ] {
        assert_eq!(by(query.clone()).await, found, "{query}");
    }
    assert_eq!(mesh.caller("pi", TEST).await.get(AUDIT).await.expect(200)["items"], json!([]));
    pi.get(&format!("{AUDIT}?action=other")).await.refused(400, "malformed");
    pi.post(AUDIT, json!({})).await.refused(405, "method_not_allowed");
}

/// A mesh with ten events in the trail of LIMS, a connection that may do all, and where the chain ended.
async fn trail() -> (Mesh, PgConnection, Uuid, Vec<Head>) {
    let mesh = Mesh::start().await;
    let engineer = mesh.demo("engineer").await;
    let organization = engineer.get("/auth/me").await.expect(200)["organization_id"].as_str().unwrap().parse().unwrap();
    for name in 0..10 {
        engineer
            .post("/api/lims/samples", json!({"name": format!("s{name}"), "metadata": {"a": [1.50, "ä\u{1F9EA}", null]}}))
            .await
            .expect(201);
    }
    let mut admin = mesh.sql().await;
    let kept = head(&mut admin, "lims", organization).await.unwrap().into_iter().collect();
    (mesh, admin, organization, kept)
}

async fn check(admin: &mut PgConnection, organization: Uuid, kept: &[Head]) -> Verdict {
    verify(admin, "lims", organization, 1, kept).await.unwrap()
}

#[tokio::test]
async fn a_trail_that_nobody_touched_is_whole() {
    let (mesh, mut admin, organization, kept) = trail().await;
    let verdict = check(&mut admin, organization, &kept).await;
    assert_eq!((verdict.links, verdict.fault), (10, None));
    assert_eq!(verdict.head.as_ref(), kept.iter().find(|head| head.organization == organization));
    let later = verify(&mut admin, "lims", organization, 8, &kept).await.unwrap();
    assert_eq!((later.links, later.fault, later.head), (3, None, verdict.head));

    // The application itself may read what its organization has, and finds the same.
    let mut application = PgConnection::connect_with(&mesh.application("spectra_lims").await).await.unwrap();
    assert_eq!(check(&mut application, organization, &kept).await.fault, None);
    for schema in ["identity", "analysis"] {
        assert_eq!(verify(&mut admin, schema, organization, 1, &kept).await.unwrap().fault, None, "{schema}");
    }
}

/// What someone with all rights over the database could do, and how it is told.
#[tokio::test]
async fn every_way_to_bend_the_trail_is_found() {
    const RELINK: &str = "UPDATE audit_links l SET hash = link_hash((SELECT p.hash FROM audit_links p
             WHERE p.organization_id = l.organization_id AND p.link = l.link - 1), l.link, e)
        FROM audit_events e WHERE e.organization_id = l.organization_id AND e.seq = l.event AND l.link = ";
    let relinked = (4..=10).map(|link| format!("; {RELINK}{link}")).collect::<Vec<_>>().concat();
    let event = |link: i32| format!("(SELECT event FROM audit_links WHERE link = {link})");
    let delete = |links: &str| format!("DELETE FROM audit_events WHERE seq IN (SELECT event FROM audit_links WHERE link {links})");
    let forge = "INSERT INTO audit_events (organization_id, action, kind, record_id) SELECT organization_id, 'insert', 'samples', record_id FROM audit_events LIMIT 1";
    for (bent, found) in [
        ("UPDATE audit_events SET after = after || '{\"name\": \"forged\"}' WHERE seq = ".to_owned() + &event(4), Fault::Changed(4)),
        ("UPDATE audit_events SET actor_id = gen_random_uuid() WHERE seq = ".to_owned() + &event(10), Fault::Changed(10)),
        ("UPDATE audit_events SET at = at + interval '1 microsecond' WHERE seq = ".to_owned() + &event(1), Fault::Changed(1)),
        ("UPDATE audit_links SET hash = sha256('forged') WHERE link = 5".to_owned(), Fault::Changed(5)),
        (delete("= 4"), Fault::Missing(4)),
        (format!("{}; DELETE FROM audit_links WHERE link = 4", delete("= 4")), Fault::Missing(4)),
        (
            "UPDATE audit_links SET event = -event; UPDATE audit_links SET event = CASE link WHEN 3 THEN ".to_owned()
                + "(SELECT -event FROM audit_links WHERE link = 7) WHEN 7 THEN (SELECT -event FROM audit_links WHERE link = 3) ELSE -event END",
            Fault::Reordered(3),
        ),
        (
            format!("ALTER TABLE audit_events DISABLE TRIGGER chain; {forge}; ALTER TABLE audit_events ENABLE TRIGGER chain"),
            Fault::Inserted(0),
        ),
        ("DELETE FROM audit_links".to_owned(), Fault::Inserted(0)),
        (format!("{}; DELETE FROM audit_links WHERE link > 7", delete("> 7")), Fault::Truncated { last: 7, head: 10 }),
        ("TRUNCATE audit_links, audit_events".to_owned(), Fault::Truncated { last: 0, head: 10 }),
        ("UPDATE audit_events SET reason = 'forged' WHERE seq = ".to_owned() + &event(4) + &relinked, Fault::Replaced(10)),
    ] {
        let (_mesh, mut admin, organization, kept) = trail().await;
        sqlx::raw_sql(AssertSqlSafe(format!("SET session_replication_role = replica; SET search_path = lims; {bent}")))
            .execute(&mut admin)
            .await
            .unwrap();
        let fault = check(&mut admin, organization, &kept).await.fault;
        let fault = match fault {
            // The number is the database's.
            Some(Fault::Inserted(_)) => Some(Fault::Inserted(0)),
            other => other,
        };
        assert_eq!(fault, Some(found), "{bent}");
    }
}

/// A backup is put back, and work goes on: the chain is whole, and not the one that was.
#[tokio::test]
async fn an_old_backup_is_found() {
    let (mesh, mut admin, organization, kept) = trail().await;
    let old = "SET session_replication_role = replica; SET search_path = lims; DELETE FROM audit_events WHERE seq IN
                 (SELECT event FROM audit_links WHERE link > 7); DELETE FROM audit_links WHERE link > 7; RESET session_replication_role";
    sqlx::raw_sql(old).execute(&mut admin).await.unwrap();
    assert_eq!(check(&mut admin, organization, &[]).await.fault, None, "by itself the trail does not know");
    let engineer = mesh.demo("engineer").await;
    for name in 0..5 {
        engineer.post("/api/lims/samples", json!({"name": name.to_string()})).await.expect(201);
    }
    assert_eq!(check(&mut admin, organization, &kept).await.fault, Some(Fault::Replaced(10)));
}

/// Many at once have one chain, in which none is lost and none comes twice.
#[tokio::test]
async fn writers_at_once_make_one_chain() {
    let mesh = Mesh::start().await;
    let (demo, test) = (mesh.demo("engineer").await, mesh.caller("engineer", TEST).await);
    let mut writers = JoinSet::new();
    for nth in 0..40 {
        let caller = if nth % 4 == 0 { test.clone() } else { demo.clone() };
        writers.spawn(async move { caller.post("/api/lims/samples", json!({"name": nth.to_string()})).await.expect(201) });
    }
    writers.join_all().await;
    let mut admin = mesh.sql().await;
    let mut kept = Vec::new();
    for organization in organizations(&mut admin, "lims").await.unwrap() {
        kept.extend(head(&mut admin, "lims", organization).await.unwrap());
    }
    let mut links: Vec<_> = kept.iter().map(|head| head.link).collect();
    links.sort_unstable();
    assert_eq!(links, [10, 30]);
    for head in &kept {
        assert_eq!(check(&mut admin, head.organization, &kept).await.fault, None);
    }
}
