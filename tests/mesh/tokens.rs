//! Access tokens: the verifier against vectors, and every service against forged tokens.

use std::collections::BTreeMap;

use serde_json::Value;
use spectra_mesh::{
    Revocations,
    token::{Expected, Jwk, KeySet, Unverified},
};
use spectra_tests::vectors;
use uuid::Uuid;

/// Judges a token as a service would, at the vectors' moment.
struct Judge {
    keys: KeySet,
    expected: Expected,
    revocations: Revocations,
    now: i64,
}

impl Judge {
    fn of(vectors: &Value) -> Self {
        let keys: Vec<Jwk> = serde_json::from_value(vectors["jwks"]["keys"].clone()).expect("a JWKS");
        let text = |name: &str| vectors["policy"][name].as_str().expect("a text").to_owned();
        let revocations = Revocations::default();
        let ids = |name: &str| {
            let ids = vectors["state"][name].as_array().cloned().unwrap_or_default();
            ids.into_iter().map(|id| Uuid::parse_str(id.as_str().expect("an id")).expect("a UUID")).collect::<Vec<_>>()
        };
        for session in ids("revoked_sids") {
            revocations.end_session(session, i64::MAX);
        }
        for user in ids("disabled_subs") {
            revocations.shut_out(user, i64::MAX, i64::MAX);
        }
        Self {
            keys: KeySet::new(&keys).expect("usable keys"),
            expected: Expected { issuer: text("iss"), audience: text("aud") },
            revocations,
            now: vectors["verify_at"].as_i64().expect("a time"),
        }
    }

    fn accepts(&self, token: &str) -> bool {
        let Ok(unverified) = Unverified::parse(token) else { return false };
        let Ok(claims) = unverified.verify(&self.keys, &self.expected, self.now) else { return false };
        !self.revocations.refuse(&claims, unverified.kid())
    }
}

#[test]
fn jwt_vectors() {
    spectra::install_crypto();
    let Some(file) = vectors("security/jwt.json") else { return };
    let judge = Judge::of(&file);
    let mut wrong = Vec::new();
    let mut counts = BTreeMap::new();
    for vector in file["vectors"].as_array().expect("vectors") {
        let expected = vector["expect"].as_str().expect("an expectation");
        *counts.entry(expected).or_insert(0) += 1;
        let accepted = judge.accepts(vector["token"].as_str().expect("a token"));
        if accepted && expected == "reject" || !accepted && expected == "accept" {
            wrong.push(format!("{} ({}): accepted is {accepted}", vector["id"], vector["why"]));
        }
    }
    println!("{counts:?}");
    assert_eq!(wrong, Vec::<String>::new());
}
