//! Proofs, through the gateway: what each is good for, once.

use serde_json::{Value, json};
use spectra_tests::{Caller, DEMO, Mesh, TEST};

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
    assert!(given["expires_at"].as_str().unwrap() > given["expires_at"].as_str().unwrap().get(..4).unwrap());
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
    // A used proof is good for nothing, and a version of the same words is another version.
    let again = pi.post("/auth/proofs", json!({"password": "pi123", "meaning": "review", "content_hash": entry["content_hash"]})).await;
    let again = again.expect(200)["proof"].as_str().unwrap().to_owned();
    sqlx::query("UPDATE identity.proofs SET expires_at = now() WHERE used_at IS NULL").execute(&mut mesh.sql().await).await.unwrap();
    pi.post(&sign(&entry), signed_with(&again, "review")).await.refused(403, "proof_refused");
    mesh.caller("pi", TEST).await.post(&sign(&entry), signed_with(&again, "review")).await.refused(404, "not_found");
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
