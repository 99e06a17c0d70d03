//! Access tokens: the verifier against vectors, and every service against forged tokens.

use std::{collections::BTreeMap, time::Duration};

use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use http::Method;
use serde_json::{Value, json};
use spectra::stack::{AUDIENCE, ISSUER};
use spectra_mesh::{
    Revocations, clock,
    token::{Expected, Jwk, KeySet, Unverified},
};
use spectra_tests::{LARGEST_FILE, Mesh, grpc, vectors};
use tokio::io::AsyncReadExt;
use tonic::Code;
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

/// A token of this header and payload, signed with this key.
pub(crate) fn sign(key: &Ed25519KeyPair, header: &str, payload: &str) -> String {
    let message = format!("{}.{}", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(payload));
    let signature = key.sign(message.as_bytes());
    format!("{message}.{}", URL_SAFE_NO_PAD.encode(signature))
}

/// A key of our own that identity publishes like any other.
struct Forge {
    key: Ed25519KeyPair,
    claims: Value,
}

const KID: &str = "forge";

impl Forge {
    async fn start() -> (Mesh, Self) {
        spectra::install_crypto();
        let key = Ed25519KeyPair::generate().unwrap();
        let public = key.public_key().as_ref().to_vec();
        let mesh = Mesh::start_with(async |sql| {
            sqlx::query(
                "INSERT INTO identity.signing_keys (kid, alg, public_key, sealed_by, state, publish_until)
                 VALUES ($1, 'EdDSA', $2, '', 'retiring', now() + interval '1 hour')",
            )
            .bind(KID)
            .bind(public)
            .execute(sql)
            .await
            .unwrap();
        })
        .await;
        let me = mesh.demo("engineer").await.get("/auth/me").await.expect(200);
        let now = clock::unix();
        let claims = json!({
            "iss": ISSUER, "aud": AUDIENCE, "sub": me["id"], "client_id": "web", "org": me["organization_id"], "role": "engineer",
            "scope": "profile lims:read analysis:read", "sid": spectra_mesh::new_id(), "jti": spectra_mesh::new_id(), "iat": now, "exp": now + 600,
        });
        (mesh, Self { key, claims })
    }

    /// A token of this header and payload, rightly signed.
    fn sign(&self, header: &str, payload: &str) -> String {
        sign(&self.key, header, payload)
    }

    fn header() -> String {
        json!({"alg": "EdDSA", "typ": "at+jwt", "kid": KID}).to_string()
    }

    /// The claims with one of them another, or without it.
    fn with(&self, name: &str, value: Value) -> String {
        let mut claims = self.claims.clone();
        match value {
            Value::Null => claims.as_object_mut().unwrap().remove(name),
            value => claims.as_object_mut().unwrap().insert(name.to_owned(), value),
        };
        self.sign(&Self::header(), &claims.to_string())
    }

    /// A token of each family of forgeries; every one is signed as well as it can be.
    fn forgeries(&self) -> Vec<(&'static str, String)> {
        let (header, payload, now) = (Self::header(), self.claims.to_string(), clock::unix());
        let good = self.sign(&header, &payload);
        let (message, signature) = good.rsplit_once('.').unwrap();
        let under = |header: &str| self.sign(header, &payload);
        let twice = |name: &str| payload.replacen('{', &format!("{{\"{name}\":{},", self.claims[name]), 1);
        let stranger = Self { key: Ed25519KeyPair::generate().unwrap(), claims: self.claims.clone() };
        let mut zeroed = URL_SAFE_NO_PAD.decode(signature).unwrap();
        zeroed[32..].fill(0);
        vec![
            ("alg none", under(r#"{"alg":"none","typ":"at+jwt","kid":"forge"}"#)),
            ("alg of another key", under(r#"{"alg":"ES256","typ":"at+jwt","kid":"forge"}"#)),
            ("unknown key", under(r#"{"alg":"EdDSA","typ":"at+jwt","kid":"nope"}"#)),
            ("no key", under(r#"{"alg":"EdDSA","typ":"at+jwt"}"#)),
            ("embedded key", under(r#"{"alg":"EdDSA","typ":"at+jwt","kid":"forge","jwk":{}}"#)),
            ("critical header", under(r#"{"alg":"EdDSA","typ":"at+jwt","kid":"forge","crit":["x"],"x":1}"#)),
            ("type of another token", under(r#"{"alg":"EdDSA","typ":"JWT","kid":"forge"}"#)),
            ("header twice", under(r#"{"alg":"EdDSA","alg":"EdDSA","typ":"at+jwt","kid":"forge"}"#)),
            ("header as a list", under(r#"["EdDSA","at+jwt","forge"]"#)),
            ("no signature", format!("{message}.")),
            ("two parts", message.to_owned()),
            ("padding", format!("{good}=")),
            ("foreign signature", stranger.sign(&header, &payload)),
            ("half a signature", format!("{message}.{}", URL_SAFE_NO_PAD.encode(zeroed))),
            ("payload as a list", self.sign(&header, &format!("[{payload}]"))),
            ("claim twice", self.sign(&header, &twice("role"))),
            ("over long", self.sign(&header, &payload.replacen('{', &format!("{{\"x\":\"{}\",", "x".repeat(9000)), 1))),
            ("expired", self.with("exp", json!(now - 1))),
            ("lives too long", self.with("exp", json!(now + 901))),
            ("not yet", self.with("nbf", json!(now + 300))),
            ("from the future", self.with("iat", json!(now + 300))),
            ("no end", self.with("exp", Value::Null)),
            ("another issuer", self.with("iss", json!(format!("{ISSUER}/")))),
            ("another audience", self.with("aud", json!([format!("{AUDIENCE}x")]))),
            ("no organization", self.with("org", Value::Null)),
            ("organization nil", self.with("org", json!(Uuid::nil()))),
            ("unknown role", self.with("role", json!("emperor"))),
            ("role in capitals", self.with("role", json!("ENGINEER"))),
            ("scope as a list", self.with("scope", json!(["lims:read"]))),
            ("no session", self.with("sid", Value::Null)),
            ("no subject", self.with("sub", Value::Null)),
        ]
    }
}

#[tokio::test]
async fn every_service_refuses_every_family_of_forgeries_alike() {
    let (mesh, forge) = Forge::start().await;
    let good = forge.with("client_id", json!("web"));
    let reads = ["identity.v1.SessionService/GetMe", "lims.v1.SampleService/ListSamples", "analysis.v1.RunService/ListRuns"];
    for read in reads {
        let method = grpc::methods().find(|method| grpc::path(method) == format!("/spectra.{read}")).expect(read);
        let channel = mesh.channel(method.parent_service().full_name());
        let asked = grpc::request(&method, json!({}));
        grpc::call(channel.clone(), &method, &asked, Some(&good)).await.expect(read);
        let nonsense = grpc::call(channel.clone(), &method, &asked, Some("x.y.z")).await.expect_err(read);
        for (family, token) in forge.forgeries() {
            let refused = grpc::call(channel.clone(), &method, &asked, Some(&token)).await.expect_err(family);
            assert_eq!((refused.code(), refused.message()), (Code::Unauthenticated, nonsense.message()), "{family} at {read}");
            assert_eq!(refused.details(), nonsense.details(), "{family} at {read}");
        }
        let lesser = forge.with("scope", json!("profile"));
        if !read.contains("GetMe") {
            let refused = grpc::call(channel, &method, &asked, Some(&lesser)).await.expect_err(read);
            assert_eq!(refused.code(), Code::PermissionDenied, "a scope that is lacking");
        }
    }
}

/// Half of a file is of no use, and all of it may take longer than a token lives.
#[tokio::test]
async fn a_file_comes_whole_although_its_token_expires() {
    let (mesh, forge) = Forge::start().await;
    let engineer = mesh.demo("engineer").await;
    let sample = engineer.post("/api/lims/samples", json!({"name": "n"})).await.expect(201);
    let content = vec![b'7'; usize::try_from(LARGEST_FILE).unwrap()];
    let path = format!("/api/lims/attachments?entity_type=sample&entity_id={}", sample["id"].as_str().unwrap());
    let made = engineer.with("content-type", "text/plain").post_raw(&path, content.clone()).await;
    let path = format!("{}/content", made.header("location"));
    let expiring = engineer.with_token(&forge.with("exp", json!(clock::unix() + 3)));
    let mut download = expiring.begin(Method::GET, &path, 0).await;
    tokio::time::sleep(Duration::from_secs(4)).await;
    expiring.get(&path).await.refused(401, "unauthenticated");
    let (mut read, mut head) = (Vec::new(), None);
    let whole = async {
        while head.is_none_or(|head| read.len() < head + content.len()) {
            assert!(download.read_buf(&mut read).await.unwrap() > 0, "only {} bytes came", read.len());
            head = head.or_else(|| read.windows(4).position(|end| end == b"\r\n\r\n").map(|at| at + 4));
        }
    };
    tokio::time::timeout(Duration::from_secs(20), whole).await.unwrap();
    assert!(read.ends_with(&content));
}
