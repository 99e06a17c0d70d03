//! Proofs, through the gateway: what each is good for, once.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use spectra_mesh::{Channel, signed::Record};
use spectra_tests::{Caller, DEMO, Mesh, TEST, grpc};
use time::{Duration, OffsetDateTime, format_description::well_known::Rfc3339};
use tonic_types::StatusExt;

use crate::eln::{ELN, passwords, written};

/// An example request of each method, in proto3 JSON.
pub(crate) fn example(method: &str, _: impl Fn(&str) -> Value) -> Option<Value> {
    Some(match method {
        "CreateProof" => json!({"password": passwords("admin"), "meaning": "SIGNATURE_MEANING_REVIEW", "contentHash": "0".repeat(64)}),
        _ => return None,
    })
}

/// A proof of the person with this password for a version and a meaning.
async fn proof(caller: &Caller, password: &str, entry: &Value, meaning: &str) -> String {
    let asked = json!({"password": password, "meaning": meaning, "content_hash": entry["content_hash"]});
    let given = caller.post("/auth/proofs", asked).await.expect(200);
    let life = OffsetDateTime::parse(given["expires_at"].as_str().unwrap(), &Rfc3339).unwrap() - spectra_mesh::clock::now();
    assert!((Duration::SECOND..=Duration::minutes(2)).contains(&life), "{life}");
    given["proof"].as_str().unwrap().to_owned()
}

fn signed_with(proof: &str, meaning: &str) -> Value {
    json!({"method": "proof", "proof": proof, "meaning": meaning})
}

#[tokio::test]
async fn a_proof_signs_once_and_what_it_is_for_alone() {
    let mesh = Mesh::start().await;
    let (engineer, pi, admin) = (mesh.demo("engineer").await, mesh.demo("pi").await, mesh.demo("admin").await);
    let (entry, other) = (written(&engineer, "one").await, written(&engineer, "another").await);
    let sign = |entry: &Value| format!("{ELN}/{}/sign", entry["id"].as_str().unwrap());

    let good = proof(&pi, "pi123", &entry, "witness").await;
    let refused = [
        (&pi, sign(&other), signed_with(&good, "witness")),
        (&pi, sign(&entry), signed_with(&good, "review")),
        (&admin, sign(&entry), signed_with(&good, "witness")),
        (&pi, sign(&entry), signed_with("spf_AAAA", "witness")),
    ];
    for (caller, path, asked) in refused {
        let told = caller.post(&path, asked).await.refused(403, "proof_refused");
        assert!(!told.to_string().contains(&good), "{told}");
    }
    // Another session of the same person.
    mesh.anew("pi", DEMO).await.post(&sign(&entry), signed_with(&good, "witness")).await.refused(403, "proof_refused");
    assert_eq!(pi.post(&sign(&entry), signed_with(&good, "witness")).await.expect(200)["signed"], true);
    pi.post(&sign(&entry), signed_with(&good, "witness")).await.refused(409, "already_signed");
    // One whose time is over is good for nothing, and for nobody.
    let again = pi.post("/auth/proofs", json!({"password": "pi123", "meaning": "review", "content_hash": entry["content_hash"]})).await;
    let again = again.expect(200)["proof"].as_str().unwrap().to_owned();
    sqlx::query("UPDATE identity.proofs SET expires_at = now() WHERE used_at IS NULL").execute(&mut mesh.sql().await).await.unwrap();
    pi.post(&sign(&entry), signed_with(&again, "review")).await.refused(403, "proof_refused");
    mesh.caller("pi", TEST).await.post(&sign(&entry), signed_with(&again, "review")).await.refused(404, "not_found");
}

/// What comes of a call to identity with a proof, as LIMS makes it: none when it signs, else why not.
async fn redeemed(identity: Channel, token: String, record: Record, proof: String) -> Option<String> {
    let method = grpc::methods().find(|method| method.name() == "SignRecord").unwrap();
    let asked = json!({"record": record, "meaning": "SIGNATURE_MEANING_WITNESS", "proof": proof});
    let refused = grpc::call(identity, &method, &grpc::request(&method, asked), Some(&token)).await.err()?;
    Some(refused.get_details_error_info().unwrap().reason)
}

/// Identity alone says so: what LIMS has signed already is no reason here.
#[tokio::test]
async fn identity_takes_a_proof_once_one_by_one_and_at_once() {
    let mesh = Mesh::start().await;
    let token = mesh.token("pi", DEMO).await;
    let pi = mesh.nobody().with_token(&token);
    let parts = BTreeMap::from([("title".to_owned(), "0".repeat(64))]);
    let record = Record { id: "1".to_owned(), kind: "eln_entry".to_owned(), number: 1, parts, version: 1 };
    let entry = json!({"content_hash": record.content_hash()});
    let redeem = |proof: &str| redeemed(mesh.channel("spectra.identity.v1"), token.clone(), record.clone(), proof.to_owned());
    let good = proof(&pi, "pi123", &entry, "witness").await;
    assert_eq!(redeem(&good).await, None);
    assert_eq!(redeem(&good).await.as_deref(), Some("PROOF_REFUSED"));
    let good = proof(&pi, "pi123", &entry, "witness").await;
    let calls: Vec<_> = (0..10).map(|_| tokio::spawn(redeem(&good))).collect();
    let mut signed = 0;
    for call in calls {
        match call.await.unwrap() {
            None => signed += 1,
            Some(reason) => assert_eq!(reason, "PROOF_REFUSED"),
        }
    }
    assert_eq!(signed, 1);
}

/// Used ones stay, and those of the last day.
#[tokio::test]
async fn proofs_that_nobody_used_go_after_a_day() {
    let mesh = Mesh::start().await;
    let (engineer, pi) = (mesh.demo("engineer").await, mesh.demo("pi").await);
    let entry = written(&engineer, "one").await;
    let used = proof(&pi, "pi123", &entry, "witness").await;
    pi.post(&format!("{ELN}/{}/sign", entry["id"].as_str().unwrap()), signed_with(&used, "witness")).await.expect(200);
    for meaning in ["review", "approve"] {
        proof(&pi, "pi123", &entry, meaning).await;
    }
    let mut sql = mesh.sql().await;
    let ages =
        "UPDATE identity.proofs SET created_at = now() - CASE meaning WHEN 'approve' THEN interval '23 hours' ELSE interval '25 hours' END";
    assert_eq!(sqlx::query(ages).execute(&mut sql).await.unwrap().rows_affected(), 3);
    proof(&pi, "pi123", &entry, "author").await;
    let kept: Vec<String> = sqlx::query_scalar("SELECT meaning::text FROM identity.proofs ORDER BY 1").fetch_all(&mut sql).await.unwrap();
    assert_eq!(kept, ["approve", "author", "witness"]);
}

#[tokio::test]
async fn a_proof_is_used_by_one_of_many_at_once() {
    let mesh = Mesh::start().await;
    let (engineer, pi) = (mesh.demo("engineer").await, mesh.demo("pi").await);
    let entry = written(&engineer, "one").await;
    let good = proof(&pi, "pi123", &entry, "approve").await;
    let path = format!("{ELN}/{}/sign", entry["id"].as_str().unwrap());
    let calls = (0..10).map(|_| {
        let (pi, path, asked) = (pi.clone(), path.clone(), signed_with(&good, "approve"));
        tokio::spawn(async move { pi.post(&path, asked).await.status.as_u16() })
    });
    let mut told = Vec::new();
    for call in calls.collect::<Vec<_>>() {
        told.push(call.await.unwrap());
    }
    told.sort_unstable();
    assert_eq!(told[0], 200, "{told:?}");
    assert!(told[1..].iter().all(|status| [403, 409].contains(status)), "{told:?}");
}

#[tokio::test]
async fn an_edit_takes_a_proof_its_worth() {
    let mesh = Mesh::start().await;
    let (engineer, pi) = (mesh.demo("engineer").await, mesh.demo("pi").await);
    let entry = written(&engineer, "one").await;
    let path = format!("{ELN}/{}", entry["id"].as_str().unwrap());
    let stale = proof(&pi, "pi123", &entry, "witness").await;
    engineer.put(&path, json!({"title": "another"})).await.expect(200);
    pi.post(&format!("{path}/sign"), signed_with(&stale, "witness")).await.refused(403, "proof_refused");
    assert_eq!(pi.get(&path).await.expect(200)["signed"], false);
}

#[tokio::test]
async fn wrong_passwords_are_counted_and_then_told_nothing() {
    let mesh = Mesh::start().await;
    let engineer = mesh.demo("engineer").await;
    let entry = written(&engineer, "one").await;
    let guess = |password: &str| json!({"password": password, "meaning": "author", "content_hash": entry["content_hash"]});
    // Many at once are told no more than as many one by one.
    let guesses = (0..30).map(|nth| {
        let (engineer, asked) = (engineer.clone(), guess(&format!("wrong {nth}")));
        tokio::spawn(async move { engineer.post("/auth/proofs", asked).await.status.as_u16() })
    });
    let mut wrong = 0;
    for guess in guesses.collect::<Vec<_>>() {
        let told = guess.await.unwrap();
        assert!([403, 429].contains(&told), "{told}");
        wrong += u32::from(told == 403);
    }
    assert_eq!(wrong, 10);
    // The hash is not even read, so that it takes nobody's place among those that are computed.
    let mut closed = mesh.sql().await;
    sqlx::raw_sql("BEGIN; LOCK TABLE identity.users").execute(&mut closed).await.unwrap();
    engineer.post("/auth/proofs", guess("eng123")).await.refused(429, "exhausted");
    sqlx::raw_sql("ROLLBACK").execute(&mut closed).await.unwrap();
    let path = format!("{ELN}/{}/sign", entry["id"].as_str().unwrap());
    let refused = async || {
        let answers = [
            engineer.post("/auth/proofs", guess("eng123")).await,
            engineer.post(&path, json!({"method": "password", "password": "eng123"})).await,
        ];
        answers.map(|answer| {
            let after = answer.header("retry-after").parse::<u64>().unwrap();
            answer.refused(429, "exhausted");
            after
        })
    };
    for after in refused().await {
        assert!((801..=900).contains(&after), "a quarter of an hour, less what has passed: {after}");
    }
    let sooner = "UPDATE identity.proof_misses SET since = now() - interval '14 minutes'";
    sqlx::query(sooner).execute(&mut mesh.sql().await).await.unwrap();
    for after in refused().await {
        assert!((1..=60).contains(&after), "{after}");
    }
    mesh.anew("engineer", DEMO).await.post("/auth/proofs", guess("eng123")).await.expect(200);
    let later = "UPDATE identity.proof_misses SET since = now() - interval '16 minutes'";
    sqlx::query(later).execute(&mut mesh.sql().await).await.unwrap();
    engineer.post("/auth/proofs", guess("wrong")).await.refused(403, "wrong_password");
    engineer.post("/auth/proofs", guess("eng123")).await.expect(200);
}

#[tokio::test]
async fn proofs_ask_for_all_that_they_are_bound_to() {
    let mesh = Mesh::start().await;
    let viewer = mesh.demo("viewer").await;
    let hash = "0".repeat(64);
    for bad in [
        json!({"meaning": "author", "content_hash": hash}),
        json!({"password": "view123", "content_hash": hash}),
        json!({"password": "view123", "meaning": "author"}),
        json!({"password": "view123", "meaning": "author", "content_hash": "0".repeat(63)}),
    ] {
        viewer.post("/auth/proofs", bad).await.refused(422, "invalid");
    }
    mesh.nobody().post("/auth/proofs", json!({})).await.refused(401, "unauthenticated");
    let kept: Vec<String> =
        sqlx::query_scalar("SELECT to_jsonb(p)::text FROM identity.proofs p").fetch_all(&mut mesh.sql().await).await.unwrap();
    assert!(kept.is_empty());
    let given = viewer.post("/auth/proofs", json!({"password": "view123", "meaning": "author", "content_hash": hash})).await.expect(200);
    let kept: String =
        sqlx::query_scalar("SELECT to_jsonb(p)::text FROM identity.proofs p").fetch_one(&mut mesh.sql().await).await.unwrap();
    assert!(!kept.contains(given["proof"].as_str().unwrap()) && !kept.contains("view123"), "{kept}");
}
