//! Signing keys: what is published, how they follow one another, and what a withdrawn one takes with it.

use std::time::Duration;

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::{Value, json};
use spectra_tests::{Caller, Mesh};
use sqlx::AssertSqlSafe;

/// Signs the engineer in anew.
async fn sign_in(mesh: &Mesh) -> Caller {
    let tokens = mesh.nobody().post("/auth/login", json!({"username": "engineer@demo.lab", "password": "eng123"})).await.expect(200);
    mesh.nobody().with_token(tokens["access_token"].as_str().unwrap())
}

/// The key that a newly signed token names.
async fn signer(mesh: &Mesh) -> String {
    let tokens = mesh.nobody().post("/auth/login", json!({"username": "viewer@demo.lab", "password": "view123"})).await.expect(200);
    let header = tokens["access_token"].as_str().unwrap().split('.').next().unwrap().to_owned();
    let header: Value = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(header).unwrap()).unwrap();
    header["kid"].as_str().unwrap().to_owned()
}

/// The ids of the published keys.
async fn published(mesh: &Mesh) -> Vec<String> {
    let set = mesh.nobody().get("/.well-known/jwks.json").await.expect(200);
    set["keys"].as_array().unwrap().iter().map(|key| key["kid"].as_str().unwrap().to_owned()).collect()
}

async fn of_state(mesh: &Mesh, state: &str) -> Vec<String> {
    let listed = mesh.keys().await.list().await.unwrap();
    listed.into_iter().filter(|key| key.state == state).map(|key| key.kid).collect()
}

/// Waits until a call is answered with a status; a second or two, while the news travels.
async fn becomes(status: u16, ask: impl AsyncFn() -> u16) {
    for _ in 0..100 {
        if ask().await == status {
            return;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("it does not become {status}");
}

#[tokio::test]
async fn public_halves_are_published_and_nothing_else() {
    let mesh = Mesh::start().await;
    let keys = mesh.nobody().get("/.well-known/jwks.json").await.expect(200);
    assert_eq!(keys["keys"].as_array().unwrap().len(), 2, "the one that signs and the next");
    for key in keys["keys"].as_array().unwrap() {
        assert_eq!(
            (&key["kty"], &key["crv"], &key["alg"], &key["use"]),
            (&json!("OKP"), &json!("Ed25519"), &json!("EdDSA"), &json!("sig"))
        );
        assert!(key.get("d").is_none());
    }
}

#[tokio::test]
async fn keys_follow_one_another() {
    let mesh = Mesh::start().await;
    let (first, next) = (signer(&mesh).await, of_state(&mesh, "next").await.remove(0));
    let early = sign_in(&mesh).await;
    assert_eq!(mesh.keys().await.rotate().await.unwrap(), None, "verifiers may not know the next key yet");

    sqlx::query("UPDATE identity.signing_keys SET created_at = now() - interval '11 minutes'")
        .execute(&mut mesh.sql().await)
        .await
        .unwrap();
    assert_eq!(mesh.keys().await.rotate().await.unwrap().as_deref(), Some(&*next));
    becomes(200, async || if signer(&mesh).await == next { 200 } else { 0 }).await;
    early.get("/api/lims/samples").await.expect(200);
    sign_in(&mesh).await.get("/api/lims/samples").await.expect(200);
    assert_eq!(of_state(&mesh, "retiring").await, [&*first]);
    assert!(published(&mesh).await.contains(&first), "its tokens live on");
    let private = "SELECT count(*) FROM identity.signing_keys WHERE kid = $1 AND sealed_private_key IS NOT NULL";
    let kept: i64 = sqlx::query_scalar(private).bind(&first).fetch_one(&mut mesh.sql().await).await.unwrap();
    assert_eq!(kept, 0, "a key that has signed can sign nothing any more");

    sqlx::query("UPDATE identity.signing_keys SET publish_until = now() WHERE state = 'retiring'")
        .execute(&mut mesh.sql().await)
        .await
        .unwrap();
    becomes(200, async || if published(&mesh).await.contains(&first) { 0 } else { 200 }).await;
}

#[tokio::test]
async fn a_key_that_has_signed_for_its_time_makes_room_by_itself() {
    let mesh = Mesh::start().await;
    let kek = mesh.key_encryption_key().await;
    let (first, next) = (signer(&mesh).await, of_state(&mesh, "next").await);
    let age = async |what: &str, mesh: &Mesh| {
        let sql = format!("UPDATE identity.signing_keys SET {what}");
        sqlx::query(AssertSqlSafe(sql)).execute(&mut mesh.sql().await).await.unwrap();
    };
    age("sign_until = now() WHERE state = 'active'", &mesh).await;
    let mesh = mesh.start_again(kek).await.unwrap();
    assert_eq!(signer(&mesh).await, first, "not every verifier may know the next key yet");
    age("created_at = now() - interval '11 minutes'", &mesh).await;
    let mesh = mesh.start_again(kek).await.unwrap();
    assert_eq!([signer(&mesh).await], *next);
    assert_eq!(of_state(&mesh, "retiring").await, [&*first]);
    assert_eq!(of_state(&mesh, "next").await.len(), 1, "another is published ahead");
    age("publish_until = now() WHERE state = 'retiring'", &mesh).await;
    let mesh = mesh.start_again(kek).await.unwrap();
    assert_eq!(of_state(&mesh, "gone").await, [first]);
}

#[tokio::test]
async fn a_next_key_can_be_withdrawn_too() {
    let mesh = Mesh::start().await;
    let (signs, next) = (signer(&mesh).await, of_state(&mesh, "next").await.remove(0));
    assert!(mesh.keys().await.revoke(&next).await.unwrap());
    assert_eq!(of_state(&mesh, "gone").await, [&*next]);
    assert_ne!(of_state(&mesh, "next").await, [next]);
    assert_eq!(signer(&mesh).await, signs);
}

#[tokio::test]
async fn the_tokens_of_a_withdrawn_key_are_dead_everywhere() {
    let mesh = Mesh::start().await;
    let (bad, engineer) = (signer(&mesh).await, sign_in(&mesh).await);
    let reads = ["/auth/me", "/api/lims/samples", "/api/analysis/runs"];
    for path in reads {
        engineer.get(path).await.expect(200);
    }
    assert!(mesh.keys().await.revoke(&bad).await.unwrap());
    assert!(!mesh.keys().await.revoke(&bad).await.unwrap(), "it is gone already");
    for path in reads {
        becomes(401, async || engineer.get(path).await.status.as_u16()).await;
    }
    becomes(200, async || if published(&mesh).await.contains(&bad) { 0 } else { 200 }).await;
    becomes(200, async || sign_in(&mesh).await.get("/api/lims/samples").await.status.as_u16()).await;
    assert_ne!(signer(&mesh).await, bad);
}

#[tokio::test]
async fn another_key_encryption_key_takes_over() {
    const NEW: [u8; 32] = [7; 32];
    let mesh = Mesh::start().await;
    let kid = signer(&mesh).await;
    mesh.keys().await.rewrap(&NEW).await.unwrap();
    // Whoever still has the old one makes nothing that identity could not open.
    let (keys, listed) = (mesh.keys().await, of_state(&mesh, "next").await);
    sqlx::query("UPDATE identity.signing_keys SET created_at = now() - interval '11 minutes'")
        .execute(&mut mesh.sql().await)
        .await
        .unwrap();
    for refused in [keys.rewrap(&NEW).await.map(drop), keys.rotate().await.map(drop), keys.revoke(&kid).await.map(drop)] {
        let told = format!("{:?}", refused.unwrap_err());
        assert!(told.contains("key-encryption key"), "{told}");
    }
    assert_eq!(of_state(&mesh, "next").await, listed);
    let mesh = mesh.start_again(NEW).await.unwrap();
    assert_eq!(signer(&mesh).await, kid, "passwords fit and the same key signs");
    let told = mesh.start_again([8; 32]).await.err().map(|error| format!("{error:?}")).unwrap_or_default();
    assert!(told.contains("key-encryption key"), "{told}");
}
