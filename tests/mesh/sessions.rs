//! Signing in, refreshing, and out again.

use std::time::Duration;

use serde_json::{Value, json};
use spectra_identity::Lives;
use spectra_tests::{Answer, DEMO, Mesh, TEST};

const LOGIN: &str = "/auth/login";
const REFRESH: &str = "/auth/refresh";

/// An example request of each method that needs a session, in proto3 JSON.
pub(crate) fn example(method: &str, id: impl Fn(&str) -> Value) -> Option<Value> {
    Some(match method {
        "SignOut" | "GetMe" | "ListSessions" => json!({}),
        "EndSession" => json!({"id": id("session")}),
        _ => return None,
    })
}

fn text(value: &Value, name: &str) -> String {
    value[name].as_str().unwrap_or_else(|| panic!("no {name} in {value}")).to_owned()
}

async fn sign_in(mesh: &Mesh) -> Value {
    mesh.nobody().post(LOGIN, json!({"username": "engineer@demo.lab", "password": "eng123"})).await.expect(200)
}

#[tokio::test]
async fn signing_in_gives_a_pair_of_tokens() {
    let mesh = Mesh::start().await;
    let answer = mesh.nobody().post(LOGIN, json!({"username": "Engineer@Demo.Lab", "password": "eng123"})).await;
    assert_eq!(answer.header("cache-control"), "no-store");
    let tokens = answer.expect(200);
    assert_eq!(tokens["token_type"], "bearer");
    assert!((1..=900).contains(&tokens["expires_in"].as_i64().unwrap()));
    assert!(text(&tokens, "refresh_token").starts_with("srt_"));

    let me = mesh.nobody().with_token(&text(&tokens, "access_token")).get("/auth/me").await.expect(200);
    assert_eq!(me["email"], "engineer@demo.lab");
    assert_eq!(me["role"], "engineer");
    assert_eq!(me["organization"], json!({"name": "Demo Lab", "slug": DEMO}));
    assert!(me["scopes"].as_array().unwrap().contains(&json!("lims:write")));
    assert!(me["name"].is_string() && me["organization_id"].is_string() && me["id"].is_string());
}

/// What is said to someone whose sign-in is refused, but for what is the call's own.
async fn refusal(mesh: &Mesh, body: Value) -> Value {
    let mut problem = mesh.nobody().post(LOGIN, body).await.refused(401, "invalid_credentials");
    for own in ["request_id", "trace_id"] {
        problem.as_object_mut().unwrap().remove(own);
    }
    problem
}

/// Makes an organization inactive.
async fn close(mesh: &Mesh, organization: &str) {
    let closed = sqlx::query("UPDATE identity.organizations SET is_active = false WHERE slug = $1").bind(organization);
    assert_eq!(closed.execute(&mut mesh.sql().await).await.unwrap().rows_affected(), 1);
}

#[tokio::test]
async fn every_failed_sign_in_reads_the_same() {
    let mesh = Mesh::start().await;
    let admin = mesh.demo("admin").await;
    let users = admin.get("/api/identity/users").await.expect(200);
    let viewer = users["items"].as_array().unwrap().iter().find(|user| user["role"] == "viewer").unwrap();
    admin.put(&format!("/api/identity/users/{}", text(viewer, "id")), json!({"is_active": false})).await.expect(200);
    let mut told = Vec::new();
    for (username, password, organization) in [
        ("nobody@demo.lab", "eng123", Value::Null),
        ("engineer@demo.lab", "wrong", Value::Null),
        ("viewer@demo.lab", "view123", Value::Null),
        ("engineer@demo.lab", "eng123", json!(TEST)),
        ("engineer@demo.lab", "eng123", json!("no-such-lab")),
        ("' or 1=1 --", "x", Value::Null),
    ] {
        let body = json!({"username": username, "password": password, "organization": organization});
        told.push(refusal(&mesh, body).await);
    }
    let theirs = json!({"username": "engineer@test.org", "password": "eng123"});
    mesh.nobody().post(LOGIN, theirs.clone()).await.expect(200);
    close(&mesh, TEST).await;
    told.push(refusal(&mesh, theirs).await);
    assert!(told.windows(2).all(|pair| pair[0] == pair[1]), "{told:?}");
    mesh.nobody().post(LOGIN, json!({"username": "engineer@demo.lab", "password": "eng123", "organization": DEMO})).await.expect(200);
}

#[tokio::test]
async fn a_refresh_rotates_and_the_old_token_dies() {
    let mesh = Mesh::start().await;
    let first = sign_in(&mesh).await;
    let nobody = mesh.nobody();
    let second = nobody.post(REFRESH, json!({"refresh_token": first["refresh_token"]})).await.expect(200);
    assert_ne!(first["access_token"], second["access_token"]);
    assert_ne!(first["refresh_token"], second["refresh_token"]);
    nobody.with_token(&text(&second, "access_token")).get("/auth/me").await.expect(200);

    // A client that lost the answer asks again at once and gets the same successor.
    let again = nobody.post(REFRESH, json!({"refresh_token": first["refresh_token"]})).await.expect(200);
    assert_eq!(again["refresh_token"], second["refresh_token"]);
    assert_ne!(again["access_token"], second["access_token"]);

    // Once the successor was used, the first token is a stolen one: everyone is out.
    let third = nobody.post(REFRESH, json!({"refresh_token": second["refresh_token"]})).await.expect(200);
    nobody.post(REFRESH, json!({"refresh_token": first["refresh_token"]})).await.refused(401, "unauthenticated");
    nobody.post(REFRESH, json!({"refresh_token": third["refresh_token"]})).await.refused(401, "unauthenticated");
    refused_soon(&mesh, &text(&third, "access_token")).await;
}

#[tokio::test]
async fn a_token_used_again_later_ends_the_session() {
    let mesh = Mesh::start().await;
    let first = sign_in(&mesh).await;
    let nobody = mesh.nobody();
    let second = nobody.post(REFRESH, json!({"refresh_token": first["refresh_token"]})).await.expect(200);
    sqlx::query("UPDATE identity.refresh_tokens SET used_at = now() - interval '11 seconds' WHERE used_at IS NOT NULL")
        .execute(&mut mesh.sql().await)
        .await
        .unwrap();
    nobody.post(REFRESH, json!({"refresh_token": first["refresh_token"]})).await.refused(401, "unauthenticated");
    nobody.post(REFRESH, json!({"refresh_token": second["refresh_token"]})).await.refused(401, "unauthenticated");
}

#[tokio::test]
async fn who_is_disabled_is_not_renewed() {
    let mesh = Mesh::start().await;
    let (admin, first) = (mesh.demo("admin").await, sign_in(&mesh).await);
    let me = mesh.nobody().with_token(&text(&first, "access_token")).get("/auth/me").await.expect(200);
    let path = format!("/api/identity/users/{}", text(&me, "id"));
    admin.put(&path, json!({"is_active": false})).await.expect(200);
    refresh(&mesh, &first).await.refused(401, "unauthenticated");
    admin.put(&path, json!({"is_active": true})).await.expect(200);
    refresh(&mesh, &first).await.refused(401, "unauthenticated");

    let again = refresh(&mesh, &sign_in(&mesh).await).await.expect(200);
    close(&mesh, DEMO).await;
    refresh(&mesh, &again).await.refused(401, "unauthenticated");
}

#[tokio::test]
async fn a_session_that_is_not_renewed_is_over() {
    let mesh = Mesh::start().await;
    let first = sign_in(&mesh).await;
    let Lives { idle, .. } = Lives::default();
    age(&mesh, idle * 9 / 10).await;
    let second = refresh(&mesh, &first).await.expect(200);
    age(&mesh, idle * 11 / 10).await;
    refresh(&mesh, &second).await.refused(401, "unauthenticated");
}

#[tokio::test]
async fn no_session_lasts_for_ever() {
    let mesh = Mesh::start().await;
    let mut tokens = sign_in(&mesh).await;
    let Lives { idle, absolute, .. } = Lives::default();
    let step = idle * 9 / 10;
    let mut lasted = step;
    while lasted < absolute {
        age(&mesh, step).await;
        tokens = refresh(&mesh, &tokens).await.expect(200);
        lasted += step;
    }
    age(&mesh, step).await;
    refresh(&mesh, &tokens).await.refused(401, "unauthenticated");
}

async fn refresh(mesh: &Mesh, tokens: &Value) -> Answer {
    mesh.nobody().post(REFRESH, json!({"refresh_token": tokens["refresh_token"]})).await
}

/// Lets every session be so much older.
async fn age(mesh: &Mesh, by: Duration) {
    let mut conn = mesh.sql().await;
    for statement in [
        "UPDATE identity.sessions SET last_used_at = last_used_at - make_interval(secs => $1), expires_at = expires_at - make_interval(secs => $1)",
        "UPDATE identity.refresh_tokens SET used_at = used_at - make_interval(secs => $1), expires_at = expires_at - make_interval(secs => $1)",
    ] {
        assert!(sqlx::query(statement).bind(by.as_secs_f64()).execute(&mut conn).await.unwrap().rows_affected() > 0);
    }
}

#[tokio::test]
async fn parallel_refreshes_make_one_successor() {
    let mesh = Mesh::start().await;
    let first = sign_in(&mesh).await;
    let calls = (0..50).map(|_| {
        let nobody = mesh.nobody();
        let body = json!({"refresh_token": first["refresh_token"]});
        tokio::spawn(async move { nobody.post(REFRESH, body).await.expect(200) })
    });
    let mut successors = std::collections::HashSet::new();
    let mut access = std::collections::HashSet::new();
    for call in calls.collect::<Vec<_>>() {
        let pair = call.await.unwrap();
        successors.insert(text(&pair, "refresh_token"));
        access.insert(text(&pair, "access_token"));
    }
    assert_eq!((successors.len(), access.len()), (1, 50));
}

#[tokio::test]
async fn tokens_are_not_taken_for_one_another() {
    let mesh = Mesh::start().await;
    let tokens = sign_in(&mesh).await;
    let nobody = mesh.nobody();
    nobody.post(REFRESH, json!({"refresh_token": tokens["access_token"]})).await.refused(401, "unauthenticated");
    nobody.with_token(&text(&tokens, "refresh_token")).get("/auth/me").await.refused(401, "unauthenticated");
    nobody.post(REFRESH, json!({"refresh_token": "srt_x"})).await.refused(401, "unauthenticated");
    nobody.post(REFRESH, json!({})).await.refused(422, "invalid");
}

#[tokio::test]
async fn signing_out_is_heard_everywhere() {
    let mesh = Mesh::start().await;
    let tokens = sign_in(&mesh).await;
    let token = text(&tokens, "access_token");
    let me = mesh.nobody().with_token(&token);
    for path in ["/auth/me", "/api/lims/samples", "/api/analysis/runs"] {
        me.get(path).await.expect(200);
    }
    let out = me.act("/auth/logout").await;
    assert_eq!((out.status.as_u16(), out.body.len()), (204, 0));
    refused_soon(&mesh, &token).await;
    mesh.nobody().post(REFRESH, json!({"refresh_token": tokens["refresh_token"]})).await.refused(401, "unauthenticated");
}

async fn refused_soon(mesh: &Mesh, token: &str) {
    let begun = std::time::Instant::now();
    let caller = mesh.nobody().with_token(token);
    for path in ["/auth/me", "/api/lims/samples", "/api/analysis/runs"] {
        while caller.get(path).await.status != 401 {
            // Two seconds is usual; five while the stream of revocations is made anew.
            assert!(begun.elapsed().as_secs() < 5, "{path} still takes the token");
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
    }
}

#[tokio::test]
async fn ones_sessions_are_listed_and_ended() {
    let mesh = Mesh::start().await;
    let (laptop, phone) = (sign_in(&mesh).await, sign_in(&mesh).await);
    let me = mesh.nobody().with_token(&text(&laptop, "access_token"));
    let sessions = me.get("/auth/sessions").await.expect(200);
    let sessions = sessions["items"].as_array().unwrap();
    assert_eq!(sessions.len(), 2);
    assert_eq!(sessions.iter().filter(|session| session["current"] == true).count(), 1);
    let other = sessions.iter().find(|session| session["current"] == false).unwrap();
    let path = format!("/auth/sessions/{}", text(other, "id"));
    mesh.demo("viewer").await.delete(&path).await.refused(404, "not_found");
    assert_eq!(me.delete(&path).await.status, 204);
    refused_soon(&mesh, &text(&phone, "access_token")).await;
    me.get("/auth/me").await.expect(200);
    assert_eq!(me.get("/auth/sessions").await.expect(200)["items"].as_array().unwrap().len(), 1);
}
