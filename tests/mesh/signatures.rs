//! Signing, through the gateway: who may, what stays as it was signed, and what each signature says.

use base64::{
    Engine,
    engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD},
};
use prost::Message;
use prost_reflect::MethodDescriptor;
use serde_json::{Value, json};
use spectra_mesh::{
    Peer, hex,
    signed::{Manifest, is_signed, key_id},
};
use spectra_proto::policy::POLICIES;
use spectra_tests::{Caller, DEMO, Mesh, TEST, grpc};
use sqlx::{AssertSqlSafe, Connection, PgConnection};
use tonic::Code;

use crate::eln::{ELN, passwords, written};

/// An example request of each method, in proto3 JSON.
pub(crate) fn example(method: &str, _: impl Fn(&str) -> Value) -> Option<Value> {
    Some(match method {
        "SignRecord" => json!({
            "record": {"kind": "eln_entry", "id": "1", "number": 1, "version": 1, "parts": {"title": "0".repeat(64)}},
            "meaning": "SIGNATURE_MEANING_REVIEW", "password": passwords("admin"),
        }),
        "ListSignatureKeys" => json!({}),
        _ => return None,
    })
}

pub(crate) fn path(entry: &Value) -> String {
    format!("{ELN}/{}", entry["id"].as_str().unwrap())
}

pub(crate) fn with(password: &str, meaning: &str) -> Value {
    json!({"method": "password", "password": password, "meaning": meaning, "reason": "I was there"})
}

/// The public key of the lab.
async fn public_key(caller: &Caller) -> Vec<u8> {
    let keys = caller.get("/api/identity/signature-keys").await.expect(200);
    let key = &keys["items"][0];
    let public_key = URL_SAFE_NO_PAD.decode(key["public_key"].as_str().unwrap()).unwrap();
    assert_eq!((key["algorithm"].as_str(), key["key_id"].as_str()), (Some("Ed25519"), Some(&*key_id(&public_key))));
    public_key
}

/// What every signature of a version says, once it is seen that it is one.
pub(crate) async fn verified(caller: &Caller, entry: &Value) -> Vec<Manifest> {
    let key = public_key(caller).await;
    let listed = caller.get(&format!("{}/signatures", path(entry))).await.expect(200);
    let verified = listed["items"].as_array().unwrap().iter().map(|signature| {
        let text = signature["manifest"].as_str().unwrap();
        let bytes = STANDARD.decode(signature["signature"].as_str().unwrap()).unwrap();
        assert!(is_signed(text, &bytes, &key), "{signature}");
        let manifest: Manifest = serde_json::from_str(text).unwrap();
        assert_eq!(manifest.text(), text, "the form is canonical");
        assert_eq!(manifest.content_hash, manifest.record.content_hash());
        assert_eq!(manifest.content_hash, signature["content_hash"]);
        assert_eq!(
            (manifest.meaning.as_str(), manifest.signer.name.as_str()),
            (signature["meaning"].as_str().unwrap(), signature["signer_name"].as_str().unwrap())
        );
        manifest
    });
    verified.collect()
}

#[tokio::test]
async fn authors_sign_and_others_witness() {
    let mesh = Mesh::start().await;
    let (technician, engineer, pi) = (mesh.demo("technician").await, mesh.demo("engineer").await, mesh.demo("pi").await);
    let entry = written(&technician, "Leakage").await;
    let sign = format!("{}/sign", path(&entry));
    engineer.post(&sign, with("eng123", "author")).await.refused(403, "not_the_author");
    engineer.post(&sign, with("eng123", "witness")).await.refused(403, "role_required");
    technician.post(&sign, with("tech123", "witness")).await.refused(409, "own_entry");
    mesh.demo("viewer").await.post(&sign, with("view123", "author")).await.refused(403, "role_required");
    technician.post(&sign, with("eng123", "author")).await.refused(403, "wrong_password");
    technician.post(&sign, json!({"method": "password"})).await.refused(422, "invalid");
    technician.post(&sign, json!({"method": "proof", "password": "tech123"})).await.refused(422, "invalid");
    technician.post(&sign, json!({"method": "smile", "password": "tech123"})).await.refused(422, "invalid");
    technician.post(&sign, json!({"password": ""})).await.refused(422, "invalid");
    assert_eq!(technician.get(&path(&entry)).await.expect(200)["signed"], false, "nothing of this signed it");

    let signed = technician.post(&sign, json!({"method": "password", "password": "tech123"})).await.expect(200);
    assert_eq!((&signed["signed"], &signed["content_hash"]), (&json!(true), &entry["content_hash"]));
    assert!(signed["signed_at"].is_string());
    technician.post(&sign, with("tech123", "author")).await.refused(409, "already_signed");
    pi.post(&sign, with("pi123", "witness")).await.expect(200);
    pi.post(&sign, with("pi123", "approve")).await.expect(200);
    pi.post(&sign, with("pi123", "witness")).await.refused(409, "already_signed");

    let said = verified(&technician, &entry).await;
    let told: Vec<_> = said.iter().map(|said| (said.signer.name.as_str(), said.signer.role.as_str(), said.meaning.as_str())).collect();
    assert_eq!(
        told,
        [
            ("Principal Investigator", "pi", "approve"),
            ("Principal Investigator", "pi", "witness"),
            ("Lab Technician", "technician", "author")
        ]
    );
    assert_eq!(
        (said[2].reason.as_deref(), said[1].reason.as_deref(), said[1].organization.name.as_str()),
        (None, Some("I was there"), "Demo Lab")
    );
    let listed = technician.get(&format!("{}/signatures", path(&entry))).await.expect(200);
    assert_eq!(signed["signed_at"], listed["items"][2]["signed_at"]);
    mesh.caller("pi", TEST).await.post(&sign, with("pi123", "witness")).await.refused(404, "not_found");
}

#[tokio::test]
async fn an_edit_of_what_is_signed_is_a_new_version() {
    let mesh = Mesh::start().await;
    let (technician, engineer, pi) = (mesh.demo("technician").await, mesh.demo("engineer").await, mesh.demo("pi").await);
    let first = written(&technician, "Leakage").await;
    technician.post(&format!("{}/sign", path(&first)), with("tech123", "author")).await.expect(200);
    engineer.put(&path(&first), json!({"title": "Mine"})).await.refused(403, "role_required");
    let second = technician.put(&path(&first), json!({"title": "Leakage, again"})).await.expect(200);
    assert_ne!(second["id"], first["id"]);
    assert_eq!(
        (&second["supersedes"], &second["entry_no"], &second["entry_version"], &second["signed"], &second["body_markdown"]),
        (&first["id"], &first["entry_no"], &json!(2), &json!(false), &first["body_markdown"])
    );
    let old = technician.get(&path(&first)).await.expect(200);
    assert_eq!((&old["superseded_by"], &old["title"], &old["signed"]), (&second["id"], &json!("Leakage"), &json!(true)));
    assert_eq!(verified(&technician, &first).await.len(), 1);
    assert!(verified(&technician, &second).await.is_empty());
    let refused = technician.put(&path(&first), json!({"title": "x"})).await.refused(409, "entry_superseded");
    assert_eq!(refused["superseded_by"], second["id"]);
    // A pi who takes part in writing is no witness of it.
    pi.patch(&path(&second), json!({"tags": ["seen"]})).await.expect(200);
    pi.post(&format!("{}/sign", path(&second)), with("pi123", "witness")).await.refused(409, "own_entry");
    for id in [&first, &second] {
        let versions = technician.get(&format!("{}/versions", path(id))).await.expect(200);
        let versions: Vec<_> =
            versions["items"].as_array().unwrap().iter().map(|version| version["entry_version"].as_i64().unwrap()).collect();
        assert_eq!(versions, [2, 1]);
    }
    let newest = technician.get(ELN).await.expect(200);
    assert_eq!(newest["items"].as_array().unwrap().len(), 1);
    assert_eq!(newest["items"][0]["id"], second["id"]);
    assert_eq!(technician.get(&format!("{ELN}?all_versions=true")).await.expect(200)["items"].as_array().unwrap().len(), 2);
    technician.delete(&path(&first)).await.refused(405, "method_not_allowed");
}

/// What the application's own role, and the superuser, can do to a signed version in SQL: nothing.
#[tokio::test]
async fn no_statement_changes_what_is_signed() {
    let mesh = Mesh::start().await;
    let technician = mesh.demo("technician").await;
    let (entry, unsigned) = (written(&technician, "Leakage").await, written(&technician, "Other").await);
    technician.post(&format!("{}/sign", path(&entry)), with("tech123", "author")).await.expect(200);
    let org: uuid::Uuid = sqlx::query_scalar("SELECT id FROM identity.organizations WHERE slug = $1")
        .bind(DEMO)
        .fetch_one(&mut mesh.sql().await)
        .await
        .unwrap();
    let (entry_id, unsigned_id) = (entry["id"].as_str().unwrap(), unsigned["id"].as_str().unwrap());
    let attached = format!(
        "INSERT INTO lims.attachments (organization_id, id, entity_type, entity_id, filename, content_type, size_bytes, sha256, uri, uploaded_by)
         SELECT organization_id, gen_random_uuid(), 'eln_entry', id, 'iv.csv', 'text/csv', 1, content_hash, 'x', author_id
           FROM lims.eln_entries WHERE id = '{entry_id}'"
    );
    let statements = [
        attached,
        format!("UPDATE lims.eln_entries SET title = 'x' WHERE id = '{entry_id}'"),
        format!("UPDATE lims.eln_entries SET signed = false, signed_at = NULL WHERE id = '{entry_id}'"),
        format!("UPDATE lims.eln_entries SET revision = 9 WHERE id = '{entry_id}'"),
        format!("DELETE FROM lims.eln_entries WHERE id = '{entry_id}'"),
        format!("DELETE FROM lims.eln_entries WHERE id = '{unsigned_id}'"),
        format!("UPDATE lims.eln_entries SET signed = true, signed_at = now() WHERE id = '{unsigned_id}'"),
        format!("UPDATE lims.signatures SET meaning = 'approve' WHERE entry_id = '{entry_id}'"),
        format!("DELETE FROM lims.signatures WHERE entry_id = '{entry_id}'"),
        "TRUNCATE lims.signatures, lims.eln_search, lims.eln_entries".to_owned(),
        format!(
            "INSERT INTO lims.signatures SELECT organization_id, gen_random_uuid(), entry_type, '{unsigned_id}', signer_id, signer_name, signer_role,
                    meaning, reason, method, content_hash, manifest, signature, key_id, signed_at, now() FROM lims.signatures WHERE entry_id = '{entry_id}'"
        ),
    ];
    let mut application = PgConnection::connect_with(&mesh.application("spectra_lims").await).await.unwrap();
    sqlx::query("SELECT set_config('app.org', $1, false)").bind(org.to_string()).execute(&mut application).await.unwrap();
    let mut admin = mesh.sql().await;
    for (who, conn) in [("the application", &mut application), ("the superuser", &mut admin)] {
        for statement in &statements {
            let refused = sqlx::raw_sql(AssertSqlSafe(statement.as_str())).execute(&mut *conn).await;
            let code = refused
                .map(|_| ())
                .map_err(|error| error.as_database_error().and_then(|told| told.code().map(std::borrow::Cow::into_owned)));
            let refused = matches!(&code, Err(Some(code)) if ["23001", "42501", "23503"].contains(&code.as_str()));
            assert!(refused, "{who}: {statement}: {code:?}");
        }
    }
    assert_eq!(technician.get(&path(&entry)).await.expect(200)["title"], "Leakage");
}

/// Whatever comes first, each signature is over what its version holds.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hundred_races_of_edit_and_signature_keep_hash_and_version_equal() {
    let mesh = Mesh::start().await;
    let (technician, pi) = (mesh.demo("technician").await, mesh.demo("pi").await);
    let (mut signed, mut changed, mut followed) = (0, 0, 0);
    for race in 0..100 {
        let entry = written(&technician, &format!("Race {race}")).await;
        let (path, sign) = (path(&entry), format!("{}/sign", path(&entry)));
        let (author, edited) = (technician.clone(), path.clone());
        let edit = tokio::spawn(async move { author.put(&edited, json!({"title": "Edited", "body_markdown": "Edited"})).await });
        let (witness, other) = (pi.clone(), sign.clone());
        let second = tokio::spawn(async move { witness.post(&other, with("pi123", "witness")).await });
        let answer = technician.post(&sign, with("tech123", "author")).await;
        let (edit, second) = (edit.await.unwrap().expect(200), second.await.unwrap());
        for answer in [answer, second] {
            match answer.status.as_u16() {
                200 => signed += 1,
                _ => _ = (answer.refused(409, "entry_changed"), changed += 1),
            }
        }
        followed += u32::from(edit["id"] != entry["id"]);
        for version in [&entry["id"], &edit["id"]] {
            let version = technician.get(&format!("{ELN}/{}", version.as_str().unwrap())).await.expect(200);
            for said in verified(&technician, &version).await {
                assert_eq!(said.content_hash, version["content_hash"], "race {race}");
                assert_eq!(said.record.parts["title"], spectra_mesh::sha256(version["title"].as_str().unwrap().as_bytes()), "race {race}");
                assert_eq!(said.record.id, version["id"], "race {race}");
            }
        }
    }
    println!("{signed} signed, {changed} were changed first, {followed} were followed by a version");
    assert_eq!(signed + changed, 200);
}

#[tokio::test]
async fn a_signature_is_made_once_under_a_key_that_holds_no_secret() {
    let mesh = Mesh::start().await;
    let technician = mesh.demo("technician").await;
    let entry = written(&technician, "Leakage").await;
    let (sign, keyed) = (format!("{}/sign", path(&entry)), technician.with("idempotency-key", "k"));
    let first = keyed.post(&sign, with("tech123", "author")).await.expect(200);
    assert_eq!(keyed.post(&sign, with("tech123", "author")).await.expect(200), first, "the answer that got lost");
    assert_eq!(keyed.post(&sign, with("another", "author")).await.expect(200), first, "no password is in what a key stands for");
    assert_eq!(verified(&technician, &entry).await.len(), 1);
    keyed.post(&sign, json!({"password": "tech123", "meaning": "author", "reason": "other"})).await.refused(409, "key_reused");
    let stale = technician.with("if-match", "\"99\"");
    let other = written(&technician, "Other").await;
    stale.post(&format!("{}/sign", path(&other)), with("tech123", "author")).await.refused(412, "stale");
    let dump: String = sqlx::query_scalar("SELECT string_agg(to_jsonb(e)::text, ' ') FROM lims.audit_events e")
        .fetch_one(&mut mesh.sql().await)
        .await
        .unwrap();
    assert!(dump.contains("I was there") && !dump.contains("tech123"));
    let kept: String =
        sqlx::query_scalar("SELECT string_agg(concat(to_jsonb(k)::text, encode(reply, 'escape')), ' ') FROM lims.idempotency_keys k")
            .fetch_one(&mut mesh.sql().await)
            .await
            .unwrap();
    assert!(kept.contains("Leakage") && !kept.contains("tech123") && !kept.contains(&hex(b"tech123")), "{kept}");
}

/// Identity signs what it is given, so that services alone may ask it to.
#[tokio::test]
async fn what_services_alone_call_is_reached_by_no_door() {
    let mesh = Mesh::start().await;
    let (admin, token) = (mesh.demo("admin").await, mesh.token("admin", DEMO).await);
    let gateway = Peer::at("gateway", &mesh.url()).unwrap().channel();
    let asked = |method: &MethodDescriptor| {
        grpc::request(method, example(method.name(), |_| Value::Null).unwrap_or_else(|| json!({}))).encode_to_vec()
    };
    // What is told by gRPC, gRPC-Web and Connect.
    let told = async |method: &MethodDescriptor| {
        let (path, message) = (grpc::path(method), asked(method));
        let framed = [&[0][..], &u32::try_from(message.len()).unwrap().to_be_bytes(), &message].concat();
        let plain = grpc::call_raw(gateway.clone(), method, message.clone().into(), Some(&token)).await;
        let web = admin.with("content-type", "application/grpc-web+proto").post_raw(&path, framed).await;
        let connect = admin.with("content-type", "application/proto").post_raw(&path, message).await;
        (plain.err().map(|status| status.code()), web.header("grpc-status").to_owned(), connect.status.as_u16())
    };
    let mut internal: Vec<_> = grpc::methods().filter(|method| POLICIES[&grpc::path(method)].policy.internal).collect();
    internal.sort_by_key(grpc::path);
    assert_eq!(internal.iter().map(MethodDescriptor::name).collect::<Vec<_>>(), ["WatchRevocations", "SignRecord"]);
    for method in &internal {
        assert_eq!(told(method).await, (Some(Code::Unimplemented), "12".to_owned(), 404), "{}", grpc::path(method));
    }
    let listed = grpc::methods().find(|method| method.name() == "ListSignatureKeys").unwrap();
    assert_eq!(told(&listed).await, (None, String::new(), 200), "the doors are there");
    let identity = mesh.channel("spectra.identity.v1");
    assert!(grpc::call_raw(identity, &internal[1], asked(&internal[1]).into(), Some(&token)).await.is_ok(), "a service is served");
    let entry = written(&admin, "Leakage").await;
    admin.post(&format!("{}/sign", path(&entry)), with("admin123", "author")).await.expect(200);
}

#[tokio::test]
async fn the_key_of_records_outlives_its_seal() {
    let mesh = Mesh::start().await;
    let before = public_key(&mesh.demo("viewer").await).await;
    mesh.keys().await.rewrap(&[7; 32]).await.unwrap();
    let mesh = mesh.start_again([7; 32]).await.unwrap();
    assert_eq!(public_key(&mesh.demo("viewer").await).await, before);
}

/// Who says what they read signs that and nothing else.
#[tokio::test]
async fn what_was_read_is_what_is_signed() {
    let mesh = Mesh::start().await;
    let (technician, pi) = (mesh.demo("technician").await, mesh.demo("pi").await);
    let entry = written(&technician, "Leakage").await;
    let read = entry["content_hash"].clone();
    pi.patch(&path(&entry), json!({"body_markdown": "Nothing leaks."})).await.expect(200);
    let mut asked = with("tech123", "author");
    asked["content_hash"] = read;
    technician.post(&format!("{}/sign", path(&entry)), asked.clone()).await.refused(409, "entry_changed");
    asked["content_hash"] = technician.get(&path(&entry)).await.expect(200)["content_hash"].clone();
    technician.post(&format!("{}/sign", path(&entry)), asked.clone()).await.expect(200);
    asked["content_hash"] = json!("short");
    technician.post(&format!("{}/sign", path(&entry)), asked).await.refused(422, "invalid");
}

/// A line that somebody wrote is theirs in every later version, whoever wrote after them.
#[tokio::test]
async fn who_wrote_once_never_witnesses() {
    let mesh = Mesh::start().await;
    let (technician, pi, admin) = (mesh.demo("technician").await, mesh.demo("pi").await, mesh.demo("admin").await);
    let first = written(&technician, "Leakage").await;
    pi.patch(&path(&first), json!({"tags": ["seen"]})).await.expect(200);
    technician.patch(&path(&first), json!({"tags": ["seen", "twice"]})).await.expect(200);
    pi.post(&format!("{}/sign", path(&first)), with("pi123", "witness")).await.refused(409, "own_entry");
    technician.post(&format!("{}/sign", path(&first)), with("tech123", "author")).await.expect(200);

    // A pi corrects what is signed; it stays the technician's, who goes on.
    let second = pi.patch(&path(&first), json!({"title": "Leakage, corrected"})).await.expect(200);
    assert_eq!((&second["author_id"], second["writers"].as_array().unwrap().len()), (&first["author_id"], 2));
    technician.patch(&path(&second), json!({"tags": []})).await.expect(200);
    pi.post(&format!("{}/sign", path(&second)), with("pi123", "approve")).await.refused(409, "own_entry");
    technician.post(&format!("{}/sign", path(&second)), with("tech123", "author")).await.expect(200);
    admin.post(&format!("{}/sign", path(&second)), with("admin123", "approve")).await.expect(200);
}
