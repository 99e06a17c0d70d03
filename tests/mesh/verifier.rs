//! What a service believes while identity changes its keys, tells nonsense or falls silent: a gate
//! before no service at all, and an identity service that tells what each test wants.

use std::{
    collections::BTreeSet,
    pin::Pin,
    sync::{Arc, Mutex},
    time::Duration,
};

use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use http::{HeaderMap, HeaderValue, header::AUTHORIZATION};
use serde_json::json;
use spectra_mesh::{Error, Peer, authority::Authority, clock, gate::Gate, token::Expected};
use spectra_proto::{
    identity::{
        Heartbeat, Key, KeySet, ListKeysRequest, RevocationEvent, WatchRevocationsRequest,
        key_service_server::{KeyService, KeyServiceServer},
        revocation_event::Event,
        revocation_service_server::{RevocationService, RevocationServiceServer},
    },
    policy::POLICIES,
};
use spectra_tests::grpc;
use tokio::{net::TcpListener, task::JoinSet};
use tokio_stream::{Stream, StreamExt};
use tonic::{
    Code, Request, Response, Status,
    service::Routes,
    transport::{Server, server::TcpIncoming},
};

use crate::{records::answering, tokens::sign};

const ISSUER: &str = "an issuer";
const AUDIENCE: &str = "an audience";

/// An identity service of our own.
#[derive(Clone)]
struct Identity(Arc<Mutex<Told>>);

struct Told {
    /// What it says its keys are; none when it fails.
    keys: Option<Vec<Key>>,
    /// How often it was asked.
    asked: u32,
    /// Whether it says what is revoked.
    hears: bool,
}

impl Identity {
    fn of(keys: Vec<Key>) -> Self {
        Self(Arc::new(Mutex::new(Told { keys: Some(keys), asked: 0, hears: true })))
    }

    /// An identity service that does not say what is revoked.
    fn deaf(keys: Vec<Key>) -> Self {
        Self(Arc::new(Mutex::new(Told { keys: Some(keys), asked: 0, hears: false })))
    }

    fn tell(&self, keys: Option<Vec<Key>>) {
        self.0.lock().unwrap().keys = keys;
    }

    fn asked(&self) -> u32 {
        self.0.lock().unwrap().asked
    }

    /// The authority of a service in this one's mesh.
    async fn authority(&self) -> Arc<Authority> {
        spectra::install_crypto();
        let routes = Routes::new(KeyServiceServer::new(self.clone())).add_service(RevocationServiceServer::new(self.clone()));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let peer = peer(&listener);
        tokio::spawn(Server::builder().add_routes(routes).serve_with_incoming(TcpIncoming::from(listener)));
        let authority = Authority::of(&peer, Expected { issuer: ISSUER.to_owned(), audience: AUDIENCE.to_owned() });
        for _ in 0..500 {
            if authority.ready() || self.asked() > 0 && !self.0.lock().unwrap().hears {
                return authority;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        panic!("the authority does not become ready");
    }
}

fn peer(listener: &TcpListener) -> Peer {
    Peer::at("identity", &format!("http://{}", listener.local_addr().unwrap())).unwrap()
}

#[tonic::async_trait]
impl KeyService for Identity {
    async fn list_keys(&self, _: Request<ListKeysRequest>) -> Result<Response<KeySet>, Status> {
        let mut told = self.0.lock().unwrap();
        told.asked += 1;
        let keys = told.keys.clone().ok_or(Error::Unavailable("it fails"))?;
        Ok(Response::new(KeySet { keys }))
    }
}

#[tonic::async_trait]
impl RevocationService for Identity {
    type WatchRevocationsStream = Pin<Box<dyn Stream<Item = Result<RevocationEvent, Status>> + Send>>;

    async fn watch_revocations(&self, _: Request<WatchRevocationsRequest>) -> Result<Response<Self::WatchRevocationsStream>, Status> {
        if !self.0.lock().unwrap().hears {
            return Err(Error::Unavailable("it hears nothing").into());
        }
        let beat = RevocationEvent { event: Some(Event::Heartbeat(Heartbeat {})) };
        Ok(Response::new(Box::pin(tokio_stream::once(Ok(beat)).chain(tokio_stream::pending()))))
    }
}

/// Someone who signs tokens.
struct Signer {
    kid: &'static str,
    key: Ed25519KeyPair,
}

impl Signer {
    fn new(kid: &'static str) -> Self {
        Self { kid, key: Ed25519KeyPair::generate().unwrap() }
    }

    fn public(&self) -> Key {
        let text = str::to_owned;
        let x = URL_SAFE_NO_PAD.encode(self.key.public_key());
        Key { kty: text("OKP"), crv: text("Ed25519"), r#use: text("sig"), alg: text("EdDSA"), kid: text(self.kid), x }
    }

    /// A token that may do everything until then, unlike any other.
    fn token(&self, until: i64) -> String {
        let scopes: BTreeSet<_> = POLICIES.values().map(|policy| policy.policy.scope.as_str()).collect();
        let [org, sub, sid, jti] = std::array::from_fn(|_| spectra_mesh::new_id());
        let claims = json!({
            "iss": ISSUER, "aud": AUDIENCE, "org": org, "sub": sub, "sid": sid, "jti": jti, "role": "admin",
            "scope": scopes.into_iter().collect::<Vec<_>>().join(" ").trim(), "iat": clock::unix(), "exp": until,
        });
        sign(&self.key, &json!({"alg": "EdDSA", "typ": "at+jwt", "kid": self.kid}).to_string(), &claims.to_string())
    }

    /// A token for some minutes.
    fn lasting(&self) -> String {
        self.token(clock::unix() + 600)
    }
}

async fn believes(authority: &Authority, token: &str) -> bool {
    let value = HeaderValue::try_from(format!("Bearer {token}")).unwrap();
    authority.caller(&HeaderMap::from_iter([(AUTHORIZATION, value)])).await.is_ok()
}

/// Whether the authority believes so many tokens of a signer, all shown at once.
async fn believes_each(authority: &Arc<Authority>, signer: &Signer) -> BTreeSet<bool> {
    let mut calls = JoinSet::new();
    for token in (0..20).map(|_| signer.lasting()) {
        let authority = Arc::clone(authority);
        calls.spawn(async move { believes(&authority, &token).await });
    }
    calls.join_all().await.into_iter().collect()
}

#[tokio::test]
async fn an_unknown_key_is_fetched_once_and_what_the_last_set_let_in_is_judged_anew() {
    let [old, new, never] = ["old", "new", "never"].map(Signer::new);
    let identity = Identity::of(vec![old.public()]);
    let authority = identity.authority().await;
    let before = identity.asked();
    let remembered = old.lasting();
    assert!(believes(&authority, &remembered).await);
    identity.tell(Some(vec![new.public()]));
    assert!(believes(&authority, &remembered).await, "nothing has asked for the new set yet");
    assert_eq!(identity.asked(), before, "a known key causes no fetch");

    assert_eq!(believes_each(&authority, &new).await, BTreeSet::from([true]));
    assert_eq!(identity.asked(), before + 1, "all of them waited for one fetch");
    assert!(!believes(&authority, &remembered).await, "its key is not in the set any more");
    assert_eq!(believes_each(&authority, &never).await, BTreeSet::from([false]));
    assert_eq!(identity.asked(), before + 1, "what nobody knows is not asked for again and again");
}

#[tokio::test]
async fn nonsense_replaces_no_keys() {
    let [good, other] = ["good", "other"].map(Signer::new);
    let odd = |change: fn(&mut Key)| {
        let mut key = other.public();
        change(&mut key);
        Some(vec![good.public(), key])
    };
    for (nonsense, keys) in [
        ("nothing", Some(Vec::new())),
        ("a failure", None),
        ("a key twice", Some(vec![good.public(), good.public()])),
        ("a key of another kind", odd(|key| key.kty = "RSA".to_owned())),
        ("a key for another use", odd(|key| key.r#use = "enc".to_owned())),
        ("a key without a name", odd(|key| key.kid.clear())),
        ("half a key", odd(|key| key.x.truncate(7))),
        ("too many keys", Some((0..21).map(|n| Key { kid: n.to_string(), ..good.public() }).collect())),
    ] {
        let identity = Identity::of(vec![good.public()]);
        let authority = identity.authority().await;
        let before = identity.asked();
        let remembered = good.lasting();
        assert!(believes(&authority, &remembered).await);
        identity.tell(keys);
        assert!(!believes(&authority, &other.lasting()).await, "{nonsense}");
        assert_eq!(identity.asked(), before + 1, "{nonsense}");
        assert!(believes(&authority, &remembered).await && believes(&authority, &good.lasting()).await, "after {nonsense}");
    }
}

#[tokio::test]
async fn a_remembered_token_dies_in_its_time() {
    let signer = Signer::new("k");
    let authority = Identity::of(vec![signer.public()]).authority().await;
    let until = clock::unix() + 3;
    let token = signer.token(until);
    assert!(believes(&authority, &token).await);
    while clock::unix() < until {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert!(!believes(&authority, &token).await);
}

/// Who has not heard of sign-outs refuses what is sensitive, to whoever calls, and nothing else.
#[tokio::test]
async fn what_is_sensitive_waits_until_sign_outs_are_known() {
    let signer = Signer::new("k");
    for (identity, hears) in [(Identity::of(vec![signer.public()]), true), (Identity::deaf(vec![signer.public()]), false)] {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let channel = peer(&listener).channel();
        let gate = Gate::new(identity.authority().await);
        tokio::spawn(Server::builder().layer(gate).add_routes(Routes::default()).serve_with_incoming(TcpIncoming::from(listener)));
        let (token, mut waiting) = (signer.lasting(), 0);
        for (method, policy) in answering() {
            let path = grpc::path(&method);
            let answer = grpc::call(channel.clone(), &method, &grpc::request(&method, json!({})), Some(&token)).await.expect_err(&path);
            if policy.policy.sensitive && !hears {
                assert_eq!(answer.code(), Code::Unavailable, "{path}: {answer:?}");
                assert!(answer.message().contains("sign-outs"), "{path}: {answer:?}");
                waiting += 1;
            } else {
                // Nobody stands behind the gate.
                assert_eq!(answer.code(), Code::Unimplemented, "{path}: {answer:?}");
            }
        }
        assert_eq!(waiting > 0, !hears, "{waiting} sensitive methods");
    }
}
